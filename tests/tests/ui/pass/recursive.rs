//! A guarded function may call itself: each call takes part in the breaker.

use std::{future::Future, pin::Pin};

use resilience_runtime::{Rejection, circuit_breaker, registry};

#[circuit_breaker("async")]
async fn asynchronous(depth: u8) -> Result<u8, Rejection> {
    if depth == 0 { Ok(0) } else { Ok(1 + Box::pin(asynchronous(depth - 1)).await?) }
}

#[circuit_breaker("sync")]
fn synchronous(depth: u8) -> Result<u8, Rejection> {
    if depth == 0 { Ok(0) } else { Ok(1 + synchronous(depth - 1)?) }
}

#[circuit_breaker("boxed")]
fn boxed(depth: u8) -> Pin<Box<dyn Future<Output = Result<u8, Rejection>> + Send>> {
    Box::pin(async move { if depth == 0 { Ok(0) } else { Ok(1 + boxed(depth - 1).await?) } })
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(asynchronous(3).await.unwrap(), 3);
    assert_eq!(synchronous(3).unwrap(), 3);
    assert_eq!(boxed(3).await.unwrap(), 3);
    for name in ["async", "sync", "boxed"] {
        assert_eq!(registry().circuit_breaker(name).unwrap().snapshot().totals.successes, 4, "{name}");
    }
}
