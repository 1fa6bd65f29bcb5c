//! A retry whose attempts can all begin before the timeout above it ends them, however little there is left.

use std::time::Duration;

use resilience_runtime::{Rejection, retry, timeout};

const LIMIT: Duration = Duration::from_millis(301);

#[timeout("301ms")]
#[retry(attempts = 3, delay = "100ms", jitter = none)]
async fn literals() -> Result<(), Rejection> {
    Ok(())
}

#[timeout(LIMIT)]
#[retry(attempts = 3, delay = "100ms", jitter = none)]
async fn constants() -> Result<(), Rejection> {
    Ok(())
}

#[timeout("1ms")]
#[retry(attempts = 100, delay = "1s")]
async fn full_jitter_may_wait_for_nothing() -> Result<(), Rejection> {
    Ok(())
}

#[timeout("1s")]
#[retry(attempts = 5, delay = "1s", jitter = none, retry_after = Rejection::retry_after)]
async fn asked_waits_may_be_shorter() -> Result<(), Rejection> {
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    literals().await.unwrap();
    constants().await.unwrap();
    full_jitter_may_wait_for_nothing().await.unwrap();
    asked_waits_may_be_shorter().await.unwrap();
}
