//! Every key of `circuit_breaker`.

use resilience_runtime::{Rejection, WindowCounts, circuit_breaker};

#[circuit_breaker(
    "every key",
    preset = external_api,
    failure_rate = 33.3,
    minimum_calls = 10,
    window = "1m",
    consecutive_failures = 7,
    abandoned_after = "2s",
    latency = true,
    slow_call = "250ms",
    slow_call_rate = 80,
    open_for = "15s",
    open_backoff = 1.5,
    max_open_for = "2m",
    open_jitter = 0.2,
    half_open_calls = 5,
    half_open_successes = 3,
    half_open_timeout = "20s",
    failure_if = |error: &Rejection| error.retry_after().is_none(),
    ignore_if = |error| error.name() == "other",
    trip_if = too_many,
    mode = monitor,
    map_rejection = |rejection| rejection,
    crate = resilience_runtime,
)]
async fn every_key() -> Result<u8, Rejection> {
    Ok(1)
}

fn too_many(counts: &WindowCounts) -> bool {
    counts.failures > 1000
}

#[circuit_breaker(name = "count window", window = 100)]
async fn count_window() -> Result<u8, Rejection> {
    Ok(2)
}

#[circuit_breaker(name = "no window", window = none, consecutive_failures = 3, mode = off)]
async fn no_window() -> Result<u8, Rejection> {
    Ok(3)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(every_key().await.unwrap(), 1);
    assert_eq!(count_window().await.unwrap(), 2);
    assert_eq!(no_window().await.unwrap(), 3);
}
