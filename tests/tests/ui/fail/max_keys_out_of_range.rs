use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(key = 1, max_keys = 0)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker(key = 1, max_keys = 1000001)]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
