//! The first and the last value of every bound.

use resilience_runtime::{Rejection, rate_limit};

#[rate_limit("1/h", burst = 1, max_wait = "0s")]
async fn least() -> Result<(), Rejection> {
    Ok(())
}

#[rate_limit("1000000000/s", burst = 1_000_000_000, max_wait = "1h")]
async fn most() -> Result<(), Rejection> {
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    least().await.unwrap();
    most().await.unwrap();
}
