use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(
    "",
    failure_rate = 101,
    minimum_calls = 0,
    window = 65536,
    consecutive_failures = 99999999999,
    slow_call = "2h",
    slow_call_rate = -1,
    open_for = "0s",
    open_backoff = 0.5,
    open_jitter = 2,
    half_open_calls = 256,
    half_open_timeout = "2d",
    key = 1,
    max_keys = 0
)]
async fn values() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker(window = "9ms")]
async fn window() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
