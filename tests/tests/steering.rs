//! What is done by hand: by name and by pattern, with who and why, all or nothing, and as a share.

use resilience_runtime::{
    Act, Bulkhead, BulkheadConfig, CircuitBreaker, CircuitBreakerConfig, Event, EventFilter, Kind, Mode, Rate,
    RateLimitConfig, RateLimiter, Rejection, Retry, RetryConfig, State, SteerError, TimeoutConfig, Topic,
    circuit_breaker, rate_limit, registry, timeout,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

fn registered(name: &'static str) -> Arc<CircuitBreaker> {
    CircuitBreaker::builder(name).consecutive_failures(1).register().unwrap()
}

fn names(reached: &[resilience_runtime::Reached]) -> Vec<&str> {
    reached.iter().map(|policy| policy.name.as_str()).collect()
}

#[test]
fn a_pattern_reaches_every_breaker_that_matches_and_says_which() {
    let [eu, us, stock] = ["steer: pay_eu", "steer: pay_us", "steer: stock"].map(registered);
    let reached = registry().steer("steer: pay*").by("ops").why("incident 12").force_open().unwrap();
    assert_eq!(names(&reached), ["steer: pay_eu", "steer: pay_us"]);
    assert!(reached.iter().all(|policy| policy.kind == "circuit_breaker"));
    assert_eq!([eu.state(), us.state(), stock.state()], [State::ForcedOpen, State::ForcedOpen, State::Closed]);

    let steer = || registry().steer("steer: pay_eu");
    for (act, expected) in [
        (steer().disable(), State::Disabled),
        (steer().monitor(), State::Monitoring),
        (steer().enforce(), State::Closed),
        (steer().force_open(), State::ForcedOpen),
        (steer().reset(), State::Closed),
    ] {
        // The calls have been made by now, in order: the last of them is in force.
        assert_eq!(names(&act.unwrap()), ["steer: pay_eu"], "{expected}");
    }
    assert_eq!([eu.state(), us.state()], [State::Closed, State::ForcedOpen]);
    let acts: Vec<_> = eu
        .recent_events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Steered { act, .. } => Some(act),
            _ => None,
        })
        .collect();
    assert_eq!(acts, [Act::ForceOpen, Act::Disable, Act::Monitor, Act::Enforce, Act::ForceOpen, Act::Reset]);
}

#[circuit_breaker("steer: not called yet")]
#[timeout("1s", name = "steer: not called yet")]
async fn not_called_yet() -> Result<u8, Error> {
    Ok(1)
}

#[circuit_breaker("steer: never called")]
#[allow(dead_code, reason = "it is there to be known")]
async fn never_called() -> Result<u8, Error> {
    Ok(1)
}

#[circuit_breaker]
async fn without_a_name() -> Result<u8, Error> {
    Ok(1)
}

#[rate_limit("1/h", name = "steer: limit")]
async fn limited() -> Result<u8, Error> {
    Ok(1)
}

#[tokio::test]
async fn a_function_that_was_not_called_yet_is_reached() {
    registry().steer("steer: not called*").force_open().unwrap();
    not_called_yet().await.unwrap_err();
    registry().steer("steering::without_a_n*").force_open().unwrap();
    without_a_name().await.unwrap_err();
    registry()
        .steer("steer: limit")
        .reconfigure(RateLimitConfig::new().rate(resilience_runtime::Rate::per_second(1000)))
        .unwrap();
    for _ in 0..100 {
        limited().await.unwrap();
    }
}

#[test]
fn a_pattern_that_reaches_nobody_is_an_error_that_names_the_nearest() {
    registered("steer: inventory");
    let error = registry().steer("steer: inventroy").reset().unwrap_err();
    assert_eq!(error.to_string(), "no circuit_breaker matches `steer: inventroy`; did you mean `steer: inventory`?");
    // Also that of a function that nobody calls.
    let error = registry().steer("steer: never caled").reset().unwrap_err();
    assert!(error.to_string().ends_with("did you mean `steer: never called`?"), "{error}");
    let error = registry().steer("something else entirely").reset().unwrap_err();
    let (kind, pattern) = (Kind::CircuitBreaker, "something else entirely".into());
    assert_eq!(error, SteerError::NoneReached { kind, pattern, nearest: None });
    // The name is that of a breaker, and no retry has it.
    let error = registry().steer("steer: inventory").reconfigure(RetryConfig::new()).unwrap_err();
    assert_eq!(error.to_string(), "no retry matches `steer: inventory`");
    assert!(matches!(registry().steer("").reset(), Err(SteerError::Pattern(_))));
}

#[test]
fn who_and_why_are_in_the_event_and_in_the_ring_and_are_bounded() {
    let breaker = registered("steer: who");
    let filter = EventFilter::of([Topic::Steered, Topic::Reconfigured]).named("steer: who".parse().unwrap());
    let mut events = registry().subscribe_with(filter);
    breaker.steer().by("ops").why("incident 12").force_open().unwrap();
    breaker.steer().by("x".repeat(256)).why("two\nlines").reset().unwrap();
    breaker.steer().why("a calmer one").reconfigure(CircuitBreakerConfig::new()).unwrap();
    breaker.monitor();
    let told: Vec<_> = std::iter::from_fn(|| events.try_recv()).collect();
    let by = told[0].by().unwrap();
    assert_eq!((by.by(), by.why()), (Some("ops"), Some("incident 12")));
    let lines: Vec<_> = told.iter().map(ToString::to_string).collect();
    let whose = "circuit_breaker `steer: who`";
    assert_eq!(lines[0], format!("{whose}: force_open by ops: incident 12"));
    assert_eq!(lines[1], format!("{whose}: reset by {}: two\\nlines", "x".repeat(256)));
    assert_eq!(lines[2], format!("{whose}: reconfigured by hand: a calmer one"));
    assert_eq!(lines[3], format!("{whose}: monitor by hand"));
    let kept: Vec<_> = breaker.recent_events().into_iter().filter(|event| event.topic() != Topic::Transition).collect();
    assert_eq!(kept, told);

    let error = breaker.steer().why("x".repeat(257)).force_open().unwrap_err();
    assert_eq!(error.to_string(), "`why` takes at most 256 bytes");
    let error = registry().steer("steer: who").by("ü".repeat(129)).force_open().unwrap_err();
    assert_eq!(error, SteerError::TooLong { what: "by" });
    assert_eq!(breaker.state(), State::Monitoring, "nothing was done");
}

#[test]
fn a_configuration_with_a_mistake_changes_none_of_those_that_match() {
    let plain = registered("steer: all b");
    // In the order of names it comes first. What is right for one of them may be wrong for another: this one has a rule of its own, and wants no other.
    let ruled = CircuitBreaker::builder("steer: all a").trip_if(|_| false).register().unwrap();
    let without_rules = CircuitBreakerConfig::new().window(resilience_runtime::Window::None).no_consecutive_failures();
    assert!(ruled.steer().reconfigure(without_rules).is_ok());
    let error = registry().steer("steer: all*").by("ops").reconfigure(without_rules).unwrap_err();
    let SteerError::Config { kind, name, .. } = &error else { panic!("{error}") };
    assert_eq!((*kind, name.as_str()), (Kind::CircuitBreaker, "steer: all b"));
    assert!(plain.recent_events().is_empty(), "{:?}", plain.recent_events());
    assert_eq!(ruled.recent_events().len(), 1, "the one before: {:?}", ruled.recent_events());
    assert!(error.to_string().starts_with("circuit_breaker `steer: all b`: `"), "{error}");
}

#[test]
fn every_kind_can_be_reconfigured_by_pattern() {
    let bulkhead = Bulkhead::builder("steer: kinds").max_concurrent(1).register().unwrap();
    let retry = Retry::builder("steer: kinds").attempts(3).register().unwrap();
    let steer = || registry().steer("steer: k*").by("ops");
    steer().reconfigure(BulkheadConfig::new().max_concurrent(2)).unwrap();
    steer().reconfigure(RetryConfig::new().attempts(7)).unwrap();
    assert_eq!((bulkhead.snapshot().max_concurrent, retry.snapshot().attempts), (2, 7));
    assert!(steer().reconfigure(TimeoutConfig::new().after(Duration::from_secs(1))).is_err(), "there is none");
    let recent = registry().recent_events(Kind::Bulkhead, "steer: kinds");
    assert_eq!(recent[0].by().and_then(|by| by.by()), Some("ops"));
    bulkhead.steer().reconfigure(BulkheadConfig::new().max_concurrent(3)).unwrap();
    assert_eq!(bulkhead.snapshot().max_concurrent, 3);
}

#[test]
fn each_kind_that_has_keys_can_be_reconfigured_key_by_key() {
    let breaker = registered("steer: by key");
    let pool = Bulkhead::builder("steer: by key").max_concurrent(1).register().unwrap();
    let api = RateLimiter::builder("steer: by key").rate(Rate::per_second(1)).register().unwrap();
    for key in ["a", "b"] {
        breaker.keyed(key).try_acquire().unwrap().success();
        drop(pool.keyed(key).try_acquire().unwrap());
        api.keyed(key).try_acquire().unwrap();
    }
    let steer = || registry().steer("steer: by key").key("a");
    let reached = [
        steer().reconfigure(CircuitBreakerConfig::new().mode(Mode::Monitor)).unwrap(),
        steer().reconfigure(BulkheadConfig::new().max_concurrent(7)).unwrap(),
        steer().reconfigure(RateLimitConfig::new().rate(Rate::per_second(1)).burst(7)).unwrap(),
    ];
    let shown = reached.map(|reached| reached.iter().map(ToString::to_string).collect::<Vec<_>>());
    assert_eq!(shown, ["circuit_breaker", "bulkhead", "rate_limit"].map(|kind| [format!("{kind} `steer: by key[a]`")]));
    for (key, state, limits) in [("a", State::Monitoring, (7, 7)), ("b", State::Closed, (1, 1))] {
        let (pool, api) = (pool.of_key(key).unwrap().snapshot(), api.of_key(key).unwrap().snapshot());
        assert_eq!((pool.max_concurrent, api.burst), limits, "{key}");
        assert_eq!(breaker.of_key(key).unwrap().state(), state, "{key}");
    }
    // What has no keys has none that matches.
    let _retry = Retry::builder("steer: by key").register().unwrap();
    let error = steer().reconfigure(RetryConfig::new()).unwrap_err();
    assert_eq!(error.to_string(), "no retry matches `steer: by key[a]`");
}

// A share of enforcement.

#[test]
fn a_share_of_the_rejections_is_enforced_exactly() {
    let breaker = registered("steer: share");
    breaker.steer().by("ops").why("roll-out").enforce_share(10).unwrap();
    assert_eq!((breaker.state(), breaker.snapshot().enforced_percent), (State::Closed, 10));
    breaker.try_acquire().unwrap().failure();
    assert_eq!(breaker.state(), State::Open);
    let decided: Vec<_> = (0..1000).map(|_| breaker.try_acquire().map(|permit| permit.success()).is_err()).collect();
    for ten in decided.chunks(10) {
        assert_eq!(ten.iter().filter(|rejected| **rejected).count(), 1);
    }
    let totals = breaker.totals();
    assert_eq!((totals.rejected, totals.would_reject, totals.stale), (100, 900, 900));
    let said_again = |_: &u32| {
        breaker.steer().enforce_share(10).unwrap();
        breaker.try_acquire().map(|permit| permit.success()).is_err()
    };
    assert_eq!((0..100).filter(said_again).count(), 10, "the same share goes on");

    breaker.steer().enforce_share(100).unwrap();
    assert!((0..100).all(|_| breaker.try_acquire().is_err()));
    breaker.steer().enforce_share(0).unwrap();
    assert_eq!((breaker.state(), breaker.snapshot().enforced_percent), (State::Monitoring, 0));
    assert!((0..100).all(|_| breaker.try_acquire().is_ok()));
    assert_eq!(
        breaker.steer().enforce_share(101).unwrap_err().to_string(),
        "`enforce_share` takes 0 to 100 percent, not 101"
    );
}

#[test]
fn other_acts_end_a_share_and_a_breaker_forced_open_rejects_every_call() {
    let breaker = registered("steer: end of a share");
    let share = |percent| breaker.steer().enforce_share(percent).unwrap();
    let enforced = || breaker.snapshot().enforced_percent;
    share(10);
    breaker.force_open();
    assert_eq!(enforced(), 100);
    assert!((0..100).all(|_| breaker.try_acquire().is_err()));
    share(10);
    assert_eq!((breaker.state(), enforced()), (State::Closed, 10));
    breaker.force_open_for(Duration::from_secs(600));
    assert_eq!((breaker.state(), enforced()), (State::Open, 100));
    assert!((0..100).all(|_| breaker.try_acquire().is_err()));
    breaker.reset();
    share(10);
    breaker.enforce();
    assert_eq!(enforced(), 100);
    share(10);
    breaker.reset();
    assert_eq!(enforced(), 100);
    share(10);
    breaker.reconfigure(CircuitBreakerConfig::new().consecutive_failures(3)).unwrap();
    assert_eq!(enforced(), 10, "what was done by hand stays");
    breaker.monitor();
    breaker.enforce();
    assert_eq!(enforced(), 100);
}

#[test]
fn a_share_holds_for_each_key_and_for_new_ones() {
    let breaker = CircuitBreaker::builder("steer: keys").consecutive_failures(1).register().unwrap();
    breaker.keyed("old").try_acquire().unwrap().failure();
    registry().steer("steer: keys").enforce_share(25).unwrap();
    breaker.keyed("new").try_acquire().unwrap().failure();
    for key in ["old", "new"] {
        let rejected =
            (0..400).filter(|_| breaker.keyed(key).try_acquire().map(|permit| permit.ignore()).is_err()).count();
        assert_eq!(rejected, 100, "{key}");
    }
    assert_eq!(breaker.totals().would_reject, 600);
    registry().steer("steer: keys").enforce().unwrap();
    assert!(breaker.keyed("old").try_acquire().is_err());
}

/// Real threads; bounded by the number of calls.
#[test]
fn a_share_is_exact_on_many_threads() {
    const CALLS: u64 = 25_000;
    let breaker = registered("steer: racing share");
    breaker.steer().enforce_share(30).unwrap();
    breaker.try_acquire().unwrap().failure();
    let rejected = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..CALLS {
                    match breaker.try_acquire() {
                        Ok(permit) => permit.success(),
                        Err(_) => _ = rejected.fetch_add(1, Relaxed),
                    }
                }
            });
        }
    });
    assert_eq!(rejected.load(Relaxed), 4 * CALLS * 30 / 100);
    let totals = breaker.totals();
    assert_eq!((totals.rejected, totals.would_reject), (4 * CALLS * 30 / 100, 4 * CALLS * 70 / 100));
}

/// Callers, readers, steering and reconfigurations at once. Real threads, because it is their races that are wanted; bounded by the number of
/// calls.
#[test]
fn steering_while_threads_call_and_readers_read_loses_nothing() {
    const CALLS: u64 = 30_000;
    const NAMES: [&str; 3] = ["steer: storm a", "steer: storm b", "steer: storm c"];
    let breakers = NAMES.map(registered);
    let filter = EventFilter::default().and(Topic::Outcome).named("steer: storm*".parse().unwrap());
    let mut events = registry().subscribe_with(filter);
    let (admitted, rejected) = (AtomicU64::new(0), AtomicU64::new(0));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut got, mut missed, mut acts) = (0_u64, 0_u64, 0_u64);
            loop {
                let ended = done.load(Relaxed);
                match events.try_recv() {
                    Some(Event::Missed { events, .. }) => missed += events,
                    Some(event) => {
                        got += 1;
                        acts += u64::from(event.topic() == Topic::Steered);
                    }
                    None if ended => return (got, missed, acts),
                    None => std::thread::yield_now(),
                }
            }
        });
        let callers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    for call in 0..CALLS {
                        match breakers[(call % 3) as usize].try_acquire() {
                            Ok(permit) => {
                                admitted.fetch_add(1, Relaxed);
                                if call % 7 == 0 { permit.failure() } else { permit.success() }
                            }
                            Err(_) => _ = rejected.fetch_add(1, Relaxed),
                        }
                    }
                })
            })
            .collect();
        let hand = scope.spawn(|| {
            let steer = || registry().steer("steer: storm*").by("test").why("to see whether anything is lost");
            let config = CircuitBreakerConfig::new().consecutive_failures(2).open_for(Duration::from_millis(1));
            let rounds = 100;
            for share in 0..rounds {
                steer().force_open().unwrap();
                steer().enforce_share(share).unwrap();
                steer().reconfigure(config.consecutive_failures(1 + u32::from(share) % 3)).unwrap();
                steer().monitor().unwrap();
                steer().reset().unwrap();
                std::thread::yield_now();
            }
            u64::from(rounds) * 4 * 3
        });
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        let acts = hand.join().unwrap();
        done.store(true, Relaxed);
        let (got, missed, told) = reader.join().unwrap();
        println!("got {got} events, missed {missed}");
        assert!(told <= acts && told + missed >= acts, "{told} acts told, {missed} events missed, of {acts} acts");
    });
    let totals: Vec<_> = breakers.iter().map(|breaker| breaker.totals()).collect();
    assert_eq!(totals.iter().map(|total| total.rejected).sum::<u64>(), rejected.load(Relaxed));
    let ended = totals.iter().map(|total| total.successes + total.failures + total.stale).sum::<u64>();
    assert_eq!(ended, admitted.load(Relaxed));
    assert_eq!(ended + rejected.load(Relaxed), 2 * CALLS);
    registry().steer("steer: storm*").reset().unwrap();
    for breaker in &breakers {
        // What the ring tells as runs is what was rejected, all of it.
        let run = |event: &Event| match event {
            Event::Repeated { topic: Topic::Rejected, count, .. } => *count,
            _ => 0,
        };
        assert!(breaker.recent_events().iter().map(run).sum::<u64>() <= breaker.totals().rejected);
        assert_eq!((breaker.state(), breaker.snapshot().enforced_percent), (State::Closed, 100));
    }
}
