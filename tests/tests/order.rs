//! What happens to a breaker is told in the order in which it happened, and what is done to all of its keys is one act.

use resilience_runtime::testing::Scope;
use resilience_runtime::{
    Act, Bulkhead, CircuitBreaker, CircuitBreakerConfig, Ended, Event, EventFilter, Events, Pattern, Rate, RateLimiter,
    Retry, State, Timeout, TimeoutConfig, Timestamp, Topic, registry,
};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

fn reader(name: &str, topics: impl IntoIterator<Item = Topic>) -> Events {
    registry().subscribe_with(EventFilter::of(topics).named(Pattern::parse(name).unwrap()))
}

fn all(events: &mut Events) -> Vec<Event> {
    std::iter::from_fn(|| events.try_recv()).collect()
}

/// Both at once.
fn race(one: impl FnOnce() + Send, other: impl FnOnce() + Send) {
    let barrier = Barrier::new(2);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            barrier.wait();
            one();
        });
        scope.spawn(|| {
            barrier.wait();
            other();
        });
    });
}

/// One with 64 keys.
fn family() -> CircuitBreaker {
    let family = CircuitBreaker::builder("order: keys").build().unwrap();
    for key in 0..64 {
        family.keyed(key).try_acquire().unwrap().success();
    }
    family
}

#[test]
fn two_acts_at_once_leave_all_keys_as_the_last_one_says() {
    for round in 0..1000 {
        let family = family();
        race(|| family.force_open(), || family.enforce());
        let states: Vec<_> = family.of_keys().iter().map(|key| key.state()).collect();
        assert!(states.iter().all(|state| *state == family.state()), "round {round}: {}, {states:?}", family.state());
    }
}

#[test]
fn a_key_that_comes_while_something_is_done_to_all_is_as_the_others() {
    for round in 0..300 {
        let family = family();
        race(
            || {
                family.force_open();
                family.enforce();
            },
            || (64..128).for_each(|key| drop(family.keyed(key).try_acquire())),
        );
        let states: Vec<_> = family.of_keys().iter().map(|key| key.state()).collect();
        assert!(states.iter().all(|state| *state == State::Closed), "round {round}: {states:?}");
    }
}

#[test]
fn two_reconfigurations_at_once_do_not_mix() {
    let rate = |breaker: &CircuitBreaker| {
        breaker.snapshot().settings.into_iter().find(|setting| setting.key == "failure_rate").unwrap().value
    };
    for round in 0..1000 {
        let family = family();
        let put = |rate| family.reconfigure(CircuitBreakerConfig::new().failure_rate(rate)).unwrap();
        race(|| put(10.0), || put(90.0));
        let mine = rate(&family);
        assert!(family.of_keys().iter().all(|key| rate(key) == mine), "round {round}");
    }
}

#[test]
fn transitions_under_load_are_told_in_order_and_the_last_one_is_the_state() {
    let breaker = CircuitBreaker::builder("order: chain")
        .consecutive_failures(2)
        .open_for(Duration::from_millis(1))
        .half_open_calls(2)
        .half_open_successes(1)
        .register()
        .unwrap();
    let mut events = reader("order: chain", [Topic::Transition]);
    let stop = AtomicBool::new(false);
    let (mut seen, mut last, mut at) = (0, None, None);
    let mut look = |events: &mut Events| {
        for event in all(events) {
            let Event::Transition(moved) = event else {
                last = None;
                continue;
            };
            seen += 1;
            assert!(last.is_none_or(|last| last == moved.from), "{last:?}, then {moved:?}");
            assert!(at.is_none_or(|at| at <= moved.at), "{at:?}, then {moved:?}");
            (last, at) = (Some(moved.to), Some(moved.at));
        }
        last
    };
    struct Stops<'a>(&'a AtomicBool);
    impl Drop for Stops<'_> {
        fn drop(&mut self) {
            self.0.store(true, Relaxed);
        }
    }
    std::thread::scope(|scope| {
        // Also where an assertion does not hold.
        let _stops = Stops(&stop);
        for thread in 0..4_u64 {
            let (breaker, stop) = (&breaker, &stop);
            scope.spawn(move || {
                let mut random = thread * 7919 + 1;
                while !stop.load(Relaxed) {
                    random ^= random << 13;
                    random ^= random >> 7;
                    random ^= random << 17;
                    match random % 100 {
                        0 => breaker.reset(),
                        1 => breaker.force_open(),
                        2 => breaker.enforce(),
                        3 => breaker.disable(),
                        _ => match breaker.try_acquire() {
                            Ok(permit) if random % 3 == 0 => permit.success(),
                            Ok(permit) => permit.failure(),
                            Err(_) => {}
                        },
                    }
                }
            });
        }
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(2) {
            look(&mut events);
        }
    });
    let last = look(&mut events);
    assert!(last.is_none_or(|last| last == breaker.state()), "{last:?} was told last, and it is {}", breaker.state());
    let kept = breaker.recent_events();
    let moments: Vec<Timestamp> = kept.iter().map(Event::at).collect();
    assert!(moments.is_sorted(), "{kept:?}");
    let moves: Vec<_> = kept
        .iter()
        .filter_map(|event| if let Event::Transition(moved) = event { Some((moved.from, moved.to)) } else { None })
        .collect();
    assert!(moves.windows(2).all(|two| two[0].1 == two[1].0), "{moves:?}");
    assert!(seen > 100, "{seen} transitions");
}

#[test]
fn the_act_that_is_told_last_is_the_one_in_force() {
    let breaker = CircuitBreaker::builder("order: acts").register().unwrap();
    let mut events = reader("order: acts", [Topic::Steered, Topic::Transition]);
    for round in 0..1000 {
        race(|| breaker.force_open(), || breaker.enforce());
        let told = all(&mut events);
        let last =
            told.iter().rev().find_map(|event| if let Event::Steered { act, .. } = event { Some(*act) } else { None });
        let expected = if last == Some(Act::ForceOpen) { State::ForcedOpen } else { State::Closed };
        assert_eq!(breaker.state(), expected, "round {round}: {told:?}");
    }
}

fn short(events: Vec<Event>) -> Vec<String> {
    let short = |event| match event {
        Event::Outcome { ended, .. } => ended.as_str().to_owned(),
        Event::Transition(moved) => format!("{} -> {}", moved.from, moved.to),
        Event::Steered { act, .. } => act.to_string(),
        Event::Reconfigured { .. } => "reconfigured".to_owned(),
        other => panic!("{other}"),
    };
    events.into_iter().map(short).collect()
}

/// What is no circuit breaker is in one state for ever.
#[tokio::test(start_paused = true)]
async fn what_has_no_states_is_of_one_generation_whatever_it_tells() {
    let _entered = Scope::new().enter();
    let mut events = registry().subscribe();
    tokio::time::advance(Duration::from_secs(7)).await;
    let retry = Retry::builder("stateless").attempts(2).delay(Duration::from_millis(1)).register().unwrap();
    retry.call(async || Err::<(), _>("refused")).await.unwrap_err();
    let timeout = Timeout::builder("stateless").after(Duration::from_millis(1)).register().unwrap();
    timeout.run(std::pin::pin!(std::future::pending::<()>())).await.unwrap_err();
    let bulkhead = Bulkhead::builder("stateless").max_concurrent(1).register().unwrap();
    let _place = bulkhead.try_acquire().unwrap();
    bulkhead.try_acquire().unwrap_err();
    let limiter = RateLimiter::builder("stateless").rate(Rate::per_minute(1)).register().unwrap();
    limiter.try_acquire().unwrap();
    limiter.try_acquire().unwrap_err();
    timeout.reconfigure(TimeoutConfig::new().after(Duration::from_secs(1))).unwrap();
    let told: Vec<_> = all(&mut events).iter().map(|it| (it.topic(), it.order().unwrap().generation)).collect();
    let topics =
        [Topic::Retry, Topic::RetriesEnded, Topic::TimedOut, Topic::Rejected, Topic::Rejected, Topic::Reconfigured];
    assert_eq!(told, topics.map(|topic| (topic, 0)));
}

#[tokio::test(start_paused = true)]
async fn a_cause_is_told_before_what_follows_from_it() {
    let mut events = reader("order: causes", [Topic::Outcome, Topic::Transition, Topic::Steered, Topic::Reconfigured]);
    let breaker = CircuitBreaker::builder("order: causes").consecutive_failures(2).half_open_calls(1).build().unwrap();
    for _ in 0..2 {
        breaker.try_acquire().unwrap().failure();
    }
    assert_eq!(short(all(&mut events)), ["failed", "failed", "closed -> open"]);
    for (ended, follows) in [(Ended::Failed, "half_open -> open"), (Ended::Succeeded, "half_open -> closed")] {
        tokio::time::advance(Duration::from_secs(60)).await;
        let probe = breaker.try_acquire().unwrap();
        tokio::time::advance(Duration::from_secs(1)).await;
        if ended == Ended::Failed {
            probe.failure()
        } else {
            probe.success()
        }
        let told = all(&mut events);
        let generations: Vec<_> = told.iter().map(|event| event.order().unwrap().generation).collect();
        assert_eq!(generations[1], generations[0], "a probe ends in the state in which it was let through");
        assert_ne!(generations[2], generations[1]);
        assert_eq!(short(told), ["open -> half_open", ended.as_str(), follows]);
    }
    breaker.force_open();
    assert_eq!(short(all(&mut events)), ["force_open", "closed -> forced_open"]);
    breaker.reconfigure(CircuitBreakerConfig::new().mode(resilience_runtime::Mode::Off)).unwrap();
    assert_eq!(short(all(&mut events)), ["reconfigured", "forced_open -> disabled"]);
}

#[tokio::test(start_paused = true)]
async fn a_reset_that_changes_no_state_tells_no_transition() {
    let breaker = CircuitBreaker::builder("order: reset").build().unwrap();
    let mut events = reader("order: reset", [Topic::Transition, Topic::Steered]);
    breaker.reset();
    assert_eq!(short(all(&mut events)), ["reset"]);
    breaker.force_open();
    breaker.reset();
    assert_eq!(short(all(&mut events)), ["force_open", "closed -> forced_open", "reset", "forced_open -> closed"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_dated_back_is_not_told_at_an_earlier_moment_than_what_was_told_before() {
    let breaker = CircuitBreaker::builder("order: dated back").consecutive_failures(1).build().unwrap();
    let mut events = reader("order: dated back", [Topic::Transition, Topic::Steered]);
    breaker.try_acquire().unwrap().failure();
    tokio::time::advance(Duration::from_secs(30)).await;
    let probe = breaker.try_acquire().unwrap();
    // The probe's time is over after one minute; what is done by hand before anybody has noticed is told at a later moment.
    tokio::time::advance(Duration::from_secs(80)).await;
    breaker.enforce();
    drop(breaker.try_acquire());
    let told = all(&mut events);
    assert!(told.iter().map(Event::at).is_sorted(), "{told:?}");
    drop(probe);
}

#[test]
fn a_million_resets_lengthen_no_opening() {
    let open_for = Duration::from_millis(100);
    let breaker = CircuitBreaker::builder("order: resets").consecutive_failures(1).open_for(open_for).build().unwrap();
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(1) {
        breaker.reset();
    }
    breaker.try_acquire().unwrap().failure();
    let rejection = breaker.try_acquire().unwrap_err();
    // The clock that a wait is read from may lag by two of the slowest ticks.
    assert!(rejection.retry_after().unwrap() <= open_for + Duration::from_millis(21), "{rejection}");
}
