use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(half_open_calls = 0)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker(half_open_calls = 256)]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
