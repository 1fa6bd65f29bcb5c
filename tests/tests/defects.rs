//! One test for each defect that somebody shipped, through the attribute where users would meet it. Virtual time.

use resilience_runtime::{
    CircuitBreaker, CircuitBreakerConfig, Event, NextCall, OpenReason, Rejection, State, Transition, Window,
    WindowCounts, circuit_breaker, registry,
};
use std::future::{Future, pending};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::advance;

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("it failed")]
    Failed,
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

fn breaker(name: &str) -> Arc<CircuitBreaker> {
    registry().circuit_breaker(name).unwrap()
}

const SECOND: Duration = Duration::from_secs(1);

fn count_window(calls: u32) -> CircuitBreakerConfig {
    CircuitBreakerConfig::new().window(Window::Count(calls)).open_for(SECOND)
}

fn build(config: CircuitBreakerConfig) -> CircuitBreaker {
    CircuitBreaker::builder("defects").config(config).build().unwrap()
}

fn end(breaker: &CircuitBreaker, succeeds: bool) {
    let permit = breaker.try_acquire().unwrap();
    if succeeds { permit.success() } else { permit.failure() }
}

/// Polls once, and says whether it is still going on.
async fn is_pending(future: impl Future) -> bool {
    tokio::time::timeout(Duration::ZERO, future).await.is_err()
}

// 1. The trip rule.

#[tokio::test(start_paused = true)]
async fn fifty_five_of_a_hundred_trip_at_fifty_five() {
    let breaker = build(count_window(100).minimum_calls(100).failure_rate(55.0));
    (0..45).for_each(|_| end(&breaker, true));
    (0..54).for_each(|_| end(&breaker, false));
    assert_eq!(breaker.state(), State::Closed);
    end(&breaker, false);
    assert_eq!(breaker.state(), State::Open);
    assert_eq!(breaker.snapshot().reason, Some(OpenReason::FailureRate { failures: 55, calls: 100 }));
}

#[tokio::test(start_paused = true)]
async fn a_success_that_completes_the_minimum_trips() {
    let breaker = build(count_window(10).minimum_calls(4));
    (0..3).for_each(|_| end(&breaker, false));
    assert_eq!(breaker.state(), State::Closed);
    end(&breaker, true);
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn expiring_successes_raise_the_rate() {
    let breaker = build(CircuitBreakerConfig::new().minimum_calls(2).failure_rate(60.0));
    (0..10).for_each(|_| end(&breaker, true));
    advance(5 * SECOND).await;
    (0..3).for_each(|_| end(&breaker, false));
    assert_eq!(breaker.state(), State::Closed, "3 of 13");
    advance(SECOND * 11 / 2).await;
    end(&breaker, true);
    assert_eq!(breaker.state(), State::Open, "3 of 4: the ten successes have left the window");
}

// 2. The tripping call returns its own error.

#[circuit_breaker("defects: own error", consecutive_failures = 1, window = none)]
async fn fails() -> Result<(), Error> {
    Err(Error::Failed)
}

#[tokio::test(start_paused = true)]
async fn the_tripping_call_returns_its_own_error() {
    assert!(matches!(fails().await, Err(Error::Failed)));
    let Err(Error::Rejected(rejection)) = fails().await else { panic!("it is open") };
    assert_eq!(
        rejection.to_string(),
        "circuit breaker `defects: own error` is open: 1 consecutive failure; try again in 30s"
    );
    advance(29 * SECOND + Duration::from_millis(999)).await;
    let Err(Error::Rejected(rejection)) = fails().await else { panic!("it is open") };
    assert_eq!(rejection.retry_after(), Some(Duration::from_millis(1)), "it counts down");
}

// 4. Permits are RAII and carry a generation.

#[circuit_breaker("defects: late", consecutive_failures = 1, window = none, open_for = "1s", half_open_calls = 1)]
async fn answers_when(answer: oneshot::Receiver<bool>) -> Result<(), Error> {
    if answer.await.unwrap() { Ok(()) } else { Err(Error::Failed) }
}

#[tokio::test(start_paused = true)]
async fn a_late_success_of_a_call_admitted_while_closed_closes_nothing() {
    let (late, answer) = oneshot::channel();
    let late_call = tokio::spawn(answers_when(answer));
    tokio::task::yield_now().await;
    let (now, answer) = oneshot::channel();
    now.send(false).unwrap();
    answers_when(answer).await.unwrap_err();
    let breaker = breaker("defects: late");
    assert_eq!(breaker.state(), State::Open);

    advance(SECOND).await;
    let (probe, answer) = oneshot::channel();
    let probe_call = tokio::spawn(answers_when(answer));
    tokio::task::yield_now().await;
    assert_eq!(breaker.state(), State::HalfOpen);

    late.send(true).unwrap();
    late_call.await.unwrap().unwrap();
    assert_eq!(breaker.state(), State::HalfOpen, "the late success is of an older generation");
    assert_eq!(breaker.totals().stale, 1);

    probe.send(true).unwrap();
    probe_call.await.unwrap().unwrap();
    assert_eq!(breaker.state(), State::Closed);
}

#[derive(Clone, Copy)]
enum Probe {
    Fails,
    Hangs,
    Panics,
    Succeeds,
}

#[circuit_breaker("defects: probes", consecutive_failures = 1, window = none, open_for = "1s", half_open_calls = 2)]
async fn probe(how: Probe) -> Result<(), Error> {
    match how {
        Probe::Fails => Err(Error::Failed),
        Probe::Hangs => pending().await,
        Probe::Panics => panic!("the body's own"),
        Probe::Succeeds => Ok(()),
    }
}

async fn catch<F: Future>(future: F) -> Result<F::Output, ()> {
    let mut future = Box::pin(future);
    std::future::poll_fn(|context| match std::panic::catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(polled) => polled.map(Ok),
        Err(_) => std::task::Poll::Ready(Err(())),
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn neither_a_cancelled_nor_a_panicking_probe_leaves_it_stuck() {
    probe(Probe::Fails).await.unwrap_err();
    let breaker = breaker("defects: probes");
    advance(SECOND).await;

    for _ in 0..5 {
        assert!(is_pending(probe(Probe::Hangs)).await);
        // The permit of one that was cancelled at once is free a second after it began.
        advance(SECOND).await;
    }
    assert_eq!(breaker.state(), State::HalfOpen);
    assert_eq!(breaker.totals().cancelled, 5);
    assert_eq!(breaker.snapshot().probes.unwrap().in_flight, 0);

    assert!(catch(probe(Probe::Panics)).await.is_err());
    assert_eq!(breaker.state(), State::Open, "a panic of the body's own is a failure");
    assert_eq!((breaker.totals().panicked, breaker.totals().failures), (1, 2));

    advance(SECOND).await;
    probe(Probe::Succeeds).await.unwrap();
    probe(Probe::Succeeds).await.unwrap();
    assert_eq!(breaker.state(), State::Closed);
}

#[circuit_breaker("defects: join", window = 10, minimum_calls = 1, failure_rate = 1)]
async fn hangs() -> Result<(), Error> {
    pending().await
}

#[tokio::test(start_paused = true)]
async fn a_call_dropped_because_another_one_panics_is_a_cancellation() {
    let other = async { panic!("something else on the thread") };
    let joined = async { tokio::join!(biased; hangs(), other) };
    assert!(catch(joined).await.is_err());
    let breaker = breaker("defects: join");
    assert_eq!(breaker.state(), State::Closed);
    assert_eq!((breaker.totals().cancelled, breaker.totals().failures), (1, 0));
}

// 5. Half-open.

#[tokio::test(start_paused = true)]
async fn two_calls_a_minute_are_enough_to_close() {
    let breaker = build(count_window(1).minimum_calls(1));
    end(&breaker, false);
    for call in 0..3 {
        advance(30 * SECOND).await;
        assert_ne!(breaker.state(), State::Closed, "before call {call}");
        end(&breaker, true);
    }
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn half_open_reopens_as_soon_as_it_cannot_close() {
    let breaker = build(count_window(1).minimum_calls(1).half_open_calls(5).half_open_successes(3));
    end(&breaker, false);
    advance(SECOND).await;
    let probes: Vec<_> = (0..5).map(|_| breaker.try_acquire().unwrap()).collect();
    assert!(breaker.try_acquire().is_err(), "a sixth is one too many");
    for (nth, probe) in probes.into_iter().enumerate() {
        let expected = if nth < 3 { State::HalfOpen } else { State::Open };
        assert_eq!(breaker.state(), expected, "before failure {nth}");
        probe.failure();
    }
    assert_eq!(breaker.totals().stale, 2);
}

#[tokio::test(start_paused = true)]
async fn a_stuck_probe_reopens_as_of_its_deadline() {
    let config = count_window(1).minimum_calls(1).half_open_calls(1).open_backoff(2.0).open_for(20 * SECOND);
    let breaker = CircuitBreaker::builder("defects: stuck").config(config).build().unwrap();
    end(&breaker, false);
    advance(20 * SECOND).await;
    let stuck = breaker.try_acquire().unwrap();
    advance(60 * SECOND + 25 * SECOND).await;
    assert_eq!(breaker.state(), State::HalfOpen, "reading changes nothing");

    let mut events = registry().subscribe();
    let rejection = breaker.try_acquire().unwrap_err();
    assert_eq!(rejection.retry_after(), Some(15 * SECOND), "40 s since the deadline, which was 25 s ago");
    assert!(rejection.to_string().contains("a probe did not answer in time"), "{rejection}");
    let reopened_at = std::iter::from_fn(|| events.try_recv()).find_map(|event| match event {
        Event::Transition(Transition { name, to: State::Open, at, .. }) if name == "defects: stuck" => Some(at),
        _ => None,
    });
    assert_eq!(resilience_runtime::Timestamp::now().duration_since(reopened_at.unwrap()), 25 * SECOND);

    advance(15 * SECOND).await;
    let next = breaker.try_acquire().unwrap();
    stuck.success();
    assert_eq!(breaker.state(), State::HalfOpen, "the stuck one's answer is late");
    next.success();
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn callers_who_give_up_early_put_no_more_probes_on_a_dependency_than_others() {
    let breaker = build(count_window(1).minimum_calls(1).half_open_calls(2));
    end(&breaker, false);
    advance(SECOND).await;
    let admitted = |calls| (0..calls).filter(|_| breaker.try_acquire().map(drop).is_ok()).count();
    for _ in 0..10 {
        assert_eq!((admitted(100), breaker.snapshot().probes.unwrap().in_flight), (2, 0));
        advance(Duration::from_millis(999)).await;
        assert!(matches!(breaker.next_call(), NextCall::Rejected(_)));
        assert_eq!(admitted(100), 0);
        advance(Duration::from_millis(1)).await;
        assert!(matches!(breaker.next_call(), NextCall::Probe { .. }));
    }
    // One that was under way for longer has its permit back at once, and an ignored one in any case.
    let long = breaker.try_acquire().unwrap();
    advance(SECOND).await;
    drop(long);
    breaker.try_acquire().unwrap().ignore();
    assert_eq!(admitted(100), 2);
    advance(SECOND).await;
    (0..2).for_each(|_| breaker.try_acquire().unwrap().success());
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn probes_that_say_nothing_reopen_it_at_the_deadline() {
    for ignored in [true, false] {
        let breaker = build(count_window(1).minimum_calls(1).half_open_calls(2));
        end(&breaker, false);
        advance(SECOND).await;
        // One after the other, so that none is in flight at the deadline; each goes on with the time of the first.
        for _ in 0..6 {
            assert_eq!(breaker.snapshot().reopenings, 0);
            let probe = breaker.try_acquire().unwrap();
            if ignored {
                probe.ignore()
            } else {
                drop(probe)
            }
            advance(10 * SECOND).await;
        }
        assert_eq!(breaker.state(), State::HalfOpen, "reading changes nothing");
        // A second after the deadline it is due again, and this call is the next probe.
        advance(SECOND).await;
        breaker.try_acquire().unwrap().success();
        assert_eq!((breaker.state(), breaker.snapshot().reopenings), (State::HalfOpen, 1));
        // One that has heard a success waits for the next as long as it takes.
        advance(3600 * SECOND).await;
        breaker.try_acquire().unwrap().success();
        assert_eq!(breaker.state(), State::Closed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_long_after_a_stuck_probe_is_itself_the_next_one() {
    let breaker = build(count_window(1).minimum_calls(1).half_open_calls(1));
    end(&breaker, false);
    advance(SECOND).await;
    let _stuck = breaker.try_acquire().unwrap();
    advance(3600 * SECOND).await;
    end(&breaker, true);
    assert_eq!(breaker.state(), State::Closed);
}

// 6. The window after the opening.

#[tokio::test(start_paused = true)]
async fn opening_freezes_the_window_and_closing_empties_it() {
    let breaker = build(count_window(4).half_open_calls(1));
    [true, true, false, false].into_iter().for_each(|succeeds| end(&breaker, succeeds));
    advance(SECOND).await;
    assert_eq!(breaker.snapshot().window, WindowCounts::new(4, 2, 0));
    end(&breaker, true);
    assert_eq!(breaker.snapshot().window, WindowCounts::default());
    assert_eq!(breaker.totals().successes, 3, "totals never shrink");
}

#[tokio::test(start_paused = true)]
async fn a_window_expires_without_anybody_writing() {
    let breaker = build(CircuitBreakerConfig::new());
    end(&breaker, false);
    assert_eq!(breaker.snapshot().window.failures, 1);
    advance(11 * SECOND).await;
    assert_eq!(breaker.snapshot().window, WindowCounts::default());
}

// 8. Windows slide.

#[tokio::test(start_paused = true)]
async fn a_count_window_forgets_its_oldest_call() {
    let breaker = build(count_window(10));
    (0..1000).for_each(|_| end(&breaker, true));
    (0..4).for_each(|_| end(&breaker, false));
    assert_eq!(breaker.state(), State::Closed);
    end(&breaker, false);
    assert_eq!(breaker.state(), State::Open, "5 of the last 10");
}

// 9. By hand.

#[tokio::test(start_paused = true)]
async fn forced_states_stay_until_told_otherwise() {
    let breaker = build(count_window(2).minimum_calls(1));
    breaker.force_open();
    advance(3600 * SECOND).await;
    let rejection = breaker.try_acquire().unwrap_err();
    assert_eq!(rejection.retry_after(), None);
    assert!(rejection.to_string().ends_with("is open: forced open by hand"), "{rejection}");
    breaker.monitor();
    end(&breaker, false);
    end(&breaker, false);
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.state, snapshot.decided), (State::Monitoring, State::Open));
    assert_eq!(snapshot.totals.would_reject, 1);
    breaker.reset();
    assert_eq!(breaker.snapshot().window, WindowCounts::default());
    assert_eq!(breaker.state(), State::Closed);
}

// 10. Listeners.

#[test]
fn a_listener_that_panics_or_is_slow_harms_nobody() {
    let (told, heard) = std::sync::mpsc::channel();
    registry().on_event(move |event| {
        if let Event::Transition(transition) = event
            && transition.name == "defects: listener"
        {
            told.send(transition.to).unwrap();
            panic!("a listener's own");
        }
    });
    registry().on_event(|_| std::thread::sleep(Duration::from_millis(50)));
    let breaker = CircuitBreaker::builder("defects: listener").config(count_window(1)).build().unwrap();
    end(&breaker, false);
    breaker.reset();
    let wait = Duration::from_secs(20);
    assert_eq!(heard.recv_timeout(wait), Ok(State::Open));
    assert_eq!(heard.recv_timeout(wait), Ok(State::Closed), "it hears the next one");
}

// 11. Time.

#[test]
fn a_second_runtime_with_a_clock_of_its_own_does_not_turn_time_back() {
    let paused = || tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let breaker = build(count_window(1).open_for(60 * SECOND));
    paused().block_on(async {
        advance(3600 * SECOND).await;
        end(&breaker, false);
    });
    paused().block_on(async {
        assert_eq!(breaker.try_acquire().unwrap_err().retry_after(), Some(60 * SECOND));
        advance(60 * SECOND).await;
        assert!(breaker.try_acquire().is_ok());
    });
}

// 13. Reconfiguring.

#[tokio::test(start_paused = true)]
async fn a_changed_time_holds_at_once_for_an_open_breaker() {
    let breaker = build(count_window(1).open_for(3600 * SECOND));
    end(&breaker, false);
    advance(10 * SECOND).await;
    breaker.reconfigure(count_window(1).open_for(11 * SECOND)).unwrap();
    assert_eq!(breaker.try_acquire().unwrap_err().retry_after(), Some(SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_mistake_in_a_reconfiguration_changes_nothing() {
    let breaker = build(count_window(10).minimum_calls(2));
    let error = breaker.reconfigure(count_window(10).failure_rate(0.0)).unwrap_err();
    assert_eq!(error.to_string(), "`failure_rate` must be greater than 0 and at most 100");
    end(&breaker, false);
    end(&breaker, true);
    assert_eq!(breaker.state(), State::Open, "50 % is in force as before");
}

#[tokio::test(start_paused = true)]
async fn a_resized_window_keeps_its_newest_outcomes() {
    let breaker = build(count_window(10).minimum_calls(10));
    [false, false, true, true, true, false].into_iter().for_each(|succeeds| end(&breaker, succeeds));
    breaker.reconfigure(count_window(4).minimum_calls(4).failure_rate(90.0)).unwrap();
    assert_eq!(breaker.snapshot().window, WindowCounts::new(4, 1, 0));
    breaker.reconfigure(count_window(100).minimum_calls(100)).unwrap();
    assert_eq!(breaker.snapshot().window, WindowCounts::new(4, 1, 0), "what had left stays out");
}
