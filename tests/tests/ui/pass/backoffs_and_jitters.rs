//! The first and the last value of every bound.

use resilience_runtime::{Rejection, retry};

#[retry(backoff = constant, jitter = none)]
async fn constant() -> Result<(), Rejection> {
    Ok(())
}

#[retry(backoff = linear, jitter = equal)]
async fn linear() -> Result<(), Rejection> {
    Ok(())
}

#[retry(backoff = exponential, jitter = full)]
async fn exponential() -> Result<(), Rejection> {
    Ok(())
}

#[retry(backoff = fibonacci, jitter = 0.3)]
async fn fibonacci() -> Result<(), Rejection> {
    Ok(())
}

#[retry(backoff = decorrelated, jitter = full)]
async fn decorrelated() -> Result<(), Rejection> {
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    constant().await.unwrap();
    linear().await.unwrap();
    exponential().await.unwrap();
    fibonacci().await.unwrap();
    decorrelated().await.unwrap();
}
