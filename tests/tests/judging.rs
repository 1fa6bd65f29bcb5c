//! What a call's error means to the breaker above it: `failure_if`, `ignore_if`, and rejections from further in.
//!
//! Each test has a registry of its own, so that the one breaker in it is the one of the function that was called.

use resilience_runtime::testing::Scope;
use resilience_runtime::{
    CircuitBreaker, CircuitBreakerBuilder, Failure, Outcome, Rejection, RejectionKind, State, Totals, Window, bulkhead,
    circuit_breaker, rate_limit, registry, retry, timeout,
};
use std::cell::Cell;
use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;
use tokio::time::advance;

const SECOND: Duration = Duration::from_secs(1);

/// An error that says what the two predicates answer about it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
enum Error {
    #[error("failure_if says {failure}, ignore_if says {ignored}")]
    Own { failure: bool, ignored: bool },
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

const FAILURE: Result<(), Error> = Err(Error::Own { failure: true, ignored: false });
const IGNORED: Result<(), Error> = Err(Error::Own { failure: false, ignored: true });
const BOTH: Result<(), Error> = Err(Error::Own { failure: true, ignored: true });
const NEITHER: Result<(), Error> = Err(Error::Own { failure: false, ignored: false });

/// Every kind of result that there is.
const ALL: [Result<(), Error>; 5] = [Ok(()), FAILURE, IGNORED, BOTH, NEITHER];

fn is_failure(error: &Error) -> bool {
    matches!(error, Error::Own { failure: true, .. })
}

fn is_ignored(error: &Error) -> bool {
    matches!(error, Error::Own { ignored: true, .. })
}

fn is_rejected(error: &Error) -> bool {
    matches!(error, Error::Rejected(_))
}

fn the_breaker() -> Arc<CircuitBreaker> {
    let mut all = registry().circuit_breakers();
    let only = all.next().expect("a guarded function was called");
    assert!(all.next().is_none());
    only
}

/// `[successes, failures, ignored]`, where nothing else was counted.
fn counted(breaker: &CircuitBreaker) -> [u64; 3] {
    let Totals { successes, failures, ignored, cancelled, stale, rejected, .. } = breaker.totals();
    assert_eq!((cancelled, stale, rejected), (0, 0, 0));
    [successes, failures, ignored]
}

const SUCCESSES: usize = 0;
const FAILURES: usize = 1;
const IGNORES: usize = 2;

/// The guarded functions of every form with these keys: all of them return what they are given.
macro_rules! every_form {
    ($name:ident, $($key:ident = $value:expr),*) => {
        mod $name {
            use super::*;

            #[circuit_breaker(window = none, consecutive_failures = 1000 $(, $key = $value)*)]
            pub async fn plain(result: Result<(), Error>) -> Result<(), Error> {
                result
            }

            #[circuit_breaker(window = none, consecutive_failures = 1000 $(, $key = $value)*)]
            pub async fn waits(result: Result<(), Error>) -> Result<(), Error> {
                tokio::time::sleep(SECOND).await;
                result
            }

            #[circuit_breaker(window = none, consecutive_failures = 1000 $(, $key = $value)*)]
            pub fn synchronous(result: Result<(), Error>) -> Result<(), Error> {
                result
            }

            #[circuit_breaker(window = none, consecutive_failures = 1000, key = key $(, $key = $value)*)]
            pub async fn keyed(key: u8, result: Result<(), Error>) -> Result<(), Error> {
                result
            }

            #[circuit_breaker(window = none, consecutive_failures = 1000, key = key $(, $key = $value)*)]
            pub fn keyed_synchronous(key: u8, result: Result<(), Error>) -> Result<(), Error> {
                result
            }

            /// Calls each form with `result`, and returns what each of the breakers has counted.
            pub async fn counts(result: &Result<(), Error>) -> Vec<[u64; 3]> {
                let mut counts = Vec::new();
                for form in 0..5 {
                    let _entered = Scope::new().enter();
                    let returned = match form {
                        0 => plain(result.clone()).await,
                        1 => waits(result.clone()).await,
                        2 => synchronous(result.clone()),
                        3 => keyed(7, result.clone()).await,
                        _ => keyed_synchronous(7, result.clone()),
                    };
                    assert_eq!(returned, *result, "the result is the caller's as it is");
                    let breaker = the_breaker();
                    if form >= 3 {
                        assert_eq!(counted(&breaker.of_key("7").unwrap()), counted(&breaker));
                    }
                    counts.push(counted(&breaker));
                }
                counts
            }
        }
    };
}

every_form!(with_neither,);
every_form!(with_failure_if, failure_if = is_failure);
every_form!(with_ignore_if, ignore_if = is_ignored);
every_form!(with_both, failure_if = is_failure, ignore_if = is_ignored);
every_form!(with_both_the_other_way_round, ignore_if = is_ignored, failure_if = is_failure);
every_form!(
    with_closures,
    failure_if = |error| matches!(error, Error::Own { failure: true, .. }),
    ignore_if = |error: &Error| is_ignored(error)
);

#[tokio::test(start_paused = true)]
async fn every_error_is_what_the_predicates_say_in_every_form_of_function() {
    // Where each of `ALL` is counted.
    let neither = [SUCCESSES, FAILURES, FAILURES, FAILURES, FAILURES];
    let failure_if = [SUCCESSES, FAILURES, SUCCESSES, FAILURES, SUCCESSES];
    let ignore_if = [SUCCESSES, FAILURES, IGNORES, IGNORES, FAILURES];
    let both = [SUCCESSES, FAILURES, IGNORES, IGNORES, SUCCESSES];
    for (nth, result) in ALL.iter().enumerate() {
        let only = |place: usize| {
            let mut counts = [0; 3];
            counts[place] = 1;
            vec![counts; 5]
        };
        assert_eq!(with_neither::counts(result).await, only(neither[nth]), "neither, {result:?}");
        assert_eq!(with_failure_if::counts(result).await, only(failure_if[nth]), "failure_if, {result:?}");
        assert_eq!(with_ignore_if::counts(result).await, only(ignore_if[nth]), "ignore_if, {result:?}");
        assert_eq!(with_both::counts(result).await, only(both[nth]), "both, {result:?}");
        let other_way_round = with_both_the_other_way_round::counts(result).await;
        assert_eq!(other_way_round, only(both[nth]), "`ignore_if` is asked first wherever it stands, {result:?}");
        assert_eq!(with_closures::counts(result).await, only(both[nth]), "closures, {result:?}");
    }
}

fn builder() -> CircuitBreakerBuilder {
    CircuitBreaker::builder("judged by hand").window(Window::None).consecutive_failures(2).open_for(SECOND)
}

#[tokio::test(start_paused = true)]
async fn by_hand_the_judge_is_asked_about_every_error_and_about_nothing_else() {
    for (outcome, place) in [(Outcome::Success, 0), (Outcome::Failure, 1), (Outcome::Ignored, 2)] {
        let breaker = builder().build().unwrap();
        let asked = Cell::new(0);
        let judge = |_: &&str| {
            asked.set(asked.get() + 1);
            outcome
        };
        let answer = breaker.call_judged(async { Err::<(), _>("its own") }, judge).await;
        assert!(matches!(answer, Err(Failure::Call("its own"))));
        let mut counts = [0; 3];
        counts[place] = 1;
        assert_eq!((counted(&breaker), asked.get()), (counts, 1));
        assert!(matches!(breaker.call_judged(async { Ok::<_, &str>(7) }, judge).await, Ok(7)));
        counts[SUCCESSES] += 1;
        assert_eq!((counted(&breaker), asked.get()), (counts, 1));
    }
    for (outcome, place) in [(Outcome::Success, 0), (Outcome::Failure, 1), (Outcome::Ignored, 2)] {
        let breaker = builder().build().unwrap();
        let mut counts = [0; 3];
        counts[place] = 1;
        breaker.try_acquire().unwrap().record(outcome);
        assert_eq!(counted(&breaker), counts);
        breaker.keyed("key").try_acquire().unwrap().record(outcome);
        assert_eq!(counted(&breaker.of_key("key").unwrap()), counts);
    }
    let breaker = builder().build().unwrap();
    assert!(breaker.call_sync(|| Err::<(), _>(())).is_err());
    assert!(breaker.call_sync(|| Ok::<_, ()>(())).is_ok());
    assert!(breaker.call(async { Err::<(), _>(()) }).await.is_err());
    assert!(breaker.keyed(1).call(async { Err::<(), _>(()) }).await.is_err());
    assert_eq!(counted(&breaker), [1, 3, 0]);
}

#[circuit_breaker(
    window = none,
    consecutive_failures = 2,
    open_for = "1s",
    half_open_calls = 1,
    failure_if = is_failure,
    ignore_if = is_ignored
)]
async fn two_in_a_row(result: Result<(), Error>) -> Result<(), Error> {
    result
}

#[circuit_breaker(
    window = none,
    consecutive_failures = 2,
    open_for = "1s",
    half_open_calls = 1,
    key = "the same",
    failure_if = is_failure,
    ignore_if = is_ignored
)]
async fn two_in_a_row_of_a_key(result: Result<(), Error>) -> Result<(), Error> {
    result
}

/// The state after calls that end so, by every way of making them.
async fn after(results: &[Result<(), Error>]) -> State {
    let by_attribute = {
        let _entered = Scope::new().enter();
        for result in results {
            let _ = two_in_a_row(result.clone()).await;
        }
        the_breaker().state()
    };
    let by_key = {
        let _entered = Scope::new().enter();
        for result in results {
            let _ = two_in_a_row_of_a_key(result.clone()).await;
        }
        the_breaker().of_key("the same").unwrap().state()
    };
    let by_hand = {
        let breaker = builder().build().unwrap();
        for result in results {
            let judge = |error: &Error| match error {
                error if is_ignored(error) => Outcome::Ignored,
                error if is_failure(error) => Outcome::Failure,
                _ => Outcome::Success,
            };
            let _ = breaker.call_judged(async { result.clone() }, judge).await;
        }
        breaker.state()
    };
    assert_eq!((by_attribute, by_key), (by_hand, by_hand), "{results:?}");
    by_hand
}

#[tokio::test(start_paused = true)]
async fn an_error_that_is_ignored_ends_no_row_of_failures_and_one_that_is_none_does() {
    assert_eq!(after(&[FAILURE]).await, State::Closed);
    assert_eq!(after(&[FAILURE, FAILURE]).await, State::Open);
    assert_eq!(after(&[FAILURE, IGNORED, FAILURE]).await, State::Open);
    assert_eq!(after(&[FAILURE, BOTH, BOTH, FAILURE]).await, State::Open);
    assert_eq!(after(&[FAILURE, NEITHER, FAILURE]).await, State::Closed);
    assert_eq!(after(&[FAILURE, Ok(()), FAILURE]).await, State::Closed);
    assert_eq!(after(&[BOTH, IGNORED, NEITHER, BOTH, IGNORED, NEITHER]).await, State::Closed);
    assert_eq!(after(&[FAILURE, NEITHER, FAILURE, IGNORED, FAILURE]).await, State::Open);
}

#[tokio::test(start_paused = true)]
async fn a_probe_is_judged_by_the_same_predicates() {
    for (probe, state) in [
        (Ok(()), State::Closed),
        (NEITHER, State::Closed),
        (FAILURE, State::Open),
        (IGNORED, State::HalfOpen),
        (BOTH, State::HalfOpen),
    ] {
        let _entered = Scope::new().enter();
        for _ in 0..2 {
            two_in_a_row(FAILURE).await.unwrap_err();
            two_in_a_row_of_a_key(FAILURE).await.unwrap_err();
        }
        advance(SECOND).await;
        assert_eq!(two_in_a_row(probe.clone()).await, probe);
        assert_eq!(two_in_a_row_of_a_key(probe.clone()).await, probe);
        for breaker in registry().circuit_breakers() {
            let breaker = breaker.of_key("the same").unwrap_or(breaker);
            assert_eq!(breaker.state(), state, "{probe:?}");
            let snapshot = breaker.snapshot();
            let answered = snapshot.probes.map(|probes| (probes.in_flight, probes.succeeded, probes.failed));
            assert_eq!(answered, (state == State::HalfOpen).then_some((0, 0, 0)), "its place is free again");
        }
        if state == State::HalfOpen {
            two_in_a_row(Ok(())).await.expect("there is a place for the next probe");
            two_in_a_row_of_a_key(Ok(())).await.expect("there is a place for the next probe");
            for breaker in registry().circuit_breakers() {
                assert_eq!(breaker.of_key("the same").unwrap_or(breaker).state(), State::Closed);
            }
        }
    }
}

#[circuit_breaker(window = 4, failure_rate = 50, minimum_calls = 4, failure_if = is_failure, ignore_if = is_ignored)]
async fn by_rate(result: Result<(), Error>) -> Result<(), Error> {
    result
}

#[tokio::test(start_paused = true)]
async fn what_is_ignored_is_in_no_window_and_what_is_no_failure_lowers_the_rate() {
    for (results, calls, failures, state) in [
        (vec![FAILURE, FAILURE, NEITHER], 3, 2, State::Closed),
        (vec![FAILURE, FAILURE, NEITHER, IGNORED, BOTH], 3, 2, State::Closed),
        (vec![FAILURE, FAILURE, NEITHER, NEITHER], 4, 2, State::Open),
        (vec![FAILURE, NEITHER, NEITHER, NEITHER], 4, 1, State::Closed),
        (vec![FAILURE, NEITHER, IGNORED, NEITHER, FAILURE], 4, 2, State::Open),
    ] {
        let _entered = Scope::new().enter();
        for result in &results {
            let _ = by_rate(result.clone()).await;
        }
        let snapshot = the_breaker().snapshot();
        let seen = (snapshot.window.calls, snapshot.window.failures, snapshot.state);
        assert_eq!(seen, (calls, failures, state), "{results:?}");
    }
}

#[retry(attempts = 3, delay = "1ms")]
#[circuit_breaker(window = none, consecutive_failures = 100, failure_if = is_failure, ignore_if = is_ignored)]
async fn retried_above(runs: &Cell<u32>, result: Result<(), Error>) -> Result<(), Error> {
    runs.set(runs.get() + 1);
    result
}

#[circuit_breaker(window = none, consecutive_failures = 100, failure_if = is_failure, ignore_if = is_ignored)]
#[retry(attempts = 3, delay = "1ms")]
async fn retried_below(runs: &Cell<u32>, result: Result<(), Error>) -> Result<(), Error> {
    runs.set(runs.get() + 1);
    result
}

#[circuit_breaker(window = none, consecutive_failures = 100, ignore_if = is_ignored)]
#[retry(attempts = 3, delay = "1ms", retry_if = is_failure)]
async fn retried_if(runs: &Cell<u32>, result: Result<(), Error>) -> Result<(), Error> {
    runs.set(runs.get() + 1);
    result
}

#[tokio::test(start_paused = true)]
async fn a_breaker_below_a_retry_judges_each_attempt_and_one_above_it_the_last() {
    for (nth, result) in ALL.iter().enumerate() {
        let place = [SUCCESSES, FAILURES, IGNORES, IGNORES, SUCCESSES][nth];
        let attempts = if result.is_ok() { 1 } else { 3 };
        let of = |calls: u64| {
            let mut counts = [0; 3];
            counts[place] = calls;
            counts
        };
        for above in [true, false] {
            let _entered = Scope::new().enter();
            let runs = Cell::new(0);
            let returned = if above {
                retried_above(&runs, result.clone()).await
            } else {
                retried_below(&runs, result.clone()).await
            };
            assert_eq!((&returned, runs.get()), (result, attempts), "an error that is no failure is tried again too");
            assert_eq!(counted(&the_breaker()), of(if above { u64::from(attempts) } else { 1 }), "{above}, {result:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_tried_again_is_for_the_retry_alone_to_say() {
    for (result, runs_expected, place) in [(FAILURE, 3, FAILURES), (BOTH, 3, IGNORES), (IGNORED, 1, IGNORES)] {
        let _entered = Scope::new().enter();
        let runs = Cell::new(0);
        assert_eq!(retried_if(&runs, result.clone()).await, result);
        let mut counts = [0; 3];
        counts[place] = 1;
        assert_eq!((runs.get(), counted(&the_breaker())), (runs_expected, counts), "{result:?}");
    }
}

fn panics(_: &Error) -> bool {
    std::panic::resume_unwind(Box::new("the predicate's own"));
}

#[circuit_breaker(window = none, consecutive_failures = 1, failure_if = panics)]
async fn failure_if_panics() -> Result<(), Error> {
    FAILURE
}

#[circuit_breaker(window = none, consecutive_failures = 1, ignore_if = panics)]
async fn ignore_if_panics() -> Result<(), Error> {
    FAILURE
}

#[test]
fn a_predicate_that_panics_is_no_failure_of_the_dependency() {
    fn unwinds(call: impl Future) {
        let poll = || pin!(call).poll(&mut Context::from_waker(Waker::noop())).is_ready();
        let unwound = catch_unwind(AssertUnwindSafe(poll)).unwrap_err();
        assert_eq!(unwound.downcast_ref(), Some(&"the predicate's own"));
    }
    for ignores in [false, true] {
        let _entered = Scope::new().enter();
        if ignores {
            unwinds(ignore_if_panics())
        } else {
            unwinds(failure_if_panics())
        }
        let totals = the_breaker().totals();
        assert_eq!((totals.failures, totals.panicked, totals.cancelled), (0, 0, 1));
    }
}

/// Which policy is to reject the call.
#[derive(Clone, Copy, Debug, PartialEq)]
enum By {
    Nobody,
    Breaker,
    Bulkhead,
    RateLimit,
    Timeout,
}

const EVERYBODY: [By; 5] = [By::Nobody, By::Breaker, By::Bulkhead, By::RateLimit, By::Timeout];

#[circuit_breaker("inner", window = none, consecutive_failures = 100)]
#[bulkhead(1, name = "inner")]
#[rate_limit("2/h", name = "inner")]
#[timeout("1s", name = "inner")]
async fn inner(hangs: bool) -> Result<(), Error> {
    if hangs { pending().await } else { Ok(()) }
}

/// Calls the inner function so that it is rejected by that policy.
async fn rejected(by: By) -> Result<(), Error> {
    // Makes the policies, and takes the first of two turns.
    inner(false).await.unwrap();
    let bulkhead = registry().bulkhead("inner").unwrap();
    let _held = match by {
        By::Nobody | By::Timeout => None,
        By::Breaker => {
            registry().circuit_breaker("inner").unwrap().force_open();
            None
        }
        By::Bulkhead => Some(bulkhead.try_acquire().unwrap()),
        By::RateLimit => {
            registry().rate_limiter("inner").unwrap().try_acquire().unwrap();
            None
        }
    };
    inner(by == By::Timeout).await
}

fn kind(result: &Result<(), Error>) -> Option<RejectionKind> {
    match result {
        Err(Error::Rejected(rejection)) => Some(rejection.kind()),
        Err(Error::Own { .. }) => panic!("its own"),
        Ok(()) => None,
    }
}

fn kind_of(by: By) -> Option<RejectionKind> {
    match by {
        By::Nobody => None,
        By::Breaker => Some(RejectionKind::CircuitOpen),
        By::Bulkhead => Some(RejectionKind::BulkheadFull),
        By::RateLimit => Some(RejectionKind::RateLimited),
        By::Timeout => Some(RejectionKind::TimedOut),
    }
}

#[circuit_breaker("outer", window = none, consecutive_failures = 100)]
async fn outer(by: By) -> Result<(), Error> {
    rejected(by).await
}

#[circuit_breaker("outer, ignores", window = none, consecutive_failures = 100, ignore_if = is_rejected)]
async fn outer_ignores(by: By) -> Result<(), Error> {
    rejected(by).await
}

#[circuit_breaker("outer, is well", window = none, consecutive_failures = 100, failure_if = |error| !is_rejected(error))]
async fn outer_is_well(by: By) -> Result<(), Error> {
    rejected(by).await
}

#[tokio::test(start_paused = true)]
async fn the_rejection_of_a_guarded_function_inside_is_an_error_like_any_other() {
    for by in EVERYBODY {
        let _entered = Scope::new().enter();
        assert_eq!(kind(&outer(by).await), kind_of(by));
        let expected = if by == By::Nobody { [1, 0, 0] } else { [0, 1, 0] };
        assert_eq!(counted(&registry().circuit_breaker("outer").unwrap()), expected, "{by:?}");
    }
    for by in EVERYBODY {
        let _entered = Scope::new().enter();
        assert_eq!(kind(&outer_ignores(by).await), kind_of(by));
        let expected = if by == By::Nobody { [1, 0, 0] } else { [0, 0, 1] };
        assert_eq!(counted(&registry().circuit_breaker("outer, ignores").unwrap()), expected, "{by:?}");
    }
    for by in EVERYBODY {
        let _entered = Scope::new().enter();
        assert_eq!(kind(&outer_is_well(by).await), kind_of(by));
        assert_eq!(counted(&registry().circuit_breaker("outer, is well").unwrap()), [1, 0, 0], "{by:?}");
    }
}

#[retry(attempts = 2, delay = "1ms", retry_rejections = [])]
async fn outer_retry(runs: &Cell<u32>, by: By) -> Result<(), Error> {
    runs.set(runs.get() + 1);
    if runs.get() == 1 { rejected(by).await } else { Ok(()) }
}

#[tokio::test(start_paused = true)]
async fn the_rejection_of_a_guarded_function_inside_is_tried_again_whatever_retry_rejections_says() {
    for by in EVERYBODY {
        let _entered = Scope::new().enter();
        let runs = Cell::new(0);
        assert_eq!(outer_retry(&runs, by).await, Ok(()));
        assert_eq!(runs.get(), if by == By::Nobody { 1 } else { 2 }, "{by:?}");
    }
}

/// The stacks of one function, whose breaker sees the rejections of what stands below it.
macro_rules! one_stack {
    ($name:ident, $($key:ident = $value:expr),*) => {
        #[circuit_breaker("one stack", window = none, consecutive_failures = 100 $(, $key = $value)*)]
        #[bulkhead(1, name = "one stack")]
        #[rate_limit("2/h", name = "one stack")]
        #[timeout("1s", name = "one stack")]
        async fn $name(hangs: bool) -> Result<(), Error> {
            if hangs { pending().await } else { Ok(()) }
        }
    };
}

one_stack!(stack,);
// They are for the function's own errors: of a rejection in the same stack the breaker knows better.
one_stack!(stack_without_failures, failure_if = |_| false);
one_stack!(stack_that_ignores, ignore_if = |_| true);

#[tokio::test(start_paused = true)]
async fn in_one_stack_a_call_that_was_not_made_is_ignored_and_one_that_took_too_long_has_failed() {
    for variant in 0..3 {
        for by in [By::Nobody, By::Bulkhead, By::RateLimit, By::Timeout] {
            let _entered = Scope::new().enter();
            let call = async |hangs| match variant {
                0 => stack(hangs).await,
                1 => stack_without_failures(hangs).await,
                _ => stack_that_ignores(hangs).await,
            };
            call(false).await.unwrap();
            let bulkhead = registry().bulkhead("one stack").unwrap();
            let held = (by == By::Bulkhead).then(|| bulkhead.try_acquire().unwrap());
            if by == By::RateLimit {
                registry().rate_limiter("one stack").unwrap().try_acquire().unwrap();
            }
            assert_eq!(kind(&call(by == By::Timeout).await), kind_of(by));
            drop(held);
            let expected = match by {
                By::Nobody => [2, 0, 0],
                By::Timeout => [1, 1, 0],
                _ => [1, 0, 1],
            };
            assert_eq!(counted(&the_breaker()), expected, "{variant}, {by:?}");
        }
    }
}
