//! Closures and functions that are async: as arguments, and in a body that lends its own `self` to them.
#![deny(warnings)]

use std::future::Future;

use resilience_runtime::{Rejection, bulkhead, circuit_breaker, retry};

#[bulkhead(1)]
async fn once(call: impl AsyncFnOnce() -> Result<u8, Rejection>) -> Result<u8, Rejection> {
    call().await
}

#[retry(attempts = 2, delay = "0s")]
async fn again<F>(call: &mut F) -> Result<u8, Rejection>
where
    F: AsyncFnMut() -> Result<u8, Rejection>,
{
    call().await
}

#[retry]
#[circuit_breaker]
async fn by_bounds<F, Answer>(call: F) -> Result<u8, Rejection>
where
    F: Fn(u8) -> Answer + Clone,
    Answer: Future<Output = Result<u8, Rejection>>,
{
    call(3).await
}

struct Counter(u8);

impl Counter {
    #[retry]
    async fn count(&mut self) -> Result<u8, Rejection> {
        let mut next = async || {
            tokio::task::yield_now().await;
            self.0 += 1;
        };
        next().await;
        next().await;
        Ok(self.0)
    }
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() {
    assert_eq!(once(async || Ok(1)).await.unwrap(), 1);
    let mut calls = 0;
    let mut call = async || {
        calls += 1;
        if calls == 1 { Err(Rejection::BulkheadFull { name: "full".into(), key: None }) } else { Ok(2) }
    };
    assert_eq!(again(&mut call).await.unwrap(), 2);
    assert_eq!(calls, 2);
    assert_eq!(by_bounds(async |number| Ok(number)).await.unwrap(), 3);
    assert_eq!(Counter(0).count().await.unwrap(), 2);
}
