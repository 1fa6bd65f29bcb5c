//! Health: which breakers and checks make a program degraded or down, and that nothing a check does can keep the answer away.

use resilience_runtime::HealthStatus::{Degraded, Down, Up};
use resilience_runtime::testing::Scope;
use resilience_runtime::{
    CircuitBreaker, CircuitBreakerBuilder, Health, HealthCheck, HealthError, Instance, MAX_HEALTH_CHECKS,
    MAX_HEALTH_REASONS, Mode, Registry, State, registry,
};
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, advance, sleep};

const SECOND: Duration = Duration::from_secs(1);

fn builder(name: &'static str) -> CircuitBreakerBuilder {
    CircuitBreaker::builder(name).consecutive_failures(1).half_open_calls(1)
}

fn breaker(name: &'static str) -> Arc<CircuitBreaker> {
    builder(name).register().unwrap()
}

fn fail(breaker: &CircuitBreaker) {
    breaker.try_acquire().unwrap().failure();
}

async fn health() -> Health {
    registry().health().await
}

fn check<A>(name: &'static str, answer: impl Fn() -> A + Send + Sync + 'static) -> HealthCheck
where
    A: Future<Output = Result<(), &'static str>> + Send + 'static,
{
    HealthCheck::new(name, SECOND, answer)
}

fn register(check: HealthCheck) {
    registry().health_check(check).unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_degrades_and_a_critical_one_is_down() {
    let scope = Scope::new();
    let _entered = scope.enter();
    assert_eq!((health().await.status, health().await.to_string()), (Up, "up".to_owned()));
    registry().mark_critical("payment", true).unwrap();
    let (payment, stock) = (breaker("payment"), breaker("stock"));
    fail(&stock);
    let degraded = health().await;
    assert_eq!((degraded.status, degraded.http_status()), (Degraded, 200));
    fail(&payment);
    let down = health().await;
    assert_eq!((down.status, down.http_status()), (Down, 503));
    assert_eq!(
        down.to_string(),
        "down: circuit breaker `payment` is open: 1 consecutive failure; a probe is due in 30s; \
         circuit breaker `stock` is open: 1 consecutive failure; a probe is due in 30s"
    );
    assert!(registry().is_critical("payment") && !registry().is_critical("stock"));
    registry().mark_critical("payment", false).unwrap();
    assert_eq!((health().await.status, registry().is_critical("payment")), (Degraded, false));
}

#[tokio::test(start_paused = true)]
async fn a_critical_breaker_that_wants_a_probe_does_not_keep_calls_away() {
    let scope = Scope::new();
    let _entered = scope.enter();
    registry().mark_critical("payment", true).unwrap();
    let payment = breaker("payment");
    fail(&payment);
    advance(29 * SECOND).await;
    assert_eq!(health().await.status, Down);
    advance(SECOND).await;
    let due = health().await;
    assert_eq!((due.status, payment.state()), (Degraded, State::Open), "asking changes nothing");
    assert!(due.to_string().ends_with("the next call is a probe"), "{due}");
    let probe = payment.try_acquire().unwrap();
    assert_eq!(health().await.to_string(), "degraded: circuit breaker `payment` is half-open: 1 consecutive failure");
    probe.success();
    assert_eq!(health().await.status, Up);
}

#[tokio::test(start_paused = true)]
async fn forced_open_counts_and_monitoring_and_disabled_never_do() {
    let scope = Scope::new();
    let _entered = scope.enter();
    let forced = breaker("forced");
    forced.force_open();
    assert_eq!(health().await.to_string(), "degraded: circuit breaker `forced` is open: forced open by hand");
    forced.disable();
    assert_eq!(health().await.status, Up);
    registry().mark_critical("monitored", true).unwrap();
    let monitored = builder("monitored").mode(Mode::Monitor).register().unwrap();
    fail(&monitored);
    assert_eq!((monitored.snapshot().decided, health().await.status), (State::Open, Up));
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_that_enforces_a_share_degrades_whichever_call_is_next() {
    let scope = Scope::new();
    let _entered = scope.enter();
    registry().mark_critical("payment", true).unwrap();
    let payment = breaker("payment");
    payment.steer().enforce_share(10).unwrap();
    assert_eq!(health().await.status, Up);
    fail(&payment);
    let expected = "degraded: circuit breaker `payment` is open and enforces 10 % of it: 1 consecutive failure; a probe is due in 30s";
    let mut rejected = 0;
    for _ in 0..20 {
        assert_eq!(health().await.to_string(), expected);
        rejected += u32::from(payment.try_acquire().is_err());
    }
    assert_eq!(rejected, 2);
    advance(30 * SECOND).await;
    let probe = payment.try_acquire().unwrap();
    for _ in 0..20 {
        assert_eq!(health().await.status, Degraded, "half-open");
        let _ = payment.try_acquire();
    }
    drop(probe);
    payment.force_open();
    assert_eq!(health().await.status, Down, "forced open, it rejects every call");
}

#[tokio::test(start_paused = true)]
async fn one_key_that_is_open_degrades_and_a_marked_key_is_down() {
    let scope = Scope::new();
    let _entered = scope.enter();
    registry().mark_critical("stock", true).unwrap();
    let stock = breaker("stock");
    for key in 1..=5 {
        let permit = stock.keyed(key).try_acquire().unwrap();
        if key <= 4 { permit.failure() } else { permit.success() }
    }
    let expected =
        "degraded: circuit breaker `stock` has 4 of 5 keys open or half-open: stock[1], stock[2], stock[3], …";
    assert_eq!(health().await.to_string(), expected, "the mark is that of the overflow breaker");
    stock.of_key("4").unwrap().reset();
    let all = "degraded: circuit breaker `stock` has 3 of 5 keys open or half-open: stock[1], stock[2], stock[3]";
    assert_eq!(health().await.to_string(), all);
    stock.keyed(4).try_acquire().unwrap().failure();
    registry().mark_critical(Instance::of_key("stock", 4), true).unwrap();
    // One that is called as the key is shown.
    let namesake = breaker("stock[4]");
    fail(&namesake);
    let rest = "circuit breaker `stock` has 4 of 5 keys open or half-open: stock[1], stock[2], stock[3], …";
    let marked = "circuit breaker `stock[4]` is open: 1 consecutive failure; a probe is due in 30s";
    let said = health().await;
    assert_eq!(said.to_string(), format!("down: {marked}; {rest}; {marked}"));
    let fields: Vec<_> = said.reasons.iter().map(|reason| (&*reason.name, reason.key.as_deref())).collect();
    assert_eq!(fields, [("stock", Some("4")), ("stock", None), ("stock[4]", None)]);
    assert_eq!(said.reasons.iter().map(|reason| reason.status).collect::<Vec<_>>(), [Down, Degraded, Degraded]);
    namesake.reset();
    (1..=3).for_each(|key| stock.of_key(key).unwrap().reset());
    assert_eq!(health().await.to_string(), format!("down: {marked}"), "it speaks for itself");
    // Of what is equally bad, the breaker comes before its keys.
    advance(30 * SECOND).await;
    stock.keyed(1).try_acquire().unwrap().failure();
    let said = health().await;
    let fields: Vec<_> = said.reasons.iter().map(|reason| (reason.status, reason.key.as_deref())).collect();
    assert_eq!(fields, [(Degraded, None), (Degraded, Some("4"))], "{said}");
    stock.of_key("1").unwrap().reset();
    stock.keyed(4).try_acquire().unwrap().failure();
    // Where the overflow breaker is not as it should be, a marked key is still heard of.
    registry().mark_critical("stock", false).unwrap();
    fail(&stock);
    let said = health().await;
    assert_eq!(said.reasons.iter().map(|reason| reason.status).collect::<Vec<_>>(), [Down, Degraded]);
    stock.force_open();
    let said = health().await;
    assert_eq!((said.status, said.reasons.len()), (Down, 2));
    assert!(said.reasons.iter().all(|reason| reason.why.contains("forced open by hand")), "{said}");
}

#[tokio::test(start_paused = true)]
async fn checks_run_side_by_side_each_within_its_timeout() {
    let scope = Scope::new();
    let _entered = scope.enter();
    for name in ["a", "b", "c"] {
        register(check(name, || async {
            sleep(SECOND / 2).await;
            Ok(())
        }));
    }
    let began = Instant::now();
    assert_eq!(health().await.status, Up);
    assert_eq!(began.elapsed(), SECOND / 2, "not one after the other");

    register(check("b", pending).critical(false));
    register(HealthCheck::new("slow", 3 * SECOND, || async {
        sleep(2 * SECOND).await;
        Ok::<(), String>(())
    }));
    let began = Instant::now();
    assert_eq!(health().await.to_string(), "degraded: check `b` did not answer within 1s");
    assert_eq!(began.elapsed(), 2 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_fails_or_panics_is_down_and_the_others_are_heard() {
    let scope = Scope::new();
    let _entered = scope.enter();
    register(check("refused", || async { Err("connection refused") }));
    register(check("panics at once", || -> std::future::Ready<_> { panic!("no address") }));
    register(check("panics later", || async {
        sleep(SECOND / 2).await;
        let nothing: Option<u8> = None;
        nothing.map(|_| ()).ok_or("none").map_err(|why| panic!("gone: {why}"))
    }));
    register(check("fine", || async { Ok(()) }));
    let health = health().await;
    assert_eq!(
        health.to_string(),
        "down: check `panics at once` panicked: no address; check `panics later` panicked: gone: none; \
         check `refused` failed: connection refused"
    );
    assert!(registry().remove_health_check("panics at once") && !registry().remove_health_check("nobody"));
    assert_eq!(registry().health().await.reasons.len(), 2, "it can be asked again");
}

#[tokio::test(start_paused = true)]
async fn who_stops_waiting_for_the_answer_drops_the_checks() {
    let scope = Scope::new();
    let _entered = scope.enter();
    let alive = Arc::new(());
    let held = Arc::clone(&alive);
    register(check("hangs", move || {
        let held = Arc::clone(&held);
        async move {
            pending::<()>().await;
            drop(held);
            Ok(())
        }
    }));
    let asked = tokio::time::timeout(SECOND / 2, health()).await;
    assert!(asked.is_err());
    assert_eq!(Arc::strong_count(&alive), 2, "the check's own and ours");
}

/// As the guard of a connection may that is cut off.
struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

#[tokio::test(start_paused = true)]
async fn a_check_that_panics_when_it_is_cut_off_is_down_and_the_others_are_heard() {
    let scope = Scope::new();
    let _entered = scope.enter();
    register(check("hangs", || async {
        let _guard = PanicsWhenDropped;
        pending().await
    }));
    register(check("refused", || async { Err("connection refused") }));
    let expected = "down: check `hangs` panicked: dropped; check `refused` failed: connection refused";
    assert_eq!(health().await.to_string(), expected);
}

/// As something may that takes itself out of every list that it is in.
struct AsksWhenDropped;

impl Drop for AsksWhenDropped {
    fn drop(&mut self) {
        assert!(!registry().remove_health_check("somebody"));
    }
}

#[test]
fn what_a_check_has_captured_may_ask_the_registry_while_it_is_dropped() {
    let scope = Scope::new();
    let _entered = scope.enter();
    let asks = |asks: AsksWhenDropped| {
        check("asks", move || {
            let _asks = &asks;
            std::future::ready(Ok(()))
        })
    };
    register(asks(AsksWhenDropped));
    register(asks(AsksWhenDropped));
    assert!(registry().remove_health_check("asks"));
}

#[tokio::test]
async fn checks_marks_and_reasons_are_bounded() {
    let scope = Scope::new();
    let _entered = scope.enter();
    let ok = |name: String| HealthCheck::new(name, SECOND, || async { Ok::<(), String>(()) });
    for nth in 0..MAX_HEALTH_CHECKS {
        register(ok(format!("{nth}")));
    }
    register(ok("7".to_owned()));
    let error = registry().health_check(ok("one more".to_owned())).unwrap_err();
    assert_eq!(error.to_string(), "there are 64 health checks already, and there is no place for `one more`");
    let error = registry().health_check(HealthCheck::new("7", Duration::ZERO, || async { Ok::<(), String>(()) }));
    assert_eq!(error.unwrap_err().to_string(), "a health check takes a timeout of 1ms to 1h, and `7` has 0ns");
    assert!(matches!(registry().health_check(ok(String::new())), Err(HealthError::Name(_))));
    let long = "x".repeat(129);
    for no_name in ["", &long, "a\nb"] {
        for marked in [Instance::from(no_name.to_owned()), Instance::of_key(no_name.to_owned(), 7)] {
            let marked = registry().mark_critical(marked, true);
            assert!(matches!(marked, Err(HealthError::Name(_))), "{no_name}: a name has 1 to 128 characters");
        }
    }
    // A key is longer than a name may be.
    registry().mark_critical(Instance::of_key("stock", &long), true).unwrap();
    registry().mark_critical(Instance::of_key("stock", &long), false).unwrap();

    for nth in 0..1024 {
        registry().mark_critical(format!("{nth}"), true).unwrap();
    }
    let error = registry().mark_critical("one more", true).unwrap_err();
    assert!(error.to_string().starts_with("1024 circuit breakers are marked"), "{error}");
    registry().mark_critical("7", true).expect("it is marked already");
    registry().mark_critical("7", false).unwrap();
    registry().mark_critical("one more", true).unwrap();

    for nth in 0..MAX_HEALTH_REASONS + 5 {
        CircuitBreaker::builder(format!("bounded {nth}")).register().unwrap().force_open();
    }
    for (closed, more, ends) in [(0, 5, "; and 5 more"), (4, 1, "; and 1 more"), (1, 0, "forced open by hand")] {
        registry()
            .circuit_breakers()
            .filter(|breaker| breaker.state() != State::Closed)
            .take(closed)
            .for_each(|breaker| breaker.reset());
        let health = health().await;
        assert_eq!((health.reasons.len(), health.more), (MAX_HEALTH_REASONS, more));
        assert!(health.to_string().ends_with(ends), "{health}");
    }
}

#[tokio::test]
async fn health_is_serialisable_and_its_future_is_send() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    let scope = Scope::new();
    let _entered = scope.enter();
    breaker("payment").force_open();
    let registry: Registry = registry();
    let json = serde_json::to_value(is_send(registry.health()).await).unwrap();
    let expected = serde_json::json!({
        "status": "degraded",
        "reasons": [{
            "status": "degraded",
            "kind": "circuit_breaker",
            "name": "payment",
            "key": null,
            "why": "is open: forced open by hand",
        }],
        "more": 0,
    });
    assert_eq!(json, expected);
}
