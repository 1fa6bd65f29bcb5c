use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(window = 0)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker(window = 65536)]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
