//! The first and the last value of every bound.

use resilience_runtime::{Rejection, rate_limit};

#[rate_limit("100/s")]
async fn second() -> Result<(), Rejection> {
    Ok(())
}

#[rate_limit("10/min")]
async fn minute() -> Result<(), Rejection> {
    Ok(())
}

#[rate_limit("5000/h")]
async fn hour() -> Result<(), Rejection> {
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    second().await.unwrap();
    minute().await.unwrap();
    hour().await.unwrap();
}
