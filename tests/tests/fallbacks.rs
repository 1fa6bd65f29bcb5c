//! Points 20 and 21 of the semantics: when a fallback runs, what it may be, and what it leaves alone.

use resilience_runtime::testing::Scope;
use resilience_runtime::{
    Event, Failure, Operation, Rejection, RejectionKind, bulkhead, circuit_breaker, fallback, registry, retry, timeout,
};
use std::future::{Future, pending};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;
use tokio::time::{Instant, sleep};

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
enum Error {
    #[error("{0}")]
    Own(&'static str),
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

#[circuit_breaker("fallbacks: counted", window = none, consecutive_failures = 2)]
#[fallback = say_why]
async fn counted(fails: bool) -> Result<String, Error> {
    if fails { Err(Error::Own("no")) } else { Ok("yes".to_owned()) }
}

async fn say_why(_: bool, failure: Failure<Error>) -> Result<String, Error> {
    Ok(failure.to_string())
}

#[tokio::test(start_paused = true)]
async fn it_runs_for_errors_and_rejections_and_what_the_breaker_counted_stands() {
    assert_eq!(counted(false).await.unwrap(), "yes");
    assert_eq!(counted(true).await.unwrap(), "no");
    assert_eq!(counted(true).await.unwrap(), "no");
    let why = counted(false).await.unwrap();
    assert!(why.starts_with("circuit breaker `fallbacks: counted` is open: 2 consecutive failures"), "{why}");
    let totals = registry().circuit_breaker("fallbacks: counted").unwrap().totals();
    assert_eq!((totals.successes, totals.failures, totals.rejected), (1, 2, 1));
}

#[bulkhead]
fn has_none() -> Result<(), Rejection> {
    Ok(())
}

#[test]
fn where_there_is_none_nothing_is_counted() {
    has_none().unwrap();
    let operation = registry().operations().find(|operation| operation.function() == "has_none").unwrap();
    assert_eq!((operation.fallbacks(), operation.answered_fallbacks(), operation.failed_fallbacks()), (0, 0, 0));
    assert_eq!([None, Some(RejectionKind::BulkheadFull)].map(|why| operation.fallbacks_for(why)), [0, 0]);
}

#[circuit_breaker]
#[fallback(fails_too)]
async fn both_fail() -> Result<(), Error> {
    Err(Error::Own("first"))
}

fn fails_too() -> Result<(), Error> {
    Err(Error::Own("second"))
}

#[circuit_breaker]
#[fallback(fails_too, third)]
async fn levels() -> Result<(), Error> {
    Err(Error::Own("first"))
}

async fn third(error: Error) -> Result<(), Error> {
    match error {
        Error::Own(said) => Err(Error::Own(if said == "second" { "third, after second" } else { said })),
        Error::Rejected(_) => Ok(()),
    }
}

#[tokio::test(start_paused = true)]
async fn its_own_error_is_returned_as_it_is() {
    assert_eq!(both_fail().await, Err(Error::Own("second")));
    assert_eq!(levels().await, Err(Error::Own("third, after second")));
}

#[timeout("50ms")]
#[fallback(queued, on = [timed_out])]
async fn for_timeouts_only(hangs: bool) -> Result<u8, Error> {
    if hangs { pending().await } else { Err(Error::Own("left alone")) }
}

fn queued(_: bool) -> Result<u8, Error> {
    Ok(9)
}

#[circuit_breaker]
#[fallback(queued, if = |error: &Error| *error == Error::Own("come in"))]
async fn for_some_errors(come_in: bool) -> Result<u8, Error> {
    Err(Error::Own(if come_in { "come in" } else { "left alone" }))
}

#[tokio::test(start_paused = true)]
async fn it_leaves_alone_what_it_was_told_to() {
    assert_eq!(for_timeouts_only(true).await, Ok(9));
    assert_eq!(for_timeouts_only(false).await, Err(Error::Own("left alone")));
    assert_eq!(for_some_errors(true).await, Ok(9));
    assert_eq!(for_some_errors(false).await, Err(Error::Own("left alone")));
}

#[bulkhead(name = "fallbacks: outside", max_concurrent = 1)]
#[timeout("50ms")]
#[fallback = takes_its_time]
async fn hangs() -> Result<Duration, Error> {
    pending().await
}

async fn takes_its_time() -> Result<Duration, Error> {
    let start = Instant::now();
    sleep(Duration::from_secs(5)).await;
    let bulkhead = registry().bulkhead("fallbacks: outside").unwrap();
    bulkhead.try_acquire().map(|_| start.elapsed()).map_err(Error::Rejected)
}

#[tokio::test(start_paused = true)]
async fn it_runs_outside_the_bulkhead_and_the_timeout() {
    assert_eq!(hangs().await, Ok(Duration::from_secs(5)));
}

#[circuit_breaker("fallbacks: first", window = none, consecutive_failures = 1)]
#[fallback = second_guarded]
async fn first_guarded() -> Result<u8, Error> {
    Err(Error::Own("down"))
}

#[circuit_breaker("fallbacks: second", window = none, consecutive_failures = 1)]
async fn second_guarded() -> Result<u8, Error> {
    Err(Error::Own("down as well"))
}

#[tokio::test(start_paused = true)]
async fn it_may_be_a_guarded_function() {
    assert_eq!(first_guarded().await, Err(Error::Own("down as well")));
    let Err(Error::Rejected(rejection)) = first_guarded().await else { panic!("both are open") };
    assert_eq!((rejection.name().as_str(), rejection.kind()), ("fallbacks: second", RejectionKind::CircuitOpen));
}

#[circuit_breaker("fallbacks: panics", window = none, consecutive_failures = 3)]
#[bulkhead(name = "fallbacks: panics", max_concurrent = 1)]
#[fallback(panics_itself)]
async fn panics() -> Result<u8, Error> {
    Err(Error::Own("down"))
}

fn panics_itself() -> Result<u8, Error> {
    panic!("the fallback's own")
}

#[tokio::test(start_paused = true)]
async fn one_that_panics_poisons_nothing() {
    for _ in 0..2 {
        let mut call = Box::pin(panics());
        let unwound = std::panic::catch_unwind(AssertUnwindSafe(|| {
            let waker = std::task::Waker::noop();
            call.as_mut().poll(&mut std::task::Context::from_waker(waker)).is_ready()
        }));
        assert!(unwound.is_err());
    }
    let totals = registry().circuit_breaker("fallbacks: panics").unwrap().totals();
    assert_eq!(
        (totals.failures, totals.panicked, totals.cancelled),
        (2, 0, 0),
        "the body's failure was counted before"
    );
    assert!(registry().bulkhead("fallbacks: panics").unwrap().try_acquire().is_ok());
}

/// Counts the clones that are alive.
#[derive(Debug)]
struct Lent(&'static AtomicU32);

impl Lent {
    fn new(alive: &'static AtomicU32) -> Self {
        alive.fetch_add(1, Relaxed);
        Self(alive)
    }
}

impl Clone for Lent {
    fn clone(&self) -> Self {
        Self::new(self.0)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

static ALIVE: AtomicU32 = AtomicU32::new(0);

#[retry(attempts = 4, delay = "10ms")]
async fn lends(lent: Lent, seen: &mut Vec<u32>) -> Result<(), Error> {
    seen.push(lent.0.load(Relaxed));
    sleep(Duration::from_millis(1)).await;
    Err(Error::Own("again"))
}

#[tokio::test(start_paused = true)]
async fn no_argument_outlives_its_attempt_and_the_last_one_takes_it() {
    let mut seen = Vec::new();
    lends(Lent::new(&ALIVE), &mut seen).await.unwrap_err();
    assert_eq!(seen, [2, 2, 2, 1], "a clone beside the original, and the original for the last");
    assert_eq!(ALIVE.load(Relaxed), 0);
}

#[retry(attempts = 10, delay = "1s")]
#[circuit_breaker(window = none, consecutive_failures = 3)]
async fn storms(calls: &AtomicU32) -> Result<(), Error> {
    calls.fetch_add(1, Relaxed);
    Err(Error::Own("down"))
}

#[tokio::test(start_paused = true)]
async fn a_retry_above_a_breaker_stops_when_it_opens() {
    let calls = AtomicU32::new(0);
    let began = Instant::now();
    assert_eq!(storms(&calls).await, Err(Error::Own("down")), "the rejection that would have come is not waited for");
    assert_eq!(calls.load(Relaxed), 3);
    let waited = began.elapsed();
    assert!(waited <= Duration::from_secs(3), "1 and 2 seconds at most: {waited:?}");
}

#[circuit_breaker("fallbacks: once", window = none, consecutive_failures = 2)]
#[retry(attempts = 10, delay = "10ms")]
async fn counts_once(calls: &AtomicU32) -> Result<(), Error> {
    calls.fetch_add(1, Relaxed);
    Err(Error::Own("down"))
}

#[tokio::test(start_paused = true)]
async fn a_breaker_above_a_retry_counts_once() {
    let calls = AtomicU32::new(0);
    counts_once(&calls).await.unwrap_err();
    assert_eq!(calls.load(Relaxed), 10);
    assert_eq!(registry().circuit_breaker("fallbacks: once").unwrap().totals().failures, 1);
}

#[circuit_breaker("fallbacks: told", window = none, consecutive_failures = 1)]
#[fallback = told_fallback]
async fn told(fallback_fails: bool) -> Result<u8, Error> {
    let _ = fallback_fails;
    Err(Error::Own("first"))
}

async fn told_fallback(fails: bool) -> Result<u8, Error> {
    if fails { Err(Error::Own("second")) } else { Ok(2) }
}

#[fallback(|_| Err(Error::Own("a level")), |fails, error: Error| if fails { Err(error) } else { Ok(3) })]
fn told_sync(fails: bool) -> Result<u8, Error> {
    let _ = fails;
    Err(Error::Own("first"))
}

#[timeout("5ms")]
#[fallback(async |failure: Failure<Error>| Err(Error::Own(if matches!(failure, Failure::Rejected(_)) { "late" } else { "early" })))]
async fn told_late() -> Result<u8, Error> {
    pending().await
}

fn operation(function: &str) -> &'static Operation {
    registry().operations().find(|operation| operation.function() == function).expect("it is guarded")
}

/// What was told of fallbacks, as lines.
async fn fallbacks_told(calls: impl AsyncFnOnce()) -> Vec<String> {
    let (scope, told) = (Scope::new(), async {
        let mut events = registry().subscribe();
        calls().await;
        let told = std::iter::from_fn(|| events.try_recv());
        let of_fallbacks = |event: &Event| matches!(event, Event::Fallback { .. } | Event::FallbackFailed { .. });
        told.filter(of_fallbacks).map(|event| event.to_string()).collect()
    });
    scope.wrap(told).await
}

#[tokio::test(start_paused = true)]
async fn what_it_answered_for_and_that_it_failed_are_counted_and_told() {
    let told_of_them = fallbacks_told(async || {
        assert_eq!(told(false).await, Ok(2));
        assert_eq!(told(true).await, Err(Error::Own("second")));
        assert_eq!(told(false).await, Ok(2));
    })
    .await;
    let expected = [
        "fallback `fallbacks::told`: answers for an error (first)",
        "fallback `fallbacks::told`: answers for a rejection (circuit_open)",
        "fallback `fallbacks::told`: failed too (second)",
        "fallback `fallbacks::told`: answers for a rejection (circuit_open)",
    ];
    assert_eq!(told_of_them, expected);
    let told = operation("told");
    assert_eq!((told.fallbacks(), told.answered_fallbacks(), told.failed_fallbacks()), (3, 2, 1));
    let by_kind: Vec<_> = RejectionKind::ALL.iter().map(|kind| told.fallbacks_for(Some(*kind))).collect();
    assert_eq!((told.fallbacks_for(None), &by_kind[..]), (1, &[2, 0, 0, 0, 0][..]));
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_levels_all_fail_has_failed_once() {
    let told_of_them = fallbacks_told(async || {
        assert_eq!(told_sync(false), Ok(3));
        assert_eq!(told_sync(true), Err(Error::Own("a level")));
    })
    .await;
    let answers = "fallback `fallbacks::told_sync`: answers for an error (first)";
    let failed = "fallback `fallbacks::told_sync`: failed too (a level)";
    assert_eq!(told_of_them, [answers, answers, failed]);
    let told = operation("told_sync");
    assert_eq!((told.fallbacks(), told.answered_fallbacks(), told.failed_fallbacks()), (2, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_closure_that_fails_for_a_call_that_took_too_long_is_told() {
    let told_of_them = fallbacks_told(async || assert_eq!(told_late().await, Err(Error::Own("late")))).await;
    let expected = [
        "fallback `fallbacks::told_late`: answers for a rejection (timed_out)",
        "fallback `fallbacks::told_late`: failed too (late)",
    ];
    assert_eq!(told_of_them, expected);
    assert_eq!(operation("told_late").fallbacks_for(Some(RejectionKind::TimedOut)), 1);
}
