//! Every key of `retry`.

use std::{
    cell::Cell,
    rc::Rc,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use resilience_runtime::{Rejection, RetryEvent, retry};

static TOLD: AtomicU32 = AtomicU32::new(0);

#[retry(
    name = "every key",
    attempts = 5,
    delay = "1ms",
    backoff = exponential,
    factor = 1.5,
    max_delay = "20ms",
    jitter = equal,
    max_elapsed = "10s",
    retry_if = |error| *error != "final",
    retry_rejections = [circuit_open, timed_out, bulkhead_full, rate_limited],
    retry_after = |error: &String| (error == "later").then_some(Duration::from_millis(2)),
    budget = 20,
    on_retry = tell,
    map_rejection = |rejection: Rejection| rejection.to_string(),
    crate = resilience_runtime,
)]
async fn every_key(calls: Rc<Cell<u32>>, last: u32) -> Result<u32, String> {
    calls.set(calls.get() + 1);
    match calls.get() {
        call if call == last => Ok(call),
        1 => Err("later".to_owned()),
        4 => Err("final".to_owned()),
        _ => Err("failed".to_owned()),
    }
}

fn tell(event: &RetryEvent) {
    TOLD.fetch_add(event.attempt, Relaxed);
}

const SHARE: f64 = 0.5;
const CALLS: u32 = 2;
const WAIT: Duration = Duration::from_millis(1);

#[retry(attempts = CALLS, delay = WAIT, jitter = SHARE, backoff = decorrelated, retry_rejections = [])]
async fn constants(calls: &Cell<u32>) -> Result<(), Rejection> {
    calls.set(calls.get() + 1);
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(every_key(Rc::default(), 3).await, Ok(3));
    assert_eq!(TOLD.swap(0, Relaxed), 1 + 2);
    assert_eq!(every_key(Rc::default(), 9).await, Err("final".to_owned()));
    assert_eq!(TOLD.load(Relaxed), 1 + 2 + 3);
    let calls = Cell::new(0);
    constants(&calls).await.unwrap();
    assert_eq!(calls.get(), 1);
}
