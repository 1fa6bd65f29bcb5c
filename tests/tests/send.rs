//! What can be sent between threads before it is guarded, or caught when it panics, can be so afterwards.

use resilience_runtime::{
    Bulkhead, CircuitBreaker, Permit, RateLimiter, Rejection, Retry, Timeout, bulkhead, circuit_breaker, fallback,
    rate_limit, retry, timeout,
};
use std::cell::Cell;
use std::fmt::Display;
use std::panic::{RefUnwindSafe, UnwindSafe};

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

fn is_send<T: Send>(_: T) {}

async fn wait() {
    tokio::task::yield_now().await;
}

#[retry(attempts = 2)]
#[circuit_breaker]
#[bulkhead(max_concurrent = 5, max_queue = 5)]
#[rate_limit("1000/s", max_wait = "1s")]
#[timeout("1s")]
async fn all(text: &str, owned: String) -> Result<String, Error> {
    wait().await;
    Ok(format!("{text}{owned}"))
}

#[retry(attempts = 2)]
#[circuit_breaker]
#[timeout("1s")]
async fn generic<T: Display + Clone + Send + Sync>(value: T) -> Result<String, Error> {
    wait().await;
    Ok(value.to_string())
}

#[retry(attempts = 2)]
#[circuit_breaker]
async fn unique(numbers: &mut Vec<u64>) -> Result<(), Error> {
    wait().await;
    numbers.push(1);
    Ok(())
}

#[circuit_breaker]
#[timeout("1s")]
async fn borrowed<'a>(text: &'a str, _other: &str) -> Result<&'a str, Error> {
    wait().await;
    Ok(text)
}

/// Can be sent and not shared: a reference to it must not be held while the call waits.
#[derive(Clone)]
struct Sendable(Cell<u64>);

#[circuit_breaker]
async fn moves_what_cannot_be_shared(value: Sendable) -> Result<u64, Error> {
    wait().await;
    Ok(value.0.get())
}

#[timeout("1s")]
#[bulkhead(3)]
async fn moves_it_through_two_layers(value: Sendable) -> Result<u64, Error> {
    wait().await;
    Ok(value.0.get())
}

struct Service {
    calls: u64,
    cell: Cell<u64>,
}

impl Service {
    #[retry(attempts = 2)]
    #[circuit_breaker]
    #[timeout("1s")]
    async fn exclusive(&mut self, by: u64) -> Result<u64, Error> {
        wait().await;
        self.calls += by;
        self.cell.set(self.calls);
        Ok(self.calls)
    }

    #[circuit_breaker]
    #[fallback(Self::otherwise)]
    async fn with_fallback(&mut self, text: String) -> Result<usize, Error> {
        wait().await;
        self.calls += 1;
        Ok(text.len())
    }

    async fn otherwise(&mut self, text: String) -> Result<usize, Error> {
        self.calls += 1;
        Ok(text.len())
    }
}

#[fallback(no_answer)]
async fn only_a_fallback(text: &str) -> Result<usize, Error> {
    wait().await;
    Ok(text.len())
}

fn no_answer(text: &str) -> Result<usize, Error> {
    Ok(text.len())
}

#[test]
fn guarded_futures_can_be_sent() {
    is_send(all("a", String::new()));
    is_send(generic(7));
    is_send(unique(&mut vec![]));
    is_send(borrowed("a", "b"));
    is_send(moves_what_cannot_be_shared(Sendable(Cell::new(1))));
    is_send(moves_it_through_two_layers(Sendable(Cell::new(1))));
    let mut service = Service { calls: 0, cell: Cell::new(0) };
    is_send(service.exclusive(1));
    is_send(service.with_fallback(String::new()));
    is_send(only_a_fallback("a"));
}

fn is_unwind_safe<T: UnwindSafe>(_: T) {}

fn is_ref_unwind_safe<T: RefUnwindSafe>() {}

#[circuit_breaker(key = id)]
#[fallback(no_name)]
async fn keyed(id: u8) -> Result<usize, Error> {
    std::future::ready(id).await;
    Ok(usize::from(id))
}

#[retry]
#[circuit_breaker]
#[bulkhead(max_concurrent = 5, max_queue = 5)]
#[rate_limit("1000/s", max_wait = "1s")]
#[timeout("1s")]
async fn ready(text: &str, owned: String) -> Result<usize, Error> {
    std::future::ready(text).await;
    Ok(text.len() + owned.len())
}

#[timeout("1m")]
#[retry]
#[circuit_breaker]
#[timeout("1s")]
async fn timed(text: &str, owned: String) -> Result<usize, Error> {
    std::future::ready(text).await;
    Ok(text.len() + owned.len())
}

fn no_name(id: u8) -> Result<usize, Error> {
    Ok(usize::from(id))
}

#[test]
fn guarded_futures_are_unwind_safe() {
    is_unwind_safe(ready("a", String::new()));
    is_unwind_safe(timed("a", String::new()));
    is_unwind_safe(keyed(1));
}

#[test]
fn policies_are_unwind_safe() {
    is_ref_unwind_safe::<CircuitBreaker>();
    is_ref_unwind_safe::<Retry>();
    is_ref_unwind_safe::<Bulkhead>();
    is_ref_unwind_safe::<RateLimiter>();
    is_ref_unwind_safe::<Timeout>();
    is_ref_unwind_safe::<Permit<'_>>();
}

#[tokio::test]
async fn and_they_do_what_they_did() {
    assert_eq!(all("a", "b".to_owned()).await.unwrap(), "ab");
    assert_eq!(generic(7).await.unwrap(), "7");
    let mut numbers = vec![];
    unique(&mut numbers).await.unwrap();
    assert_eq!(numbers, [1]);
    assert_eq!(borrowed("a", "b").await.unwrap(), "a");
    assert_eq!(moves_what_cannot_be_shared(Sendable(Cell::new(3))).await.unwrap(), 3);
    assert_eq!(moves_it_through_two_layers(Sendable(Cell::new(4))).await.unwrap(), 4);
    let mut service = Service { calls: 0, cell: Cell::new(0) };
    assert_eq!(service.exclusive(2).await.unwrap(), 2);
    assert_eq!(service.with_fallback("abc".to_owned()).await.unwrap(), 3);
    assert_eq!((service.calls, service.cell.get()), (3, 2));
    assert_eq!(only_a_fallback("ab").await.unwrap(), 2);
}
