//! The expansion brings no lint into a strict crate: `cargo clippy -p tests --test lints` is the test.
#![deny(warnings, clippy::all, clippy::pedantic)]
#![forbid(unsafe_code)]

use std::time::Duration;

use resilience_runtime::{
    Failure, Rejection, RetryEvent, WindowCounts, bulkhead, circuit_breaker, fallback, rate_limit, retry, timeout,
};

const RATE: f64 = 40.0;
const OPEN: Duration = Duration::from_secs(5);

#[derive(Clone)]
struct Order {
    cents: u64,
}

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
