use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(minimum_calls = 2.5)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker(minimum_calls = -2)]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
