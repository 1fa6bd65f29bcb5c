use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(window = true)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker(window = 1.5)]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
