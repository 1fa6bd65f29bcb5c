//! The first and the last value of every bound.

use resilience_runtime::{Rejection, bulkhead};

#[bulkhead(1, max_queue = 0)]
async fn least() -> Result<(), Rejection> {
    Ok(())
}

#[bulkhead(1, max_queue = 1, max_wait = "1ms")]
async fn least_queue() -> Result<(), Rejection> {
    Ok(())
}

#[bulkhead(1_000_000, max_queue = 1_000_000, max_wait = "24h")]
async fn most() -> Result<(), Rejection> {
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    least().await.unwrap();
    least_queue().await.unwrap();
    most().await.unwrap();
}
