//! The first and the last value of every bound.

use resilience_runtime::{Rejection, timeout};

#[timeout("1000us")]
async fn micros() -> Result<(), Rejection> {
    Ok(())
}

#[timeout("250ms")]
async fn millis() -> Result<(), Rejection> {
    Ok(())
}

#[timeout("5s")]
async fn seconds() -> Result<(), Rejection> {
    Ok(())
}

#[timeout("1m30s")]
async fn minutes() -> Result<(), Rejection> {
    Ok(())
}

#[timeout("1h 30m")]
async fn spaced() -> Result<(), Rejection> {
    Ok(())
}

#[timeout("2d")]
async fn days() -> Result<(), Rejection> {
    Ok(())
}

#[timeout("1w")]
async fn weeks() -> Result<(), Rejection> {
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    micros().await.unwrap();
    millis().await.unwrap();
    seconds().await.unwrap();
    minutes().await.unwrap();
    spaced().await.unwrap();
    days().await.unwrap();
    weeks().await.unwrap();
}
