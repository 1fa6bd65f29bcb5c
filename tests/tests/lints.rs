//! The expansion brings no lint into a strict crate, whatever the policy and the form of the function: `cargo clippy -p tests --test lints`
//! is the test. A crate of the edition before has this file as a module.
#![deny(warnings, clippy::all, clippy::pedantic)]
#![forbid(unsafe_code)]

use std::{future::Future, pin::Pin, time::Duration};

use async_trait::async_trait;
use resilience_runtime::{
    Failure, Rejection, RetryEvent, WindowCounts, bulkhead, circuit_breaker, fallback, rate_limit, retry, timeout,
};

const RATE: f64 = 40.0;
const OPEN: Duration = Duration::from_secs(5);

#[derive(Clone)]
struct Order {
    cents: u64,
}

#[derive(Clone)]
struct Gateway {
    sent: u64,
}

impl Gateway {
    /// Every kind of argument, each of which reaches the fallback too.
    #[circuit_breaker(
        "strict",
        failure_rate = RATE,
        open_for = OPEN,
        trip_if = too_many,
        failure_if = |error: &Rejection| error.retry_after().is_none(),
        key = order.cents,
        max_keys = 3
    )]
    #[fallback = Self::queue]
    async fn charge(
        &mut self,
        order: Order,
        name: &str,
        mut rest: &mut [u8],
        (a, mut b): (u64, u64),
    ) -> Result<u64, Rejection> {
        const LIMIT: u64 = 1000;
        fn double(number: u64) -> u64 {
            2 * number
        }
        tokio::task::yield_now().await;
        self.sent += 1;
        rest[0] = 1;
        rest = &mut rest[1..];
        b += rest.len() as u64 + name.len() as u64;
        if order.cents > LIMIT {
            return Ok(LIMIT);
        }
        Ok(double(a) + b + order.cents)
    }

    async fn queue(
        &mut self,
        order: Order,
        _: &str,
        _: &mut [u8],
        _: (u64, u64),
        failure: Failure<Rejection>,
    ) -> Result<u64, Rejection> {
        tokio::task::yield_now().await;
        if self.sent == 0 { Err(failure.rejection().cloned().expect("nothing else fails")) } else { Ok(order.cents) }
    }
}

const SHARE: f64 = 0.5;

impl Gateway {
    /// All policies, in an order that wants every kind of lending.
    #[timeout("1m", name = "strict: total")]
    #[retry(
        attempts = 4,
        delay = "0s",
        jitter = SHARE,
        retry_if = |error: &Rejection| error.retry_after().is_none(),
        on_retry = tell,
        budget = 50
    )]
    #[circuit_breaker("strict: sent", key = self.sent)]
    #[rate_limit("1000/s", max_wait = "1s")]
    #[timeout(OPEN)]
    #[bulkhead(3, max_queue = 5)]
    #[fallback(Self::queue, |_, order, _, _, _| Ok(order.cents), on = [timed_out], if = |_| true)]
    async fn send(
        &mut self,
        mut order: Order,
        mut name: &str,
        mut rest: &mut [u8],
        (a, mut b): (u64, u64),
    ) -> Result<u64, Rejection> {
        tokio::task::yield_now().await;
        self.sent += 1;
        rest[0] = 1;
        rest = &mut rest[1..];
        name = &name[1..];
        order.cents += rest.len() as u64 + name.len() as u64;
        b += a;
        Ok(order.cents + b)
    }
}

/// A trait whose methods become functions that return a box.
#[async_trait]
trait Courier {
    async fn deliver(&mut self, order: Order, (a, b): (u64, u64)) -> Result<u64, Rejection>;

    #[retry(delay = "0s")]
    #[circuit_breaker(key = a)]
    async fn fetch(&self, (a, _): (u64, u64)) -> Result<u64, Rejection> {
        Ok(a)
    }
}

#[async_trait]
impl Courier for Gateway {
    #[timeout("1m", name = "strict: courier")]
    #[retry(delay = "0s", retry_after = Rejection::retry_after, retry_rejections = [timed_out])]
    #[circuit_breaker("strict: courier", key = format_args!("{a}/{}", order.cents))]
    #[rate_limit("1000/s", max_wait = "1s")]
    #[bulkhead(3, max_queue = 5, max_wait = "1s")]
    #[timeout("1s")]
    #[fallback = Self::keep]
    async fn deliver(&mut self, mut order: Order, (a, mut b): (u64, u64)) -> Result<u64, Rejection> {
        order.cents += a;
        b += order.cents;
        self.sent += b;
        Ok(self.sent)
    }
}

impl Gateway {
    fn keep(&mut self, order: Order, _: (u64, u64)) -> Result<u64, Rejection> {
        self.sent += 1;
        let cents = std::iter::once(order).map(|order| order.cents).sum();
        if cents == 0 { Err(refused()) } else { Ok(cents) }
    }

    /// A box of one's own.
    #[circuit_breaker(key = self.sent)]
    #[timeout("1m")]
    #[rate_limit("1000/s")]
    #[bulkhead(3)]
    #[fallback(Self::keep, |_, order, _| Ok(order.cents), on = [timed_out])]
    fn boxed<'a>(
        &'a mut self,
        order: Order,
        (a, b): (u64, u64),
    ) -> Pin<Box<dyn Future<Output = Result<u64, Rejection>> + Send + 'a>> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            self.sent += a + b;
            Ok(order.cents)
        })
    }

    /// On the caller's thread.
    #[retry(attempts = 4, delay = "0s", jitter = SHARE, on_retry = tell, budget = 50)]
    #[circuit_breaker("strict: synchronous", key = order.cents, failure_if = |error| error.retry_after().is_none())]
    #[rate_limit("1000/s")]
    #[bulkhead(3)]
    #[fallback(Self::keep, |_, order, _| Ok(order.cents), on = [rate_limited], if = |_| true)]
    fn now(&mut self, mut order: Order, (a, mut b): (u64, u64)) -> Result<u64, Rejection> {
        b += a;
        order.cents += b;
        self.sent += 1;
        assert!(self.sent > 0, "{self}");
        Ok(order.cents)
    }

    /// A receiver that every attempt gets a clone of.
    #[retry(delay = "0s")]
    #[timeout("1s")]
    async fn last(mut self, add: u64) -> Result<String, Rejection> {
        self.sent += add;
        Ok(format!("{self}{add}"))
    }
}

impl std::fmt::Display for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.sent)
    }
}

/// Statements before a future.
#[circuit_breaker(map_rejection = |rejection| rejection.to_string())]
#[fallback(later)]
fn after_statements(name: &str) -> impl Future<Output = Result<usize, String>> + Send + use<'_> {
    let length = name.len();
    async move {
        tokio::task::yield_now().await;
        Ok(length)
    }
}

async fn later(name: &str, error: String) -> Result<usize, String> {
    tokio::task::yield_now().await;
    if name.is_empty() { Err(error) } else { Ok(0) }
}

/// Arguments that are there under a condition.
#[retry(delay = "0s")]
#[fallback(conditional)]
async fn under_conditions<T: Clone + Send + Sync>(
    value: T,
    #[cfg(not(miri))] text: String,
    #[cfg(miri)] missing: u8,
) -> Result<(T, usize), Rejection> {
    Ok((value, text.len()))
}

fn conditional<T>(value: T, #[cfg(not(miri))] text: String, #[cfg(miri)] missing: u8) -> Result<(T, usize), Rejection> {
    let length = text.into_bytes().len();
    if length == 0 { Err(refused()) } else { Ok((value, length)) }
}

fn refused() -> Rejection {
    Rejection::BulkheadFull { name: "strict".into(), key: None }
}

fn tell(event: &RetryEvent) {
    assert!(event.attempt > 0);
}

#[retry]
#[timeout("1s")]
async fn takes(text: String, list: Vec<u64>) -> Result<usize, Rejection> {
    tokio::task::yield_now().await;
    Ok(text.len() + list.len())
}

#[bulkhead(2)]
async fn one_of_two(number: u64) -> Result<u64, Rejection> {
    tokio::task::yield_now().await;
    Ok(number)
}

#[rate_limit("100/s")]
async fn often(number: u64) -> Result<u64, Rejection> {
    Ok(number)
}

#[timeout("1s")]
#[bulkhead(2)]
async fn borrows(numbers: &mut [u64]) -> Result<&mut u64, Rejection> {
    tokio::task::yield_now().await;
    Ok(&mut numbers[0])
}

fn too_many(counts: &WindowCounts) -> bool {
    counts.failures > 1000
}

#[fallback(|_, failure| async move { if let Failure::Call(0) = failure { Ok(7) } else { Err(1) } })]
#[circuit_breaker(map_rejection = |_| 2)]
async fn closures(number: u64) -> Result<u64, u64> {
    if number == 0 { Err(0) } else { Ok(number) }
}

#[tokio::test]
async fn strict_functions_work() {
    let mut gateway = Gateway { sent: 0 };
    let charged = gateway.charge(Order { cents: 5 }, "ab", &mut [0, 0], (1, 2)).await;
    assert_eq!(charged.ok(), Some(12));
    assert_eq!(closures(0).await, Ok(7));
    assert_eq!(closures(3).await, Ok(3));
    assert_eq!(gateway.send(Order { cents: 5 }, "ab", &mut [0, 0], (1, 2)).await.ok(), Some(10));
    assert_eq!(takes("a".to_owned(), vec![1]).await.ok(), Some(2));
    assert_eq!(one_of_two(1).await.ok(), Some(1));
    assert_eq!(often(1).await.ok(), Some(1));
    assert_eq!(borrows(&mut [7]).await.ok(), Some(&mut 7));
}

#[tokio::test]
async fn strict_functions_of_every_form_work() {
    let mut gateway = Gateway { sent: 0 };
    assert_eq!(gateway.deliver(Order { cents: 5 }, (1, 2)).await.ok(), Some(8));
    assert_eq!(gateway.fetch((3, 4)).await.ok(), Some(3));
    assert_eq!(gateway.boxed(Order { cents: 5 }, (1, 2)).await.ok(), Some(5));
    assert_eq!(gateway.now(Order { cents: 5 }, (1, 2)).ok(), Some(8));
    assert_eq!(gateway.last(8).await.ok(), Some("208".to_owned()));
    assert_eq!(after_statements("abc").await, Ok(3));
    assert_eq!(under_conditions(7, "abc".to_owned()).await.ok(), Some((7, 3)));
}
