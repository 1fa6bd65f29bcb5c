//! A retry asks the circuit breaker below it before it waits: there is nothing to wait for where that will still be open.

use resilience_runtime::testing::Scope;
use resilience_runtime::{Event, GaveUp, Rejection, circuit_breaker, classify, registry, retry};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;
use tokio::time::Instant;

#[derive(Debug, PartialEq, thiserror::Error)]
enum Error {
    #[error("down")]
    Down,
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

#[retry(attempts = 5, delay = "2s", jitter = none, backoff = constant)]
#[circuit_breaker("below: longer", consecutive_failures = 2, window = none, open_for = "5s")]
async fn open_for_longer(calls: &AtomicU32) -> Result<(), Error> {
    calls.fetch_add(1, Relaxed);
    Err(Error::Down)
}

#[retry(attempts = 3, delay = "5s", jitter = none, backoff = constant)]
#[circuit_breaker("below: shorter", consecutive_failures = 1, window = none, open_for = "5s")]
async fn open_for_no_longer(calls: &AtomicU32) -> Result<(), Error> {
    calls.fetch_add(1, Relaxed);
    Err(Error::Down)
}

#[retry(attempts = 3, delay = "2s", jitter = none, backoff = constant, retry_rejections = [circuit_open])]
#[circuit_breaker("below: tried again", consecutive_failures = 1, window = none, open_for = "1h")]
async fn tried_again(calls: &AtomicU32) -> Result<(), Error> {
    calls.fetch_add(1, Relaxed);
    Err(Error::Down)
}

#[circuit_breaker("below: above", consecutive_failures = 1, window = none)]
#[retry(attempts = 3, delay = "2s", jitter = none)]
async fn breaker_above(calls: &AtomicU32) -> Result<(), Error> {
    if calls.fetch_add(1, Relaxed) == 0 {
        registry().circuit_breaker("below: above").unwrap().force_open();
    }
    Err(Error::Down)
}

#[retry(attempts = 3, delay = "2s", jitter = none)]
#[circuit_breaker("below: blocking", consecutive_failures = 1, window = none)]
fn blocking(calls: &AtomicU32) -> Result<(), Error> {
    calls.fetch_add(1, Relaxed);
    Err(Error::Down)
}

#[retry(attempts = 3, delay = "2s", jitter = none, classify = |result: Result<&u16, &Error>| result.map_or(resilience_runtime::Verdict::FAILURE, |status| classify::status(*status)))]
#[circuit_breaker("below: classified", consecutive_failures = 1, window = none)]
async fn classified(calls: &AtomicU32) -> Result<u16, Error> {
    calls.fetch_add(1, Relaxed);
    Ok(503)
}

/// How the retries of the call ended.
fn ended(mut events: resilience_runtime::Events) -> Vec<(GaveUp, u32)> {
    let told = std::iter::from_fn(|| events.try_recv());
    told.filter_map(|event| match event {
        Event::RetriesEnded { why, attempts, .. } => Some((why, attempts)),
        _ => None,
    })
    .collect()
}

#[tokio::test(start_paused = true)]
async fn a_breaker_that_stays_open_ends_the_retries_at_once_and_any_other_does_not() {
    let scope = Scope::new();
    let _entered = scope.enter();
    let (calls, began, events) = (AtomicU32::new(0), Instant::now(), registry().subscribe());
    assert_eq!(open_for_longer(&calls).await, Err(Error::Down), "the last error is that of the call");
    assert_eq!((calls.load(Relaxed), began.elapsed()), (2, Duration::from_secs(2)));
    assert_eq!(ended(events), [(GaveUp::CircuitOpen, 2)]);
    assert_eq!(registry().circuit_breaker("below: longer").unwrap().totals().rejected, 0, "asking is no call");

    let calls = AtomicU32::new(0);
    assert_eq!(open_for_no_longer(&calls).await, Err(Error::Down));
    assert_eq!(calls.load(Relaxed), 3, "each wait ends when a probe is due");

    let calls = AtomicU32::new(0);
    tried_again(&calls).await.unwrap_err();
    let rejected = registry().circuit_breaker("below: tried again").unwrap().totals().rejected;
    assert_eq!(
        (calls.load(Relaxed), rejected),
        (1, 1),
        "the second attempt is made, and told to come again in an hour"
    );

    let calls = AtomicU32::new(0);
    assert_eq!(breaker_above(&calls).await, Err(Error::Down));
    assert_eq!(calls.load(Relaxed), 3, "one that stands above has let the call in");
}

#[test]
fn a_thread_does_not_sleep_for_it_either() {
    let scope = Scope::new();
    let _entered = scope.enter();
    let (calls, began) = (AtomicU32::new(0), std::time::Instant::now());
    assert_eq!(blocking(&calls), Err(Error::Down));
    assert!(began.elapsed() < Duration::from_secs(2));
    assert_eq!(calls.load(Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_a_failure_is_returned_at_once_too() {
    let scope = Scope::new();
    let _entered = scope.enter();
    let (calls, began) = (AtomicU32::new(0), Instant::now());
    assert_eq!(classified(&calls).await, Ok(503));
    assert_eq!((calls.load(Relaxed), began.elapsed()), (1, Duration::ZERO));
}
