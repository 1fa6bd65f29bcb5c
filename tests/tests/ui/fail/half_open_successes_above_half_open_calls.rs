use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(half_open_calls = 2, half_open_successes = 3)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker(half_open_successes = 4)]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
