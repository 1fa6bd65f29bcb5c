use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(minimum_calls = 0)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker(minimum_calls = 99999999999)]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
