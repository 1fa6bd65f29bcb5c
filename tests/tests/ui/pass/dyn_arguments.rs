//! Trait objects behind every kind of pointer, lent to attempts and to fallbacks.
#![deny(warnings)]

use std::sync::Arc;

use resilience_runtime::{Rejection, bulkhead, circuit_breaker, fallback, retry};

trait Rates: Send + Sync {
    fn of(&self, currency: &str) -> u32;
}

struct Fixed(u32);

impl Rates for Fixed {
    fn of(&self, _: &str) -> u32 {
        self.0
    }
}

#[retry(attempts = 3, delay = "0s", jitter = none)]
#[circuit_breaker]
async fn lent(rates: &dyn Rates, seen: &mut dyn FnMut(u32), shared: Arc<dyn Rates>) -> Result<u32, Rejection> {
    tokio::task::yield_now().await;
    seen(rates.of("eur"));
    if rates.of("eur") > 5 { Err(Rejection::BulkheadFull { name: "full".into(), key: None }) } else { Ok(shared.of("usd")) }
}

#[bulkhead(1)]
async fn given(rates: Box<dyn Rates + '_>) -> Result<Box<dyn Rates + '_>, Rejection> {
    Ok(rates)
}

#[fallback(nothing)]
async fn answered(rates: &dyn Rates, seen: &mut (dyn FnMut(u32) + Send)) -> Result<u32, ()> {
    seen(rates.of("eur"));
    Err(())
}

async fn nothing(_: &dyn Rates, seen: &mut (dyn FnMut(u32) + Send)) -> Result<u32, ()> {
    seen(0);
    Ok(0)
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() {
    let mut seen = Vec::new();
    assert_eq!(lent(&Fixed(1), &mut |rate| seen.push(rate), Arc::new(Fixed(2))).await.unwrap(), 2);
    lent(&Fixed(7), &mut |rate| seen.push(rate), Arc::new(Fixed(2))).await.unwrap_err();
    assert_eq!(given(Box::new(Fixed(3))).await.unwrap().of("eur"), 3);
    assert_eq!(answered(&Fixed(4), &mut |rate| seen.push(rate)).await, Ok(0));
    assert_eq!(seen, [1, 7, 7, 7, 4, 0]);
}
