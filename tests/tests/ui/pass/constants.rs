//! Numbers and durations as constant expressions, of every type that a key takes.

use std::time::Duration;

use resilience_runtime::{Rejection, Window, circuit_breaker};

mod limits {
    pub(crate) const RATE: f64 = 12.5;
    pub(crate) const CALLS: u32 = 30;
}

const WINDOW: Window = Window::Count(100);
const OPEN: Duration = Duration::from_secs(5);

#[circuit_breaker(
    failure_rate = limits::RATE,
    minimum_calls = 2 * limits::CALLS,
    window = OPEN.saturating_mul(2),
    open_for = OPEN
)]
async fn numbers_and_durations() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker(failure_rate = limits::CALLS, minimum_calls = 3 + 4, window = limits::CALLS * 2)]
async fn whole_numbers() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker(window = WINDOW, slow_call = Duration::from_millis(7), open_jitter = 1.0 / 8.0)]
async fn a_window() -> Result<(), Rejection> {
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    numbers_and_durations().await.unwrap();
    whole_numbers().await.unwrap();
    a_window().await.unwrap();
}
