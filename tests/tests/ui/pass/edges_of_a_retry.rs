//! The first and the last value of every bound.

use resilience_runtime::{Rejection, retry};

#[retry(attempts = 1, delay = "0s", factor = 1, max_delay = "1ms", jitter = 0, max_elapsed = "1ms", budget = 0.1)]
async fn least() -> Result<(), Rejection> {
    Ok(())
}

#[retry(attempts = 100, delay = "24h", factor = 100, max_delay = "24h", jitter = 1, max_elapsed = "365d", budget = 100)]
async fn most() -> Result<(), Rejection> {
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    least().await.unwrap();
    most().await.unwrap();
}
