//! The first and the last value of every bound.

use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(
    "p",
    failure_rate = 0.000001,
    minimum_calls = 1,
    window = "10ms",
    consecutive_failures = 1,
    slow_call = "1us",
    slow_call_rate = 0.000001,
    open_for = "1ms",
    open_backoff = 1,
    max_open_for = "1ms",
    open_jitter = 0,
    half_open_calls = 1,
    half_open_successes = 1,
    half_open_timeout = "1ms",
    key = 1,
    max_keys = 1
)]
async fn least() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker(
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    failure_rate = 100,
    minimum_calls = 1_000_000_000,
    window = "24h",
    consecutive_failures = 1_000_000,
    slow_call = "1h",
    slow_call_rate = 100,
    open_for = "365d",
    open_backoff = 100,
    max_open_for = "365d",
    open_jitter = 1,
    half_open_calls = 255,
    half_open_successes = 255,
    half_open_timeout = "24h",
    key = 1,
    max_keys = 1_000_000
)]
async fn most() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker(window = 1, minimum_calls = 1)]
async fn one_call() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker(window = 65535, minimum_calls = 65535)]
async fn most_calls() -> Result<(), Rejection> {
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    least().await.unwrap();
    most().await.unwrap();
    one_call().await.unwrap();
    most_calls().await.unwrap();
}
