//! One breaker, one thread: what a call costs in each of its states.

use crate::contest::{BARE, Case, Contestant, calls};
use crate::peers;
use crate::subject::{self, FAILS, bare, failing, failing_1_percent};
use resilience_runtime::{CircuitBreaker, registry};
use std::sync::Arc;
use std::time::Duration;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new("closed", "a closed breaker, the call succeeds", closed),
        Case::new("1 % errors", "a closed breaker, one call in a hundred fails", errors),
        Case::new("open", "an open breaker: the call is rejected", open),
        Case::new("half-open: a probe", "a half-open breaker lets the call through", probing),
        Case::new("half-open: rejected", "all probes are under way", probed),
    ]
}

fn with_peers(case: &str, mut contestants: Vec<Contestant>) -> Vec<Contestant> {
    contestants.extend(peers::of(case));
    contestants
}

fn closed() -> Vec<Contestant> {
    let ours = vec![
        calls!(BARE, |call| bare(call).await),
        calls!("ours, default (10 s)", |call| subject::by_default(call).await),
        calls!("ours, consecutive", |call| subject::by_row(call).await),
        calls!("ours, count window", |call| subject::by_count(call).await),
        calls!("ours, slow calls", |call| subject::by_slowness(call).await),
        calls!("ours, latency", |call| subject::by_time(call).await),
    ];
    with_peers("closed", ours)
}

fn errors() -> Vec<Contestant> {
    let ours = vec![
        calls!(BARE, failing_1_percent, |call| bare(call).await),
        calls!("ours, default (10 s)", failing_1_percent, |call| subject::failing_by_default(call).await),
        calls!("ours, consecutive", failing_1_percent, |call| subject::failing_by_row(call).await),
        calls!("ours, count window", failing_1_percent, |call| subject::failing_by_count(call).await),
    ];
    with_peers("1 % errors", ours)
}

fn open() -> Vec<Contestant> {
    let ours = vec![
        calls!(BARE, failing, |call| bare(call).await),
        // Opens in the first calls, before anything is timed.
        calls!("ours", failing, |call| subject::open(call).await),
    ];
    with_peers("open", ours)
}

/// The breaker of that name, open and due, found without a call having been made.
fn due(name: &str, call: fn(u64) -> crate::subject::Guarded) -> Arc<CircuitBreaker> {
    // The first call makes the breaker.
    let _ = crate::contest::current_thread().block_on(call(0));
    let breaker = registry().circuit_breaker(name).expect("it was called");
    breaker.try_acquire().expect("it is closed").failure();
    std::thread::sleep(Duration::from_millis(5));
    breaker
}

fn probing() -> Vec<Contestant> {
    due("probing", |call| Box::pin(subject::probing(call)));
    // Each is a probe whose end says nothing: its place is given back, and the breaker stays half-open.
    let ours =
        vec![calls!(BARE, |call| bare(call).await), calls!("ours", |_| FAILS, |call| subject::probing(call).await)];
    with_peers("half-open: a probe", ours)
}

fn probed() -> Vec<Contestant> {
    let breaker = due("probed", |call| Box::pin(subject::probed(call)));
    let breaker: &'static CircuitBreaker = Box::leak(Box::new(breaker));
    // Never answered.
    std::mem::forget(breaker.try_acquire().expect("it is due"));
    vec![calls!(BARE, |call| bare(call).await), calls!("ours", |call| subject::probed(call).await)]
}
