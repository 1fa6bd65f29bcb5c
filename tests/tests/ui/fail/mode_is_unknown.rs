use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(mode = monitr)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker(mode = 3)]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
