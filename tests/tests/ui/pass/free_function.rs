//! A guarded function keeps its signature, its documentation and its visibility.
#![deny(missing_docs)]

use resilience_runtime::{Rejection, circuit_breaker};

/// Documented.
#[circuit_breaker("payment", failure_rate = 50, window = "10s", open_for = "30s")]
pub async fn charge(cents: u64) -> Result<u64, Rejection> {
    Ok(cents)
}

#[circuit_breaker]
async fn without_keys() -> Result<(), Rejection> {
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(charge(7).await.unwrap(), 7);
    without_keys().await.unwrap();
}
