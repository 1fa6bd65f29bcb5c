//! Callers who give up: what a breaker learns from calls that are dropped before their end.

use resilience_runtime::{
    CircuitBreaker, CircuitBreakerBuilder, CircuitBreakerConfig, Ended, Event, EventFilter, Failure, OpenReason,
    Rejection, State, Topic, Window, WindowCounts, bulkhead, circuit_breaker, registry, timeout,
};
use std::future::{Future, pending};
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;
use tokio::time::{advance, sleep, timeout as give_up_after};

type Answer = Result<(), Failure<&'static str>>;

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn breaker(builder: CircuitBreakerBuilder) -> CircuitBreaker {
    builder.build().unwrap()
}

fn quiet(name: &'static str) -> CircuitBreakerBuilder {
    CircuitBreaker::builder(name).no_consecutive_failures()
}

/// A call of a dependency that hangs, by a caller who waits no longer than that. Whether it was let through.
async fn impatient(breaker: &CircuitBreaker, patience: Duration) -> bool {
    let hangs = breaker.call(pending::<Result<(), &str>>());
    let answer: Result<Answer, _> = give_up_after(patience, hangs).await;
    answer.is_err()
}

async fn succeed(breaker: &CircuitBreaker) {
    breaker.call(async { Ok::<_, &str>(()) }).await.unwrap();
}

/// How many calls it takes to open it, by callers one after the other.
async fn opens_after(breaker: &CircuitBreaker, patience: Duration) -> Option<u32> {
    for call in 1..=100 {
        assert!(impatient(breaker, patience).await);
        if breaker.state() == State::Open {
            return Some(call);
        }
    }
    None
}

#[tokio::test(start_paused = true)]
async fn callers_who_give_up_on_a_dependency_that_hangs_open_the_breaker() {
    let with = |config: CircuitBreakerConfig| breaker(CircuitBreaker::builder("hangs").config(config));
    let default = with(CircuitBreakerConfig::new());
    assert_eq!(opens_after(&default, millis(1500)).await, Some(10));
    assert_eq!(default.snapshot().reason, Some(OpenReason::ConsecutiveFailures { failures: 10 }));
    let totals = default.totals();
    assert_eq!((totals.abandoned, totals.cancelled, totals.failures), (10, 0, 0));

    // What is written is the default.
    let written = with(CircuitBreakerConfig::new().window(Window::Time(Duration::from_secs(10))));
    assert_eq!(opens_after(&written, millis(1500)).await, Some(10));
    let written = with(CircuitBreakerConfig::new().abandoned_after(millis(1000)));
    assert_eq!(opens_after(&written, millis(1500)).await, Some(10));

    assert_eq!(opens_after(&with(CircuitBreakerConfig::new()), millis(300)).await, None);
    let sooner = CircuitBreakerConfig::new().abandoned_after(millis(200));
    assert_eq!(opens_after(&with(sooner), millis(300)).await, Some(10));
    let off = CircuitBreakerConfig::new().no_abandoned_after();
    let off = with(off);
    assert_eq!(opens_after(&off, millis(1500)).await, None);
    assert_eq!((off.totals().cancelled, off.totals().abandoned), (100, 0));
    let slow = CircuitBreakerConfig::new().slow_call(millis(200));
    let slow = with(slow);
    assert_eq!(opens_after(&slow, millis(300)).await, Some(20));
    assert_eq!(slow.snapshot().reason, Some(OpenReason::SlowCallRate { slow: 20, calls: 20 }));
}

#[tokio::test(start_paused = true)]
async fn callers_who_give_up_at_one_moment_are_one_event() {
    let breaker = breaker(CircuitBreaker::builder("one moment"));
    let together = |calls: usize| {
        let breaker = &breaker;
        async move {
            let mut all: Vec<_> = (0..calls).map(|_| Box::pin(breaker.call(pending::<Result<(), &str>>()))).collect();
            for call in &mut all {
                assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            }
            advance(millis(1000)).await;
        }
    };
    together(100).await;
    assert_eq!((breaker.state(), breaker.totals().abandoned), (State::Closed, 100));
    succeed(&breaker).await;
    together(100).await;
    assert_eq!(breaker.state(), State::Closed, "it also succeeds");
    together(1).await;
    assert_eq!(breaker.state(), State::Open, "it has lasted");
}

#[tokio::test(start_paused = true)]
async fn a_hundred_failures_of_one_moment_open_no_breaker_that_succeeds_again() {
    let breaker = breaker(CircuitBreaker::builder("lost connection"));
    for _ in 0..1000 {
        succeed(&breaker).await;
    }
    let permits: Vec<_> = (0..100).map(|_| breaker.try_acquire().unwrap()).collect();
    permits.into_iter().for_each(|permit| permit.failure());
    succeed(&breaker).await;
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn the_loser_of_a_race_is_in_no_failure_rate() {
    let builder = CircuitBreaker::builder("race").minimum_calls(1).failure_rate(1.0);
    let breaker = breaker(builder);
    for _ in 0..100 {
        let slow = breaker.call(async {
            sleep(millis(5000)).await;
            Ok::<_, &str>(())
        });
        let fast = breaker.call(async {
            sleep(millis(2000)).await;
            Ok::<_, &str>(())
        });
        tokio::select! { _ = slow => unreachable!(), answer = fast => answer.unwrap() }
    }
    assert_eq!(breaker.state(), State::Closed);
    assert_eq!((breaker.totals().abandoned, breaker.totals().successes), (100, 100));
    // Those of the last ten seconds.
    let window = breaker.snapshot().window;
    assert_eq!((window.failures, window.failure_rate()), (0, 0.0));
    assert_eq!((window.calls, window.abandoned), (5, 5));
}

#[tokio::test(start_paused = true)]
async fn a_call_is_abandoned_from_when_its_body_has_waited_for_so_long() {
    let breaker = breaker(quiet("since the wait"));
    impatient(&breaker, millis(999)).await;
    impatient(&breaker, millis(1000)).await;
    assert_eq!((breaker.totals().cancelled, breaker.totals().abandoned), (1, 1));
    // A permit by hand is cancelled, whenever it is dropped, and abandoned if somebody says so.
    let permit = breaker.try_acquire().unwrap();
    advance(millis(5000)).await;
    drop(permit);
    assert_eq!((breaker.totals().cancelled, breaker.totals().abandoned), (2, 1));
    breaker.try_acquire().unwrap().abandoned();
    assert_eq!((breaker.totals().cancelled, breaker.totals().abandoned), (2, 2));
    assert_eq!(breaker.snapshot().consecutive_failures, 2);
    // Before it is polled, nobody waits.
    let permit = breaker.try_acquire().unwrap();
    let mut body = pin!(pending::<()>());
    {
        let _never_polled = permit.watch(body.as_mut());
        advance(millis(5000)).await;
    }
    drop(permit);
    assert_eq!((breaker.totals().cancelled, breaker.totals().abandoned), (3, 2));
}

#[circuit_breaker("abandoned: queue", slow_call = "100ms", minimum_calls = 1)]
#[bulkhead(max_concurrent = 1, max_queue = 10)]
async fn queued() -> Result<(), Rejection> {
    pending().await
}

#[tokio::test(start_paused = true)]
async fn who_still_waits_for_a_place_has_not_asked_the_dependency() {
    let mut inside = pin!(queued());
    assert!(inside.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    for _ in 0..5 {
        assert!(give_up_after(millis(5000), queued()).await.is_err());
    }
    let breaker = registry().circuit_breaker("abandoned: queue").unwrap();
    let totals = breaker.totals();
    assert_eq!((totals.cancelled, totals.abandoned, totals.slow), (5, 0, 0));
    assert_eq!(breaker.state(), State::Closed);
}

#[circuit_breaker("abandoned: timeout", window = none, consecutive_failures = 3)]
#[timeout("1500ms")]
async fn timed() -> Result<(), Rejection> {
    pending().await
}

#[tokio::test(start_paused = true)]
async fn a_timeout_below_the_breaker_is_a_failure() {
    assert!(matches!(timed().await, Err(Rejection::TimedOut { .. })));
    let breaker = registry().circuit_breaker("abandoned: timeout").unwrap();
    assert_eq!((breaker.totals().failures, breaker.totals().abandoned), (1, 0));
    // What the caller drops is abandoned.
    assert!(give_up_after(millis(1200), timed()).await.is_err());
    assert_eq!((breaker.totals().failures, breaker.totals().abandoned), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_panic_elsewhere_on_the_thread_is_a_cancellation() {
    let breaker = breaker(quiet("elsewhere").slow_call(millis(100)));
    let joined = async {
        let waits = breaker.call(pending::<Result<(), &str>>());
        let panics = async {
            sleep(millis(2000)).await;
            std::panic::resume_unwind(Box::new("elsewhere"))
        };
        let _: (_, ()) = tokio::join!(waits, panics);
    };
    let joined = std::panic::AssertUnwindSafe(joined);
    // Polled by hand, so that the panic is caught here.
    let mut joined = Box::pin(async move { ({ joined }.0).await });
    let caught = std::future::poll_fn(|context| {
        match std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| joined.as_mut().poll(context))) {
            Ok(polled) => polled.map(|()| false),
            Err(_) => std::task::Poll::Ready(true),
        }
    });
    assert!(caught.await);
    let totals = breaker.totals();
    assert_eq!((totals.cancelled, totals.abandoned, totals.slow, totals.panicked), (1, 0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_when_it_is_slow_is_a_slow_call() {
    let config = || quiet("slow").slow_call(millis(100)).slow_call_rate(60.0).minimum_calls(5);
    for window in [Window::Time(Duration::from_secs(10)), Window::Count(10)] {
        let breaker = breaker(config().window(window));
        for _ in 0..2 {
            succeed(&breaker).await;
        }
        for _ in 0..2 {
            impatient(&breaker, millis(200)).await;
        }
        assert_eq!(breaker.state(), State::Closed, "2 of 4, which are too few");
        assert_eq!(breaker.snapshot().window, WindowCounts::new(2, 0, 0).dropped_slow(2));
        assert_eq!(breaker.snapshot().window.slow_call_rate(), 50.0);
        impatient(&breaker, millis(99)).await;
        assert_eq!(breaker.state(), State::Closed, "it was not slow");
        impatient(&breaker, millis(200)).await;
        assert_eq!(breaker.snapshot().reason, Some(OpenReason::SlowCallRate { slow: 3, calls: 5 }));
        let totals = breaker.totals();
        assert_eq!((totals.cancelled, totals.slow, totals.abandoned), (4, 3, 0));
    }
}

/// They are too few for a failure rate until so many have ended, however many were dropped, and the one with which they are enough may be a success.
#[tokio::test(start_paused = true)]
async fn calls_that_are_dropped_when_they_are_slow_are_no_calls_of_the_failure_rate() {
    let config = CircuitBreaker::builder("few").failure_rate(40.0).minimum_calls(5);
    let breaker = breaker(config.slow_call(millis(100)).slow_call_rate(100.0));
    for _ in 0..2 {
        breaker.call(async { Err::<(), _>("failed") }).await.unwrap_err();
    }
    for _ in 0..3 {
        impatient(&breaker, millis(200)).await;
    }
    for _ in 0..3 {
        assert_eq!(breaker.state(), State::Closed);
        succeed(&breaker).await;
    }
    assert_eq!(breaker.snapshot().reason, Some(OpenReason::FailureRate { failures: 2, calls: 5 }));
}

/// Those that were dropped push out of a count window what the slow share is taken of, or it would for ever remember how fast the last calls were.
#[tokio::test(start_paused = true)]
async fn a_count_window_forgets_calls_for_those_that_are_dropped_when_they_are_slow() {
    let breaker = breaker(quiet("count").window(Window::Count(10)).slow_call(millis(100)));
    for _ in 0..50 {
        succeed(&breaker).await;
    }
    assert_eq!(opens_after(&breaker, millis(200)).await, Some(10));
    let snapshot = breaker.snapshot();
    assert_eq!(snapshot.reason, Some(OpenReason::SlowCallRate { slow: 10, calls: 10 }));
    assert_eq!((snapshot.window.calls, snapshot.window.slow_of), (10, 10));
}

async fn open(breaker: &CircuitBreaker) {
    breaker.force_open();
    breaker.reset();
    while breaker.state() != State::Open {
        breaker.try_acquire().unwrap().failure();
    }
    advance(Duration::from_secs(31)).await;
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_abandoned_or_dropped_when_it_is_slow_has_failed() {
    let config = CircuitBreaker::builder("probe").consecutive_failures(2);
    let breaker = breaker(config.slow_call(millis(500)));
    for patience in [1000, 600] {
        open(&breaker).await;
        let before = breaker.totals();
        assert!(impatient(&breaker, millis(patience)).await);
        assert_eq!(breaker.state(), State::Open, "one of three cannot succeed any more");
        assert_eq!(breaker.snapshot().reason, Some(OpenReason::ProbesFailed { failures: 1 }));
        let since = breaker.totals().since(&before);
        let is_abandoned = u64::from(patience == 1000);
        assert_eq!((since.abandoned, since.cancelled, since.slow), (is_abandoned, 1 - is_abandoned, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn impatient_callers_put_few_calls_on_a_dependency_that_is_being_probed() {
    for abandoned_after in [1000, 200, 3000] {
        let breaker =
            breaker(CircuitBreaker::builder("few").consecutive_failures(2).abandoned_after(millis(abandoned_after)));
        open(&breaker).await;
        let (mut asked, begun) = (0, breaker.totals().cancelled);
        // A caller each 10 ms, who waits for 5.
        for _ in 0..abandoned_after / 10 * 3 {
            asked += u64::from(impatient(&breaker, millis(5)).await);
            advance(millis(5)).await;
        }
        assert_eq!(breaker.state(), State::HalfOpen);
        assert!((6..=9).contains(&asked), "{asked} in three times {abandoned_after} ms");
        assert_eq!(breaker.totals().cancelled - begun, asked);
        // And the dependency that works again is found out.
        advance(millis(abandoned_after)).await;
        for _ in 0..3 {
            succeed(&breaker).await;
        }
        assert_eq!(breaker.state(), State::Closed);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_abandoned_is_told_as_that() {
    let mut events = registry().subscribe_with(EventFilter::of([Topic::Outcome, Topic::Transition]));
    let breaker = breaker(CircuitBreaker::builder("told").window(Window::None).consecutive_failures(2));
    for patience in [500, 1500, 1500] {
        impatient(&breaker, millis(patience)).await;
    }
    let told: Vec<_> = std::iter::from_fn(|| events.try_recv())
        .filter_map(|event| match event {
            Event::Outcome { name, ended, .. } => (name == "told").then(|| ended.as_str().to_owned()),
            Event::Transition(transition) => (transition.name == "told").then(|| transition.to.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(told, ["cancelled", "abandoned", "abandoned", "open"]);
    assert_eq!(Ended::Abandoned.as_str(), "abandoned");
}

#[circuit_breaker("abandoned: keyed", key = key, abandoned_after = "1s")]
async fn of_key(key: u8) -> Result<(), Rejection> {
    let _ = key;
    pending().await
}

#[tokio::test(start_paused = true)]
async fn a_call_of_a_key_is_abandoned_after_as_long() {
    for (patience, abandoned, cancelled) in [(999, 0, 1), (1000, 1, 1)] {
        assert!(give_up_after(millis(patience), of_key(7)).await.is_err());
        let totals = registry().circuit_breaker("abandoned: keyed").unwrap().of_key(7).unwrap().totals();
        assert_eq!((totals.abandoned, totals.cancelled), (abandoned, cancelled), "after {patience} ms");
    }
}

#[circuit_breaker("ended")]
async fn ends(panics: bool) -> Result<(), Rejection> {
    if panics { std::panic::resume_unwind(Box::new("the body's own")) } else { Ok(()) }
}

#[test]
fn a_call_that_is_polled_after_its_end_panics_and_is_counted_once() {
    for (panics, window) in [(false, WindowCounts::new(1, 0, 0)), (true, WindowCounts::new(2, 1, 0))] {
        let mut call = pin!(ends(panics));
        let mut poll = || {
            let polled = std::panic::AssertUnwindSafe(|| call.as_mut().poll(&mut Context::from_waker(Waker::noop())));
            std::panic::catch_unwind(polled).is_err()
        };
        assert_eq!((poll(), poll()), (panics, true));
        let counted = registry().circuit_breaker("ended").unwrap().snapshot().window;
        assert_eq!(counted, window);
    }
}
