//! Before the first call: every policy can be made to exist, and what was restored is known although nobody has been called. A program of its own, since
//! its functions are those of the whole program.

use resilience_runtime::HealthStatus::{Degraded, Down, Up};
use resilience_runtime::testing::Scope;
use resilience_runtime::{
    CircuitBreaker, Event, Kind, Mode, OpenReason, Registry, Rejection, State, bulkhead, circuit_breaker, rate_limit,
    registry, retry, timeout,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::time::advance;

const SECOND: Duration = Duration::from_secs(1);

#[retry(name = "stock: retry", attempts = 2)]
#[circuit_breaker("stock", consecutive_failures = 1)]
#[bulkhead(name = "stock: bulkhead", max_concurrent = 7)]
#[rate_limit(name = "stock: limit", rate = "100/s")]
#[timeout(name = "stock: timeout", after = "3s")]
async fn stock() -> Result<u8, Rejection> {
    Ok(7)
}

#[circuit_breaker("stock")]
async fn joins_stock() -> Result<u8, Rejection> {
    Ok(8)
}

#[circuit_breaker(open_for = "5s")]
async fn unnamed() -> Result<u8, Rejection> {
    Ok(9)
}

#[circuit_breaker("keyed", key = tenant, consecutive_failures = 1)]
async fn keyed(tenant: u32) -> Result<u32, Rejection> {
    Ok(tenant)
}

#[retry(name = "contested", attempts = 2)]
async fn comes_first() -> Result<(), Rejection> {
    Ok(())
}

#[retry(name = "contested", attempts = 3)]
async fn comes_second() -> Result<(), Rejection> {
    Ok(())
}

fn names(registry: &Registry) -> Vec<String> {
    let snapshot = registry.snapshot();
    let breakers = snapshot.circuit_breakers.iter().map(|breaker| &breaker.name);
    let retries = snapshot.retries.iter().map(|retry| &retry.name);
    let timeouts = snapshot.timeouts.iter().map(|timeout| &timeout.name);
    let bulkheads = snapshot.bulkheads.iter().map(|bulkhead| &bulkhead.name);
    let limits = snapshot.rate_limiters.iter().map(|limit| &limit.name);
    breakers.chain(retries).chain(timeouts).chain(bulkheads).chain(limits).map(|name| name.to_string()).collect()
}

#[tokio::test(start_paused = true)]
async fn every_policy_exists_before_the_first_call_and_the_first_call_finds_it() {
    let scope = Scope::new();
    let _entered = scope.enter();
    assert_eq!(names(&registry()), [""; 0]);
    registry().prepare();
    let expected = [
        "keyed",
        "prepare::unnamed",
        "stock",
        "contested",
        "stock: retry",
        "stock: timeout",
        "stock: bulkhead",
        "stock: limit",
    ];
    assert_eq!(names(&registry()), expected);
    let before = registry().circuit_breakers().collect::<Vec<_>>();
    let settings = registry().circuit_breaker("prepare::unnamed").unwrap().snapshot().settings;
    assert!(settings.iter().any(|setting| setting.key == "open_for" && setting.value == "5s"), "{settings:?}");
    let found = |result: Result<u8, Rejection>| result.unwrap();
    let answers = [found(stock().await), found(joins_stock().await), found(unnamed().await)];
    assert_eq!(answers, [7, 8, 9]);
    keyed(1).await.unwrap();
    let after = registry().circuit_breakers().collect::<Vec<_>>();
    assert_eq!(before.len(), after.len());
    assert!(before.iter().zip(&after).all(|(before, after)| Arc::ptr_eq(before, after)));
    let successes: Vec<_> = after.iter().map(|breaker| breaker.totals().successes).collect();
    assert_eq!(successes, [1, 1, 2], "a call finds what was prepared");
    registry().prepare();
    assert_eq!(names(&registry()), expected, "and again, nothing happens");
    assert!(before.iter().zip(registry().circuit_breakers()).all(|(before, after)| Arc::ptr_eq(before, &after)));
}

#[tokio::test(start_paused = true)]
async fn a_conflict_is_told_once_and_whoever_is_told_may_ask_the_registry() {
    let scope = Scope::new();
    let _entered = scope.enter();
    let told = Arc::new(AtomicU64::new(0));
    let (counted, asked) = (Arc::clone(&told), registry());
    let listener = registry().on_event(move |event| {
        if let Event::Conflict { kind: Kind::Retry, name, .. } = event {
            assert_eq!(name.as_str(), "contested");
            asked.prepare();
            counted.fetch_add(asked.retries().count() as u64, Relaxed);
        }
    });
    let mut events = registry().subscribe();
    registry().prepare();
    registry().prepare();
    comes_second().await.unwrap();
    let mut conflicts = 0;
    while let Some(event) = events.try_recv() {
        conflicts += u32::from(matches!(event, Event::Conflict { .. }));
    }
    assert_eq!(conflicts, 1);
    while told.load(Relaxed) == 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(told.load(Relaxed), 2);
    drop(listener);
}

/// What one process saves of its breakers is what this one restores.
fn restore(of: impl FnOnce()) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("breakers");
    let before = Scope::new();
    {
        let _entered = before.enter();
        of();
        registry().save(&path).unwrap();
    }
    let restored = registry().restore(&path).unwrap();
    assert!(restored.applied.is_empty(), "nobody has called anything");
    assert!(!restored.pending.is_empty());
}

fn fail(name: &str) {
    registry().circuit_breaker(name).unwrap().try_acquire().unwrap().failure();
}

#[tokio::test(start_paused = true)]
async fn a_critical_breaker_that_was_saved_as_open_is_down_before_its_first_call() {
    let scope = Scope::new();
    let _entered = scope.enter();
    registry().mark_critical("stock", true).unwrap();
    restore(|| {
        registry().prepare();
        fail("stock");
    });
    let mut events = registry().subscribe();
    let health = registry().health().await;
    assert_eq!(health.status, Down);
    let said = health.to_string();
    assert!(
        said.starts_with("down: circuit breaker `stock` is open: 1 consecutive failure; a probe is due in "),
        "{said}"
    );
    assert!(said.ends_with("; restored, and not called yet"), "{said}");
    let snapshot = registry().snapshot();
    assert_eq!(snapshot.circuit_breakers, []);
    let [pending] = &snapshot.pending[..] else { panic!("{:?}", snapshot.pending) };
    assert_eq!((pending.name.as_str(), pending.state), ("stock", State::Open));
    assert_eq!(pending.reason, Some(OpenReason::ConsecutiveFailures { failures: 1 }));
    assert!(pending.settings.iter().any(|setting| setting.key == "consecutive_failures" && setting.value == "1"));
    assert!(events.try_recv().is_none(), "nothing has happened yet");
    assert_eq!(registry().circuit_breakers().count(), 0, "asking builds nothing");
    advance(31 * SECOND).await;
    let health = registry().health().await;
    assert_eq!(health.status, Degraded, "a call finds out, as with one that was called");
    joins_stock().await.unwrap();
    let snapshot = registry().snapshot();
    assert_eq!((snapshot.pending.len(), snapshot.circuit_breakers[0].state), (0, State::HalfOpen));
}

#[tokio::test(start_paused = true)]
async fn what_was_prepared_is_pending_no_more() {
    let scope = Scope::new();
    let _entered = scope.enter();
    registry().mark_critical("stock", true).unwrap();
    restore(|| {
        registry().prepare();
        fail("stock");
    });
    registry().prepare();
    let snapshot = registry().snapshot();
    assert_eq!(snapshot.pending, []);
    assert_eq!(registry().circuit_breaker("stock").unwrap().state(), State::Open);
    let health = registry().health().await;
    assert_eq!((health.status, health.reasons.len()), (Down, 1));
    stock().await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn keys_and_what_was_done_by_hand_are_pending_as_they_were_saved() {
    let scope = Scope::new();
    let _entered = scope.enter();
    restore(|| {
        registry().prepare();
        let keyed = registry().circuit_breaker("keyed").unwrap();
        for tenant in 1..=3 {
            let permit = keyed.keyed(tenant).try_acquire().unwrap();
            if tenant == 3 { permit.success() } else { permit.failure() }
        }
        registry().circuit_breaker("prepare::unnamed").unwrap().force_open();
        let monitored = CircuitBreaker::builder("by hand").consecutive_failures(1).register().unwrap();
        monitored.monitor();
        monitored.try_acquire().unwrap().failure();
    });
    let pending = registry().snapshot().pending;
    let states: Vec<_> =
        pending.iter().map(|one| (one.name.as_str(), one.key.as_deref(), one.state, one.decided)).collect();
    let expected = [
        ("by hand", None, State::Monitoring, State::Open),
        ("keyed", Some("1"), State::Open, State::Open),
        ("keyed", Some("2"), State::Open, State::Open),
        ("prepare::unnamed", None, State::ForcedOpen, State::ForcedOpen),
    ];
    assert_eq!(states, expected);
    let health = registry().health().await;
    let names: Vec<_> = health.reasons.iter().map(|reason| reason.name.as_str()).collect();
    assert_eq!((health.status, &names[..]), (Degraded, &["keyed", "prepare::unnamed"][..]));
    let registered = CircuitBreaker::builder("by hand").consecutive_failures(1).mode(Mode::Enforce).register().unwrap();
    assert_eq!((registered.state(), registry().snapshot().pending.len()), (State::Monitoring, 3));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_pending_in_a_program_that_restored_nothing() {
    let scope = Scope::new();
    let _entered = scope.enter();
    registry().prepare();
    assert_eq!(registry().snapshot().pending, []);
    assert_eq!(registry().health().await.status, Up);
}
