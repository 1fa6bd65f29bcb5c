use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(consecutive_failures = 0)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker(consecutive_failures = 1000001)]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
