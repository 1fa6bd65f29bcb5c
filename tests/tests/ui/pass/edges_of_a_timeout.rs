//! The first and the last value of every bound.

use resilience_runtime::{Rejection, timeout};

#[timeout("1ms")]
async fn least() -> Result<(), Rejection> {
    Ok(())
}

#[timeout(after = "365d")]
async fn most() -> Result<(), Rejection> {
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    least().await.unwrap();
    most().await.unwrap();
}
