//! The expansion brings no lint into a strict crate: `cargo clippy -p tests --test lints` is the test.
#![deny(warnings, clippy::all, clippy::pedantic)]
#![forbid(unsafe_code)]

use std::time::Duration;

use resilience_runtime::{Failure, Rejection, WindowCounts, circuit_breaker, fallback};

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
}
