//! Beside attributes of other crates that make something else of an `async fn`: above them and below them, a guarded function does the same.

use async_recursion::async_recursion;
use resilience_runtime::{Rejection, circuit_breaker, fallback, retry, timeout};
use std::cell::Cell;
use std::future::Future;

thread_local! {
    static CALLS: Cell<u32> = const { Cell::new(0) };
}

#[derive(Debug, PartialEq, thiserror::Error)]
enum Error {
    #[error("it is down")]
    Down,
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

/// The first call of a test fails.
fn first_fails() -> Result<(), Error> {
    if CALLS.replace(CALLS.get() + 1) == 0 { Err(Error::Down) } else { Ok(()) }
}

#[async_recursion]
#[retry(attempts = 2, delay = "0s")]
async fn retried_below(depth: u8) -> Result<u8, Error> {
    first_fails()?;
    if depth == 0 { Ok(0) } else { Ok(retried_below(depth - 1).await? + 1) }
}

#[retry(attempts = 2, delay = "0s")]
#[async_recursion]
async fn retried_above(depth: u8) -> Result<u8, Error> {
    first_fails()?;
    if depth == 0 { Ok(0) } else { Ok(retried_above(depth - 1).await? + 1) }
}

#[async_recursion]
#[circuit_breaker]
#[timeout("5s")]
async fn broken_below(depth: u8, text: &str) -> Result<usize, Error> {
    if depth == 0 { Ok(text.len()) } else { Ok(broken_below(depth - 1, text).await? + 1) }
}

#[circuit_breaker]
#[async_recursion]
async fn broken_above(depth: u8, text: &str) -> Result<usize, Error> {
    if depth == 0 { Ok(text.len()) } else { Ok(broken_above(depth - 1, text).await? + 1) }
}

#[async_recursion]
#[circuit_breaker]
#[fallback(length)]
async fn answered_below(depth: u8, text: String) -> Result<usize, Error> {
    if depth == 0 { Err(Error::Down) } else { Ok(answered_below(depth - 1, text).await? + 1) }
}

async fn length(_: u8, text: String) -> Result<usize, Error> {
    Ok(text.len())
}

struct Counter(u8);

impl Counter {
    #[async_recursion(?Send)]
    #[retry(attempts = 2, delay = "0s")]
    async fn count(&mut self, depth: u8) -> Result<u8, Error> {
        first_fails()?;
        self.0 += 1;
        if depth == 0 { Ok(self.0) } else { self.count(depth - 1).await }
    }
}

#[trait_variant::make(Gateway: Send)]
trait LocalGateway {
    async fn charge(&self, amount: u8) -> Result<u8, Error>;
    async fn refund(&self, amount: &u8) -> Result<u8, Error>;
}

impl Gateway for Counter {
    #[retry(attempts = 2, delay = "0s")]
    #[circuit_breaker]
    async fn charge(&self, amount: u8) -> Result<u8, Error> {
        first_fails()?;
        Ok(amount + self.0)
    }

    #[circuit_breaker]
    async fn refund(&self, amount: &u8) -> Result<u8, Error> {
        tokio::task::yield_now().await;
        Ok(*amount)
    }
}

fn sent<F: Future + Send>(call: F) -> F {
    CALLS.set(0);
    call
}

#[tokio::test]
async fn a_recursion_is_boxed_below_and_above() {
    assert_eq!(sent(retried_below(3)).await, Ok(3));
    assert_eq!(CALLS.get(), 5);
    assert_eq!(sent(retried_above(3)).await, Ok(3));
    assert_eq!(CALLS.get(), 5);
    assert_eq!(sent(broken_below(3, "text")).await, Ok(7));
    assert_eq!(sent(broken_above(3, "text")).await, Ok(7));
    assert_eq!(sent(answered_below(2, "text".to_owned())).await, Ok(6));
    CALLS.set(0);
    assert_eq!(Counter(0).count(2).await, Ok(3));
}

#[tokio::test]
async fn a_trait_of_which_there_is_a_variant_is_implemented() {
    let counter = Counter(1);
    assert_eq!(sent(Gateway::charge(&counter, 2)).await, Ok(3));
    assert_eq!(sent(Gateway::refund(&counter, &2)).await, Ok(2));
    assert_eq!(LocalGateway::charge(&counter, 2).await, Ok(3));
    assert_eq!(LocalGateway::refund(&counter, &2).await, Ok(2));
}
