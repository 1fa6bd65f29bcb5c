//! Policies that come and go while the program runs: what is taken out is gone with all that was known of it, and what a function has stays.

use resilience_runtime::testing::Scope;
use resilience_runtime::{
    Bulkhead, CircuitBreaker, CircuitBreakerConfig, HealthStatus, Instance, Kind, Rate, RateLimiter, RegisterError,
    Rejection, RemoveError, Retry, RetryConfig, State, Timeout, bulkhead, circuit_breaker, registry,
};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn registering_again_compares_with_what_was_registered_and_not_with_what_is_in_force() {
    let builder = || CircuitBreaker::builder("remove: again").failure_rate(30.0);
    let breaker = builder().register().unwrap();
    let other = CircuitBreakerConfig::new().failure_rate(70.0);
    breaker.reconfigure(other).unwrap();
    assert!(Arc::ptr_eq(&builder().register().unwrap(), &breaker), "as it was registered");
    let as_in_force = CircuitBreaker::builder("remove: again").config(other).register();
    assert!(matches!(as_in_force, Err(RegisterError::Conflict { .. })), "{as_in_force:?}");

    let builder = || Retry::builder("remove: again").attempts(2);
    let retry = builder().register().unwrap();
    registry().steer("remove: again").reconfigure(RetryConfig::new().attempts(7)).unwrap();
    assert!(Arc::ptr_eq(&builder().register().unwrap(), &retry));
    assert!(Retry::builder("remove: again").attempts(7).register().is_err());

    let builder = || Bulkhead::builder("remove: again").max_concurrent(2);
    let bulkhead = builder().register().unwrap();
    registry().configure_from_str("[bulkhead.\"remove: again\"]\nmax_concurrent = 9").unwrap();
    assert_eq!(bulkhead.snapshot().max_concurrent, 9);
    assert!(Arc::ptr_eq(&builder().register().unwrap(), &bulkhead));
    assert!(Bulkhead::builder("remove: again").max_concurrent(9).register().is_err());
}

#[circuit_breaker]
async fn without_a_name() -> Result<(), Rejection> {
    Ok(())
}

#[test]
fn what_is_called_as_a_function_without_a_name_is_shown_may_go() {
    let _entered = Scope::new().enter();
    let name = "remove::without_a_name";
    CircuitBreaker::builder(name).register().unwrap();
    assert_eq!(registry().remove(Kind::CircuitBreaker, name), Ok(true), "it is not the function's");
    let of_the_function = registry().remove(Kind::CircuitBreaker, name);
    assert!(matches!(of_the_function, Err(RemoveError::Guards { .. })), "{of_the_function:?}");
}

/// One of each kind under one name, and whether they are there still.
fn register_all(name: &str) -> [Weak<dyn std::any::Any + Send + Sync>; 5] {
    fn weak<P: std::any::Any + Send + Sync>(policy: Arc<P>) -> Weak<dyn std::any::Any + Send + Sync> {
        let policy: Arc<dyn std::any::Any + Send + Sync> = policy;
        Arc::downgrade(&policy)
    }
    let name = || name.to_owned();
    [
        weak(CircuitBreaker::builder(name()).register().unwrap()),
        weak(Retry::builder(name()).register().unwrap()),
        weak(Timeout::builder(name()).after(SECOND).register().unwrap()),
        weak(Bulkhead::builder(name()).register().unwrap()),
        weak(RateLimiter::builder(name()).rate(Rate::per_second(5)).register().unwrap()),
    ]
}

const KINDS: [Kind; 5] = [Kind::CircuitBreaker, Kind::Retry, Kind::Timeout, Kind::Bulkhead, Kind::RateLimit];

#[tokio::test]
async fn what_is_taken_out_is_gone_with_all_that_was_known_of_it() {
    let scope = Scope::new();
    let _entered = scope.enter();
    let all = register_all("acme");
    let breaker = registry().circuit_breaker("acme").unwrap();
    breaker.keyed("key").try_acquire().unwrap().success();
    registry().mark_critical("acme", true).unwrap();
    registry().mark_critical(Instance::of_key("acme", "key"), true).unwrap();
    breaker.force_open();
    assert_eq!(registry().health().await.status, HealthStatus::Down);
    assert_eq!(registry().recent_events(Kind::CircuitBreaker, "acme").len(), 3);
    drop(breaker);

    for kind in KINDS {
        assert_eq!(registry().remove(kind, "acme"), Ok(true), "{kind}");
        assert_eq!(registry().remove(kind, "acme"), Ok(false), "{kind}");
        assert!(registry().recent_events(kind, "acme").is_empty());
    }
    assert_eq!(registry().remove(Kind::Fallback, "acme"), Ok(false));
    assert!(all.iter().all(|policy| policy.strong_count() == 0));
    let snapshot = registry().snapshot();
    assert!(snapshot.circuit_breakers.is_empty() && snapshot.rate_limiters.is_empty(), "{snapshot:?}");
    assert!(registry().steer("acme").reset().is_err());

    // The next one of that name is another one, which nobody has marked.
    let breaker = CircuitBreaker::builder("acme").failure_rate(10.0).register().unwrap();
    assert_eq!((breaker.state(), breaker.totals().successes), (State::Closed, 0));
    breaker.force_open();
    assert_eq!(registry().health().await.status, HealthStatus::Degraded);
}

#[test]
fn who_has_it_goes_on_with_it() {
    let scope = Scope::new();
    let _entered = scope.enter();
    let breaker = CircuitBreaker::builder("gone").failure_rate(20.0).register().unwrap();
    let permit = breaker.try_acquire().unwrap();
    let mut events = registry().subscribe();
    assert_eq!(registry().remove(Kind::CircuitBreaker, "gone"), Ok(true));
    permit.success();
    breaker.steer().by("me").force_open().unwrap();
    assert_eq!((breaker.totals().successes, breaker.state()), (1, State::ForcedOpen));
    assert!(events.try_recv().is_some(), "its readers hear of it");
    let snapshot = breaker.snapshot();
    assert!(snapshot.history.is_none() && snapshot.settings[0].value == "20", "{snapshot:?}");
    assert!(registry().snapshot().circuit_breakers.is_empty());
}

#[circuit_breaker("remove: guards")]
#[bulkhead(max_concurrent = 3)]
async fn guarded() -> Result<(), Rejection> {
    Ok(())
}

#[tokio::test]
async fn what_a_function_has_stays_whether_it_was_called_or_not() {
    let named = || registry().remove(Kind::CircuitBreaker, "remove: guards").unwrap_err().to_string();
    let refused = named();
    let location = registry().operations().find(|operation| operation.function() == "guarded").unwrap().location();
    assert_eq!(
        refused,
        format!(
            "cannot remove circuit_breaker `remove: guards`: it guards `remove::guarded` at {location}, for as long as the program runs"
        )
    );
    registry().mark_critical("remove: guards", true).unwrap();
    guarded().await.unwrap();
    assert_eq!(named(), refused);
    assert!(registry().remove(Kind::Bulkhead, "remove::guarded").is_err());
    assert!(registry().bulkhead("remove::guarded").is_some());
    registry().circuit_breaker("remove: guards").unwrap().force_open();
    assert_eq!(registry().health().await.status, HealthStatus::Down, "nothing is forgotten of one that stays");
    registry().circuit_breaker("remove: guards").unwrap().reset();
}

#[test]
fn what_was_restored_and_waits_goes_too() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("states");
    {
        let scope = Scope::new();
        let _entered = scope.enter();
        CircuitBreaker::builder("restored").register().unwrap().force_open();
        registry().save(&path).unwrap();
    }
    let scope = Scope::new();
    let _entered = scope.enter();
    registry().restore(&path).unwrap();
    registry().mark_critical("restored", true).unwrap();
    assert_eq!(registry().remove(Kind::Retry, "restored"), Ok(false), "what is known is of a breaker");
    assert!(registry().is_critical("restored") && registry().snapshot().pending.len() == 1);
    assert_eq!(registry().remove(Kind::CircuitBreaker, "restored"), Ok(true));
    assert!(registry().snapshot().pending.is_empty());
    assert_eq!(CircuitBreaker::builder("restored").register().unwrap().state(), State::Closed);
}

/// Registering and removing, while others look, steer, read and ask for the health: nobody waits for ever, nobody finds half of a policy, and nothing stays.
#[test]
fn coming_and_going_beside_everything_else() {
    const ROUNDS: usize = 2000;
    let scope = Scope::new();
    let stop = AtomicBool::new(false);
    let names = ["tenant 1", "tenant 2"];
    std::thread::scope(|threads| {
        let beside: [(&str, fn()); 4] = [
            ("steer", || {
                if let Ok(reached) = registry().steer("tenant *").by("me").force_open() {
                    assert!(!reached.is_empty());
                }
                drop(registry().steer("tenant 1").reset());
            }),
            ("read", || {
                for breaker in registry().snapshot().circuit_breakers {
                    assert!(breaker.name.starts_with("tenant "));
                }
                drop(registry().recent_events(Kind::CircuitBreaker, "tenant 2"));
            }),
            ("configure", || {
                let rate = if registry().circuit_breakers().count().is_multiple_of(2) { 10 } else { 90 };
                let text = format!("[circuit_breaker.\"tenant *\"]\nfailure_rate = {rate}");
                registry().configure_from_str(&text).unwrap();
            }),
            ("mark", || {
                registry().mark_critical("tenant 1", true).unwrap();
                let registry = registry();
                let health = std::pin::pin!(registry.health());
                let mut context = std::task::Context::from_waker(std::task::Waker::noop());
                assert!(health.poll(&mut context).is_ready());
            }),
        ];
        for (what, act) in beside {
            let (scope, stop) = (&scope, &stop);
            let thread = std::thread::Builder::new().name(what.to_owned());
            let run = move || {
                let _entered = scope.enter();
                while !stop.load(Relaxed) {
                    act();
                }
            };
            thread.spawn_scoped(threads, run).unwrap();
        }
        let (scope, names) = (&scope, &names);
        let coming = [0, 1].map(|nth| {
            threads.spawn(move || {
                let _entered = scope.enter();
                let mut removed = 0;
                for round in 0..ROUNDS {
                    let name = names[(nth + round) % names.len()];
                    let breaker = CircuitBreaker::builder(name).register().unwrap();
                    drop(breaker.keyed(round).try_acquire());
                    assert_eq!(breaker.name(), name);
                    removed += usize::from(registry().remove(Kind::CircuitBreaker, name).unwrap());
                }
                removed
            })
        });
        let removed: Vec<_> = coming.into_iter().map(|thread| thread.join()).collect();
        stop.store(true, Relaxed);
        removed.into_iter().for_each(|removed| assert!(removed.unwrap() > 0));
    });
    let _entered = scope.enter();
    for name in names {
        registry().remove(Kind::CircuitBreaker, name).unwrap();
    }
    assert_eq!(registry().circuit_breakers().count(), 0);
}
