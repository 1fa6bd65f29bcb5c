//! Rules of `docs/semantics.md` that no other file proves. Virtual time.

use resilience_runtime::{
    CircuitBreaker, CircuitBreakerConfig, Event, EventFilter, Mode, NextCall, OpenReason, Rejection, State, Topic,
    Window, WindowCounts, registry,
};
use std::time::Duration;
use tokio::time::advance;

const SECOND: Duration = Duration::from_secs(1);

fn breaker(config: CircuitBreakerConfig) -> CircuitBreaker {
    CircuitBreaker::builder("rules").config(config).build().unwrap()
}

/// Opens at the first failure.
fn brittle() -> CircuitBreakerConfig {
    CircuitBreakerConfig::new().consecutive_failures(1)
}

fn fail(breaker: &CircuitBreaker) {
    breaker.try_acquire().unwrap().failure();
}

// 5. Half-open.

#[tokio::test(start_paused = true)]
async fn a_caller_beyond_the_probes_is_rejected_with_the_reason_of_the_opening() {
    let breaker = breaker(brittle());
    fail(&breaker);
    let opened_because = breaker.snapshot().reason;
    advance(30 * SECOND).await;
    let _probes: Vec<_> = (0..3).map(|_| breaker.try_acquire().unwrap()).collect();
    let rejection = breaker.try_acquire().unwrap_err();
    let Rejection::CircuitOpen { reason, .. } = &rejection else { panic!("{rejection:?}") };
    assert_eq!(Some(*reason), opened_because);
    assert_eq!(rejection.retry_after(), Some(30 * SECOND), "as long as an opening lasts");
    assert_eq!((breaker.state(), breaker.totals().rejected), (State::HalfOpen, 1));
}

#[tokio::test(start_paused = true)]
async fn a_slow_probe_is_a_failed_probe() {
    let breaker = breaker(brittle().slow_call(SECOND).open_for(SECOND).half_open_calls(1));
    fail(&breaker);
    advance(SECOND).await;
    let probe = breaker.try_acquire().unwrap();
    advance(2 * SECOND).await;
    probe.success();
    assert_eq!(breaker.state(), State::Open);
}

// 9. Forced states.

#[tokio::test(start_paused = true)]
async fn forcing_again_restarts_nothing() {
    let breaker = breaker(CircuitBreakerConfig::new());
    for act in [CircuitBreaker::force_open, CircuitBreaker::disable] {
        act(&breaker);
        advance(5 * SECOND).await;
        act(&breaker);
        assert_eq!(breaker.snapshot().age, 5 * SECOND);
    }
}

#[tokio::test(start_paused = true)]
async fn reset_returns_to_what_mode_says_whatever_the_state() {
    for (mode, expected) in
        [(Mode::Enforce, State::Closed), (Mode::Monitor, State::Monitoring), (Mode::Off, State::Disabled)]
    {
        for act in [
            CircuitBreaker::force_open,
            CircuitBreaker::disable,
            CircuitBreaker::monitor,
            CircuitBreaker::enforce,
            CircuitBreaker::reset,
        ] {
            let breaker = breaker(CircuitBreakerConfig::new().mode(mode));
            act(&breaker);
            breaker.reset();
            assert_eq!(breaker.state(), expected, "{mode:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn enforce_keeps_what_is_known() {
    let breaker = breaker(brittle().mode(Mode::Monitor));
    fail(&breaker);
    assert!(breaker.try_acquire().is_ok(), "a monitoring breaker rejects nothing");
    let known = breaker.snapshot();
    breaker.enforce();
    let enforced = breaker.snapshot();
    assert_eq!((enforced.state, enforced.reason), (State::Open, known.reason));
    assert_eq!((enforced.age, enforced.window), (known.age, known.window));
    assert!(breaker.try_acquire().is_err());
}

// 10. Order of telling.

#[tokio::test(start_paused = true)]
async fn an_act_is_told_before_the_transition_that_follows_from_it() {
    let filter = EventFilter::of([Topic::Steered, Topic::Transition]).named("rules: order".parse().unwrap());
    let mut events = registry().subscribe_with(filter);
    let breaker = CircuitBreaker::builder("rules: order").build().unwrap();
    breaker.force_open();
    assert!(matches!(events.try_recv(), Some(Event::Steered { .. })));
    assert!(matches!(events.try_recv(), Some(Event::Transition(transition)) if transition.to == State::ForcedOpen));
    breaker.force_open();
    assert!(matches!(events.try_recv(), Some(Event::Steered { .. })));
    assert!(events.try_recv().is_none(), "an act that changes no state tells no transition");
}

// 13. Reconfiguring.

#[tokio::test(start_paused = true)]
async fn an_outcome_is_judged_by_the_configuration_at_the_time_it_is_recorded() {
    let breaker = breaker(CircuitBreakerConfig::new().consecutive_failures(5));
    let permit = breaker.try_acquire().unwrap();
    breaker.reconfigure(brittle()).unwrap();
    permit.failure();
    assert_eq!((breaker.state(), breaker.totals().stale), (State::Open, 0));
}

// 1. and 7. Why it opened, where a rule of one's own says so.

#[tokio::test(start_paused = true)]
async fn what_was_in_the_window_stays_readable_when_it_is_opened_by_hand() {
    let acts: [fn(&CircuitBreaker); 2] = [CircuitBreaker::force_open, |breaker| breaker.force_open_for(60 * SECOND)];
    for act in acts {
        let breaker = breaker(CircuitBreakerConfig::new());
        (0..3).for_each(|_| fail(&breaker));
        act(&breaker);
        advance(20 * SECOND).await;
        let window = breaker.snapshot().window;
        assert_eq!((window.calls, window.failures), (3, 3), "as it was when it opened");
        breaker.reset();
        assert_eq!(breaker.snapshot().window, WindowCounts::default());
    }
}

#[tokio::test(start_paused = true)]
async fn where_nothing_is_abandoned_the_permit_of_a_cancelled_probe_is_free_after_a_second() {
    let breaker = breaker(brittle().half_open_calls(1).no_abandoned_after());
    fail(&breaker);
    advance(30 * SECOND).await;
    drop(breaker.try_acquire().unwrap());
    advance(SECOND - Duration::from_millis(1)).await;
    breaker.try_acquire().unwrap_err();
    advance(Duration::from_millis(1)).await;
    breaker.try_acquire().unwrap().success();
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn that_a_breaker_monitors_from_now_on_is_a_transition_and_so_is_its_end() {
    let mut events =
        registry().subscribe_with(EventFilter::of([Topic::Transition]).named("rules: monitors".parse().unwrap()));
    let breaker = CircuitBreaker::builder("rules: monitors").config(brittle()).build().unwrap();
    breaker.monitor();
    fail(&breaker);
    breaker.enforce();
    let told = std::iter::from_fn(|| events.try_recv()).map(|event| match event {
        Event::Transition(moved) => (moved.from, moved.to, moved.monitored),
        other => panic!("{other}"),
    });
    let expected = [
        (State::Closed, State::Monitoring, false),
        // Its own moves are told as what they would have been.
        (State::Closed, State::Open, true),
        (State::Monitoring, State::Open, false),
    ];
    assert_eq!(told.collect::<Vec<_>>(), expected);
}

#[tokio::test(start_paused = true)]
async fn probes_that_are_enough_for_a_new_configuration_close_it_at_once() {
    let breaker = breaker(brittle());
    fail(&breaker);
    advance(30 * SECOND).await;
    breaker.try_acquire().unwrap().success();
    assert_eq!(breaker.state(), State::HalfOpen, "three have to succeed");
    breaker.reconfigure(brittle().half_open_calls(2).half_open_successes(1)).unwrap();
    assert_eq!(breaker.state(), State::Closed, "without another call");
}

#[test]
fn what_the_overflow_breaker_has_decided_is_no_concern_of_a_new_key() {
    let family = breaker(brittle());
    fail(&family);
    assert_eq!(family.state(), State::Open);
    family.keyed("new").try_acquire().unwrap().success();
    assert_eq!(family.of_key("new").unwrap().state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_rule_of_ones_own_is_the_reason_of_its_opening() {
    let config = CircuitBreakerConfig::new().failure_rate(100.0).minimum_calls(100).no_consecutive_failures();
    let breaker =
        CircuitBreaker::builder("rules").config(config).trip_if(|counts| counts.failures == 2).build().unwrap();
    breaker.try_acquire().unwrap().success();
    (0..2).for_each(|_| fail(&breaker));
    let reason = OpenReason::TripIf { failures: 2, calls: 3 };
    assert_eq!((breaker.state(), breaker.snapshot().reason), (State::Open, Some(reason)));
    let Rejection::CircuitOpen { reason: told, .. } = breaker.try_acquire().unwrap_err() else { panic!("it is open") };
    assert_eq!(told, reason);
}

// 8. Windows.

#[tokio::test(start_paused = true)]
async fn what_had_left_a_time_window_does_not_come_back_when_it_becomes_longer() {
    let config = |seconds| {
        let window = Window::Time(seconds * SECOND);
        CircuitBreakerConfig::new().window(window).minimum_calls(100).no_consecutive_failures()
    };
    let breaker = breaker(config(10));
    fail(&breaker);
    advance(30 * SECOND).await;
    breaker.try_acquire().unwrap().success();
    breaker.reconfigure(config(60)).unwrap();
    assert_eq!(breaker.snapshot().window, WindowCounts::new(1, 0, 0));
    advance(5 * SECOND).await;
    fail(&breaker);
    assert_eq!(breaker.snapshot().window, WindowCounts::new(2, 1, 0));
}

// 9. Forced states.

#[tokio::test(start_paused = true)]
async fn forced_open_rejects_every_call_whatever_share_is_enforced() {
    let breaker = breaker(brittle());
    breaker.steer().enforce_share(10).unwrap();
    breaker.force_open();
    for _ in 0..20 {
        assert!(matches!(breaker.next_call(), NextCall::Rejected(_)), "{:?}", breaker.next_call());
        breaker.try_acquire().unwrap_err();
    }
}

#[tokio::test(start_paused = true)]
async fn an_outcome_counts_also_where_it_was_said_meanwhile_that_the_breaker_only_monitors() {
    let breaker = breaker(brittle());
    let permit = breaker.try_acquire().unwrap();
    breaker.monitor();
    permit.success();
    assert_eq!((breaker.totals().successes, breaker.totals().stale), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_rule_of_ones_own_is_asked_after_successes_too() {
    let builder = CircuitBreaker::builder("rules: successes").trip_if(|counts| counts.calls >= 3);
    let breaker = builder.build().unwrap();
    let states = [(); 3].map(|()| {
        breaker.try_acquire().unwrap().success();
        breaker.state()
    });
    assert_eq!(states, [State::Closed, State::Closed, State::Open]);
}

// 13. Reconfiguring.

#[tokio::test(start_paused = true)]
async fn slow_calls_count_from_when_they_are_asked_for_also_where_the_window_stays() {
    let config = CircuitBreakerConfig::new().window(Window::Count(10)).minimum_calls(2);
    let breaker = breaker(config);
    let slow = Duration::from_millis(100);
    breaker.reconfigure(config.slow_call(slow).slow_call_rate(100.0)).unwrap();
    for _ in 0..2 {
        let permit = breaker.try_acquire().unwrap();
        tokio::time::advance(2 * slow).await;
        permit.success();
    }
    assert_eq!(breaker.snapshot().reason, Some(OpenReason::SlowCallRate { slow: 2, calls: 2 }));
}

#[tokio::test(start_paused = true)]
async fn a_count_window_forgets_its_slow_calls_when_they_are_turned_off() {
    let config = CircuitBreakerConfig::new().window(Window::Count(10)).minimum_calls(10);
    let slow = Duration::from_millis(100);
    let counted = config.slow_call(slow).slow_call_rate(100.0);
    let breaker = breaker(counted);
    let mut seen = Vec::new();
    for config in [counted, config, counted] {
        breaker.reconfigure(config).unwrap();
        let permit = breaker.try_acquire().unwrap();
        tokio::time::advance(2 * slow).await;
        let before = breaker.snapshot().window.slow;
        permit.success();
        seen.push((before, breaker.snapshot().window.slow));
    }
    assert_eq!(seen, [(0, 1), (0, 0), (0, 1)]);
}

#[test]
fn a_snapshot_says_how_much_is_enforced_in_each_state_and_nothing_of_a_window_that_is_off() {
    let acts = [CircuitBreaker::disable, CircuitBreaker::monitor, CircuitBreaker::force_open, CircuitBreaker::enforce];
    for (act, percent) in acts.into_iter().zip([0, 0, 100, 100]) {
        let breaker = breaker(CircuitBreakerConfig::new().consecutive_failures(1));
        breaker.steer().enforce_share(10).unwrap();
        fail(&breaker);
        assert_eq!((breaker.snapshot().enforced_percent, breaker.snapshot().window.failures), (10, 1));
        act(&breaker);
        let snapshot = breaker.snapshot();
        let failures = u64::from(snapshot.state != State::Disabled);
        assert_eq!((snapshot.enforced_percent, snapshot.window.failures), (percent, failures), "{}", snapshot.state);
    }
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_says_of_each_state_what_there_is_to_say_and_nothing_of_the_others() {
    let breaker = breaker(CircuitBreakerConfig::new().consecutive_failures(2));
    let said = || {
        let snapshot = breaker.snapshot();
        let probes = snapshot.probes.map(|probes| [probes.in_flight, probes.succeeded, probes.failed]);
        (snapshot.state, snapshot.consecutive_failures, snapshot.reason, snapshot.probe_due_in, probes)
    };
    assert_eq!(said(), (State::Closed, 0, None, None, None));
    fail(&breaker);
    assert_eq!(said(), (State::Closed, 1, None, None, None));
    fail(&breaker);
    let reason = Some(OpenReason::ConsecutiveFailures { failures: 2 });
    assert_eq!(said(), (State::Open, 0, reason, Some(30 * SECOND), None));
    advance(40 * SECOND).await;
    assert_eq!(said(), (State::Open, 0, reason, Some(Duration::ZERO), None));
    breaker.try_acquire().unwrap().success();
    let probe = breaker.try_acquire().unwrap();
    assert_eq!(said(), (State::HalfOpen, 0, reason, None, Some([1, 1, 0])));
    probe.ignore();
    assert_eq!(said(), (State::HalfOpen, 0, reason, None, Some([0, 1, 0])));
    drop(breaker.try_acquire().unwrap());
    assert_eq!(said(), (State::HalfOpen, 0, reason, None, Some([0, 1, 0])), "one that was cancelled is not under way");
    breaker.force_open();
    assert_eq!(said(), (State::ForcedOpen, 0, Some(OpenReason::Forced), None, None));
    breaker.disable();
    assert_eq!(said(), (State::Disabled, 0, None, None, None));
    breaker.reset();
    assert_eq!(said(), (State::Closed, 0, None, None, None));
}

/// However often it has begun anew meanwhile, with nobody calling.
#[test]
fn a_row_of_failures_is_of_one_closed_state() {
    let breaker = breaker(CircuitBreakerConfig::new().window(Window::None).consecutive_failures(3));
    for resets in 1..200 {
        (0..2).for_each(|_| fail(&breaker));
        (0..resets).for_each(|_| breaker.reset());
        fail(&breaker);
        assert_eq!(breaker.state(), State::Closed, "after {resets} resets");
        breaker.reset();
    }
}

#[test]
fn a_row_of_failures_goes_on_when_the_window_becomes_one_of_another_kind() {
    let kinds = [Window::Time(10 * SECOND), Window::Count(10), Window::None];
    let config = |window| {
        let config = CircuitBreakerConfig::new().window(window).failure_rate(100.0).consecutive_failures(3);
        if window == Window::None { config } else { config.minimum_calls(10) }
    };
    for (from, to) in kinds.into_iter().flat_map(|from| kinds.map(|to| (from, to))) {
        let breaker = breaker(config(from));
        (0..2).for_each(|_| fail(&breaker));
        breaker.reconfigure(config(to)).unwrap();
        fail(&breaker);
        let reason = breaker.snapshot().reason;
        assert_eq!(reason, Some(OpenReason::ConsecutiveFailures { failures: 3 }), "{from:?} becomes {to:?}");
    }
}
