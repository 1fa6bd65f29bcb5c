//! Streams of prices that break or hang after a few items, and what a circuit breaker, a bulkhead and a timeout make of them.
//!
//! There is no network in it. The exchange is a switch that says what it does to its subscribers.

use std::error::Error;
use std::pin::pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use resilience_runtime::{Rejection, bulkhead, circuit_breaker, registry, timeout};
use tokio_stream::{Stream, StreamExt};

#[derive(Debug, thiserror::Error)]
enum FeedError {
    #[error("the connection was lost")]
    Lost,
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

const WELL: u8 = 0;
const BREAKS: u8 = 1;
const HANGS: u8 = 2;

#[derive(Default)]
struct Exchange(AtomicU8);

impl Exchange {
    #[circuit_breaker("prices", consecutive_failures = 3, open_for = "300ms", half_open_calls = 1, stream = true)]
    #[bulkhead(10)]
    #[timeout("1s", between = "100ms")]
    async fn prices(&self) -> Result<impl Stream<Item = Result<u32, FeedError>>, FeedError> {
        let does = self.0.load(Ordering::Relaxed);
        let prices = (100..).map(move |price| match price {
            103.. if does == BREAKS => Err(FeedError::Lost),
            price => Ok(price),
        });
        let pause = Duration::from_millis(10);
        let hangs = tokio_stream::pending();
        let prices = tokio_stream::iter(prices).throttle(pause);
        Ok(prices.take(if does == HANGS { 2 } else { usize::MAX }).chain(hangs))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let exchange = Exchange::default();
    for (does, said) in [(WELL, "is well"), (BREAKS, "breaks"), (HANGS, "hangs"), (WELL, "is well again")] {
        println!("the exchange {said}");
        exchange.0.store(does, Ordering::Relaxed);
        for _ in 0..3 {
            let outcome = match exchange.prices().await {
                Err(error) => error.to_string(),
                Ok(prices) => {
                    // Whoever has read enough leaves: the feed never ends by itself.
                    let mut prices = pin!(prices.take(5));
                    let mut last = 0;
                    loop {
                        match prices.next().await {
                            Some(Ok(price)) => last = price,
                            Some(Err(error)) => break format!("{last}, then {error}"),
                            None => break format!("{last}"),
                        }
                    }
                }
            };
            let breaker = registry().circuit_breaker("prices").ok_or("it has been called")?;
            println!("    {outcome}; circuit {}", breaker.state());
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let totals = registry().circuit_breaker("prices").ok_or("it has been called")?.totals();
    println!("{} streams were well, {} were not", totals.successes, totals.failures);
    Ok(())
}
