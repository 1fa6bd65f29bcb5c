//! A timeout above a breaker is a limit for all attempts where another one is below it.

use resilience_runtime::{Rejection, circuit_breaker, retry, timeout};

#[timeout("10s", name = "total")]
#[retry]
#[circuit_breaker]
#[timeout("2s", name = "attempt")]
async fn charge() -> Result<u64, Rejection> {
    Ok(7)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(charge().await.unwrap(), 7);
}
