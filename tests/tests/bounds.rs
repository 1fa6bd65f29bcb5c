//! What happens at a bound and just beside it: who goes when there are too many keys, how much health takes, what is saved of an opening, which pattern holds.

use proptest::prelude::*;
use resilience_runtime::testing::{Scope, Script};
use resilience_runtime::{
    CircuitBreaker, CircuitBreakerConfig, Event, EventFilter, HealthCheck, HealthStatus, MAX_CRITICAL,
    MAX_HEALTH_CHECKS, Mode, State, Topic, Window, registry,
};
use std::collections::{BTreeSet, VecDeque};
use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::advance;

const SECOND: Duration = Duration::from_secs(1);

fn brittle() -> CircuitBreakerConfig {
    CircuitBreakerConfig::new().window(Window::None).consecutive_failures(1).open_for(3600 * SECOND)
}

fn keyed(max_keys: u32) -> CircuitBreaker {
    CircuitBreaker::builder("bounds").config(brittle().max_keys(max_keys)).build().unwrap()
}

fn succeed(breaker: &CircuitBreaker, key: impl std::fmt::Display) {
    breaker.keyed(key).try_acquire().unwrap().success();
}

fn held(breaker: &CircuitBreaker) -> BTreeSet<u8> {
    (0..=u8::MAX).filter(|key| breaker.of_key(key).is_some()).collect()
}

fn overflowed(breaker: &CircuitBreaker) -> u64 {
    breaker.snapshot().keys.map_or(0, |keys| keys.overflowed)
}

/// Calls of keys, each in a unit of time of its own, against a plain list of who was used last.
async fn play_keys(max_keys: usize, calls: &[(u8, bool)]) -> Result<(), TestCaseError> {
    let breaker = keyed(u32::try_from(max_keys).unwrap());
    // The longest unused one first.
    let mut used = VecDeque::new();
    let mut open = BTreeSet::new();
    let (mut evicted, mut overflow) = (0, 0);
    for &(key, fails) in calls {
        advance(SECOND).await;
        let is_held = used.contains(&key);
        if !is_held && used.len() == max_keys {
            match used.iter().position(|key| !open.contains(key)) {
                Some(longest_unused) => {
                    used.remove(longest_unused);
                    evicted += 1;
                }
                None => {
                    overflow += 1;
                    drop(breaker.keyed(key).try_acquire().map(|permit| permit.ignore()));
                    continue;
                }
            }
        }
        used.retain(|other| *other != key);
        used.push_back(key);
        let permit = breaker.keyed(key).try_acquire();
        prop_assert_eq!(permit.is_err(), open.contains(&key));
        if let Ok(permit) = permit {
            if fails {
                permit.failure();
                open.insert(key);
            } else {
                permit.success();
            }
        }
        let expected: BTreeSet<u8> = used.iter().copied().collect();
        prop_assert_eq!(held(&breaker), expected);
        let counts = breaker.snapshot().keys.unwrap();
        let expected = (used.len() as u64, open.len() as u64, evicted, overflow);
        prop_assert_eq!((counts.held, counts.not_closed, counts.evicted, counts.overflowed), expected);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn of_too_many_keys_the_longest_unused_closed_one_goes(
        max_keys in 1..13_usize,
        calls in prop::collection::vec((0..20_u8, prop::bool::weighted(0.03)), 1..120),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(play_keys(max_keys, &calls))?;
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_used_again_is_not_the_longest_unused_one() {
    let breaker = keyed(12);
    for key in 0..12_u8 {
        succeed(&breaker, key);
        advance(SECOND).await;
    }
    // Those who go next are known from here on.
    succeed(&breaker, 100);
    for (again, new) in (1..8).zip(101..) {
        advance(SECOND).await;
        succeed(&breaker, again);
        advance(SECOND).await;
        succeed(&breaker, new);
        assert!(held(&breaker).contains(&again), "{again}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_keys_that_came_at_the_same_time_none_loses_its_place_to_the_next() {
    let breaker = keyed(12);
    for key in 0..12_u8 {
        succeed(&breaker, key);
    }
    for key in 12..200_u8 {
        succeed(&breaker, key);
        let expected: BTreeSet<u8> = (key - 11..=key).collect();
        assert_eq!(held(&breaker), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_closed_by_hand_makes_room_for_a_new_key_at_once() {
    type ByHand = fn(&CircuitBreaker);
    let acts: [(&str, ByHand); 2] = [
        ("reset of all", CircuitBreaker::reset),
        ("enforce after disable", |breaker| {
            breaker.disable();
            breaker.enforce();
        }),
    ];
    for (act, by_hand) in acts {
        let breaker = keyed(3);
        for key in 0..3 {
            breaker.keyed(key).try_acquire().unwrap().failure();
        }
        for key in 100..105 {
            succeed(&breaker, key);
        }
        assert_eq!(overflowed(&breaker), 5, "{act}");
        by_hand(&breaker);
        succeed(&breaker, 200);
        assert_eq!((overflowed(&breaker), held(&breaker).contains(&200)), (5, true), "{act}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_closes_by_itself_makes_room_too() {
    let config = brittle().max_keys(1).max_open_for(3600 * SECOND).open_for(SECOND).half_open_calls(1);
    let breaker = CircuitBreaker::builder("bounds").config(config).build().unwrap();
    breaker.keyed(1).try_acquire().unwrap().failure();
    succeed(&breaker, 2);
    assert_eq!(overflowed(&breaker), 1);
    advance(2 * SECOND).await;
    succeed(&breaker, 1);
    assert_eq!(breaker.of_key("1").unwrap().state(), State::Closed);
    advance(2 * SECOND).await;
    succeed(&breaker, 2);
    assert_eq!((overflowed(&breaker), held(&breaker).contains(&2)), (1, true));
}

fn ok(name: String, timeout: Duration) -> HealthCheck {
    HealthCheck::new(name, timeout, || async { Ok::<(), String>(()) })
}

#[tokio::test(start_paused = true)]
async fn health_takes_as_much_as_it_says_and_no_more() {
    let _entered = Scope::new().enter();
    for nth in 0..MAX_CRITICAL {
        registry().mark_critical(format!("{nth}"), true).unwrap();
    }
    registry().mark_critical("7", true).expect("it is marked already");
    assert!(registry().mark_critical("one more", true).is_err());
    registry().mark_critical("another", false).expect("there is nothing to take away");
    assert!(registry().mark_critical("one more", true).is_err());
    registry().mark_critical("7", false).unwrap();
    registry().mark_critical("one more", true).unwrap();
    assert!(registry().mark_critical("7", true).is_err());

    let (least, most) = (Duration::from_millis(1), Duration::from_secs(60 * 60));
    let nano = Duration::from_nanos(1);
    for (timeout, is_taken) in [(least, true), (least - nano, false), (most, true), (most + nano, false)] {
        assert_eq!(registry().health_check(ok("timeout".to_owned(), timeout)).is_ok(), is_taken, "{timeout:?}");
    }
    for nth in 1..MAX_HEALTH_CHECKS {
        registry().health_check(ok(format!("{nth}"), SECOND)).unwrap();
    }
    registry().health_check(ok("7".to_owned(), SECOND)).expect("it takes the place of the one before");
    assert!(registry().health_check(ok("one more".to_owned(), SECOND)).is_err());
    assert!(registry().remove_health_check("7") && !registry().remove_health_check("7"));
    registry().health_check(ok("one more".to_owned(), SECOND)).unwrap();
    assert!(registry().health_check(ok("7".to_owned(), SECOND)).is_err());
}

/// As the guard of a connection may that is cut off.
struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            std::panic::resume_unwind(Box::new("dropped"));
        }
    }
}

/// Answers, and panics when what is left of it is dropped.
struct Answers(Result<(), &'static str>, PanicsWhenDropped);

impl Future for Answers {
    type Output = Result<(), &'static str>;

    fn poll(self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> std::task::Poll<Self::Output> {
        let _ = &self.1;
        std::task::Poll::Ready(self.0)
    }
}

#[tokio::test(start_paused = true)]
async fn a_check_whose_drop_panics_keeps_no_answer_away() {
    let _entered = Scope::new().enter();
    registry().health_check(HealthCheck::new("answers", SECOND, || Answers(Ok(()), PanicsWhenDropped))).unwrap();
    registry().health_check(HealthCheck::new("fails", SECOND, || Answers(Err("no"), PanicsWhenDropped))).unwrap();
    let hangs = || async {
        let _guard = PanicsWhenDropped;
        pending::<Result<(), String>>().await
    };
    registry().health_check(HealthCheck::new("hangs", SECOND, hangs).critical(false)).unwrap();
    registry().health_check(ok("well".to_owned(), SECOND)).unwrap();
    for _ in 0..2 {
        let health = registry().health().await;
        let bad: Vec<_> = health.reasons.iter().map(|reason| (reason.name.as_str(), reason.status)).collect();
        let expected =
            [("answers", HealthStatus::Down), ("fails", HealthStatus::Down), ("hangs", HealthStatus::Degraded)];
        assert_eq!(bad, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_check_that_is_replaced_while_it_runs_keeps_no_answer_away() {
    let _entered = Scope::new().enter();
    let captured = PanicsWhenDropped;
    let check = HealthCheck::new("replaced", SECOND, move || {
        let _ = &captured;
        async {
            tokio::time::sleep(SECOND / 2).await;
            Ok::<(), String>(())
        }
    });
    let registry = registry();
    registry.health_check(check).unwrap();
    let (health, ()) = tokio::join!(registry.health(), async {
        tokio::time::sleep(SECOND / 4).await;
        registry.health_check(ok("replaced".to_owned(), SECOND)).unwrap();
    });
    assert_eq!(health.status, HealthStatus::Up);
}

#[tokio::test(start_paused = true)]
async fn an_opening_is_saved_with_its_jitter() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("breakers");
    let build = |name: String| {
        let config = brittle().open_for(100 * SECOND).max_open_for(100 * SECOND).open_jitter(1.0);
        CircuitBreaker::builder(name).config(config).register().unwrap()
    };
    let names = || (0..8).map(|nth| format!("bounds: jitter {nth}"));
    let due = |breaker: &CircuitBreaker| breaker.snapshot().probe_due_in.unwrap();
    let before: Vec<_> = {
        let _entered = Scope::new().enter();
        let open = |name| {
            let breaker = build(name);
            breaker.try_acquire().unwrap().failure();
            breaker
        };
        let breakers: Vec<_> = names().map(open).collect();
        advance(10 * SECOND).await;
        registry().save(&path).unwrap();
        breakers.iter().map(|breaker| due(breaker)).collect()
    };
    assert!(before.iter().max().unwrap().abs_diff(*before.iter().min().unwrap()) > SECOND, "{before:?}");
    let _entered = Scope::new().enter();
    registry().restore(&path).unwrap();
    for (name, before) in names().zip(before) {
        let breaker = build(name);
        assert_eq!(breaker.state(), State::Open);
        // It took a moment of the wall clock.
        assert!(due(&breaker).abs_diff(before) < SECOND, "{:?}, before {before:?}", due(&breaker));
    }
}

#[tokio::test(start_paused = true)]
async fn the_transition_of_a_breaker_that_monitors_says_so() {
    let _entered = Scope::new().enter();
    let mut events = registry().subscribe_with(EventFilter::of([Topic::Transition]));
    for (mode, monitored) in [(Mode::Enforce, false), (Mode::Monitor, true)] {
        let breaker = CircuitBreaker::builder("says so").config(brittle().mode(mode)).build().unwrap();
        breaker.try_acquire().unwrap().failure();
        let event = events.try_recv().unwrap();
        assert_eq!(event.to_string().contains("monitored"), monitored, "{event}");
        let Event::Transition(transition) = event else { panic!("{event}") };
        assert_eq!((transition.monitored, transition.from, transition.to), (monitored, State::Closed, State::Open));
    }
}

#[tokio::test(start_paused = true)]
async fn of_patterns_the_one_with_more_characters_besides_its_stars_holds() {
    let _entered = Scope::new().enter();
    let breaker = CircuitBreaker::builder("shop::charge").register().unwrap();
    let max_keys = |patterns: &[&str]| {
        let table =
            |(nth, pattern): (usize, &&str)| format!("[circuit_breaker.\"{pattern}\"]\nmax_keys = {}\n", nth + 1);
        let text: String = patterns.iter().enumerate().map(table).collect();
        registry().configure_from_str(&text).unwrap_or_else(|error| panic!("{error}"));
        let settings = breaker.snapshot().settings;
        settings.into_iter().find(|setting| setting.key == "max_keys").unwrap().value
    };
    assert_eq!(max_keys(&["shop*", "*"]), "1");
    assert_eq!(max_keys(&["*", "shop*"]), "2");
    assert_eq!(max_keys(&["*h*o*p*r*g*", "shop::*"]), "2", "5 characters and 6");
    assert_eq!(max_keys(&["shop::*", "*h*o*p*r*g*"]), "1");
    assert_eq!(max_keys(&["shop::charge*", "shop::charge", "shop::c*harge"]), "2", "a name goes before any pattern");
    assert_eq!(max_keys(&["elsewhere::charge", "shop::charge@2"]), "1024");
}

#[tokio::test(start_paused = true)]
async fn a_script_ends_where_it_says_and_its_last_step_may_go_on_for_ever() {
    let script = || Script::<u8, &str>::new().ok(1).times(2).err("no");
    let forever = script().forever();
    let mut answers = Vec::new();
    for _ in 0..6 {
        answers.push(forever.call().await);
    }
    assert_eq!(answers, [Ok(1), Ok(1), Err("no"), Err("no"), Err("no"), Err("no")]);
    assert_eq!(forever.calls(), 6);

    let ends = script();
    for expected in [Ok(1), Ok(1), Err("no")] {
        assert_eq!(ends.call().await, expected);
    }
    let mut beyond = std::pin::pin!(ends.call());
    let poll = || beyond.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())).is_ready();
    assert!(catch_unwind(AssertUnwindSafe(poll)).is_err(), "its end is the test's mistake");
    let shared = Arc::new(Script::<u8, &str>::new().ok(7).forever());
    assert_eq!((shared.call().await, shared.clone().call().await), (Ok(7), Ok(7)));
}

#[tokio::test(start_paused = true)]
async fn a_call_is_slow_when_it_takes_longer_than_slow_call_and_not_when_it_takes_as_long() {
    let config = CircuitBreakerConfig::new().window(Window::Count(10)).slow_call(SECOND);
    for (takes, slow) in [(SECOND - Duration::from_millis(1), 0), (SECOND, 0), (SECOND + Duration::from_millis(1), 1)] {
        let breaker = CircuitBreaker::builder("slow").config(config).build().unwrap();
        let permit = breaker.try_acquire().unwrap();
        advance(takes).await;
        permit.success();
        assert_eq!((breaker.totals().slow, breaker.snapshot().window.slow), (slow, slow), "{takes:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_next_outcome_is_judged_by_a_configuration_that_has_become_stricter() {
    for window in [Window::Count(100), Window::Time(60 * SECOND)] {
        let config = CircuitBreakerConfig::new().window(window).minimum_calls(4).failure_rate(50.0);
        for stricter in [config.failure_rate(20.0), config.minimum_calls(2).failure_rate(20.0)] {
            let breaker = CircuitBreaker::builder("stricter").config(config).build().unwrap();
            for fails in [true, false, false, false] {
                let permit = breaker.try_acquire().unwrap();
                if fails { permit.failure() } else { permit.success() }
            }
            assert_eq!(breaker.state(), State::Closed);
            breaker.reconfigure(stricter).unwrap();
            assert_eq!(breaker.state(), State::Closed, "it is an outcome that trips");
            breaker.try_acquire().unwrap().success();
            assert_eq!(breaker.state(), State::Open, "one of five, {window:?}");
        }
    }
}

/// For how long each of so many openings in a row lasts, every one but the first after a probe that failed.
async fn openings(config: CircuitBreakerConfig, count: usize) -> Vec<Duration> {
    let breaker = CircuitBreaker::builder("opens").config(config.half_open_calls(1)).build().unwrap();
    let mut lasts = Vec::new();
    for _ in 0..count {
        breaker.try_acquire().unwrap().failure();
        let due = breaker.snapshot().probe_due_in.unwrap();
        lasts.push(due);
        advance(due - Duration::from_millis(1)).await;
        assert!(breaker.try_acquire().is_err(), "a millisecond before {due:?}");
        advance(Duration::from_millis(1)).await;
    }
    lasts
}

#[tokio::test(start_paused = true)]
async fn openings_grow_up_to_the_cap_and_jitter_only_lengthens_them() {
    let seconds = Duration::from_secs;
    let config = brittle().open_for(seconds(10)).open_backoff(2.0).max_open_for(seconds(35));
    let expected = [10, 20, 35, 35, 35].map(seconds);
    assert_eq!(openings(config, 5).await, expected);
    assert_eq!(openings(config.open_backoff(1.0), 3).await, [seconds(10); 3]);
    let mut shares = Vec::new();
    for _ in 0..40 {
        let lasts = openings(config.open_jitter(0.5), 5).await;
        shares
            .push(lasts.iter().zip(expected).map(|(lasts, least)| lasts.as_secs_f64() / least.as_secs_f64()).collect());
    }
    for nth in 0..5 {
        let of_this = || shares.iter().map(|of: &Vec<f64>| of[nth]);
        let (least, most) = (of_this().fold(f64::MAX, f64::min), of_this().fold(0.0, f64::max));
        assert!((1.0..1.15).contains(&least) && (1.35..1.501).contains(&most), "opening {nth}: {least} to {most}");
    }
}
