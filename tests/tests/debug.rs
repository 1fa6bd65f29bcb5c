//! What is printed with `{:?}` says which policy it is and what was done with it, and not all that there is behind it.

use resilience_runtime::private::FallbackSite;
use resilience_runtime::testing::{Scope, Script};
use resilience_runtime::{
    Bulkhead, Cause, CircuitBreaker, CircuitBreakerConfig, EventFilter, HealthCheck, Pipeline, RateLimiter, Rejection,
    Retry, Timeout, circuit_breaker, registry,
};
use std::fmt::Debug;
use std::time::Duration;

#[circuit_breaker("debug: function")]
async fn function() -> Result<(), Rejection> {
    Ok(())
}

fn shown(value: &impl Debug, expected: &str) {
    assert_eq!(format!("{value:?}"), expected);
}

#[tokio::test]
async fn every_type_with_something_to_hide_says_what_matters() {
    let scope = Scope::new();
    let entered = scope.enter();
    let breaker = CircuitBreaker::builder("a").register().unwrap();
    breaker.force_open();
    let of_breaker = "CircuitBreaker { name: \"a\", key: None, state: ForcedOpen, .. }";
    shown(&breaker, of_breaker);
    shown(&registry(), &format!("Registry {{ circuit_breakers: [{of_breaker}] }}"));
    shown(&scope, &format!("Scope {{ registry: Registry {{ circuit_breakers: [{of_breaker}] }}, .. }}"));
    breaker.enforce();
    breaker.keyed("7]").try_acquire().unwrap().success();
    shown(&breaker.of_key("7]").unwrap(), "CircuitBreaker { name: \"a\", key: Some(\"7]\"), state: Closed, .. }");
    let of_breaker = "CircuitBreaker { name: \"a\", key: None, state: Closed, .. }";
    let permit = breaker.try_acquire_owned().unwrap();
    shown(&permit, &format!("OwnedPermit {{ breaker: Some({of_breaker}) }}"));
    permit.success();

    let bulkhead = Bulkhead::builder("a").max_concurrent(2).build().unwrap();
    let _inside = bulkhead.try_acquire().unwrap();
    shown(&bulkhead, "Bulkhead { name: \"a\", max_concurrent: 2, inside: 1, waiting: 0, .. }");
    let limiter = RateLimiter::builder("a").rate("1/s".parse().unwrap()).build().unwrap();
    shown(&limiter, "RateLimiter { name: \"a\", .. }");
    shown(&Retry::builder("a").build().unwrap(), "Retry { name: \"a\", .. }");
    let timeout = Timeout::builder("a").after(Duration::from_secs(1)).build().unwrap();
    shown(&timeout, "Timeout { name: \"a\", after: Some(1s), .. }");

    let builder = format!("{:?}", CircuitBreaker::builder("a").config(CircuitBreakerConfig::new().failure_rate(7.5)));
    let (begins, ends) =
        ("Builder { name: \"a\", definition: Definition { keys: CircuitBreakerConfig {", "configured: true }");
    assert!(builder.starts_with(begins) && builder.ends_with(ends), "{builder}");
    assert!(builder.contains("failure_rate: Some(7.5)") && builder.contains("rule: None"), "{builder}");

    let pipeline = Pipeline::builder("p").timeout(Timeout::builder("p").after(Duration::from_secs(1))).build().unwrap();
    shown(&pipeline, "Pipeline { name: \"p\", .. }");
    shown(&pipeline.costing(3), "PipelineCall { cost: 3, .. }");

    let check = HealthCheck::new("database", Duration::from_secs(2), || async { Ok::<_, String>(()) }).critical(true);
    shown(&check, "HealthCheck { name: \"database\", timeout: 2s, critical: true, .. }");
    let watcher = registry().watcher("resilience.toml").every(Duration::from_secs(3));
    shown(&watcher, "Watcher { path: \"resilience.toml\", interval: 3s, .. }");
    shown(&watcher.every(Duration::ZERO), "Watcher { path: \"resilience.toml\", interval: 10ms, .. }");
    shown(&Cause::from("refused\n"), "\"refused\\\\n\"");
    let events = format!("{:?}", registry().subscribe_with(EventFilter::of([])));
    assert!(
        events.starts_with("Events { reader: Reader { filter: EventFilter { topics: 0, names: [] }, .. }"),
        "{events}"
    );

    let script = Script::new().ok(1).err("no");
    shown(&script, "Script { steps: 2, calls: 0, .. }");
    let nested = scope.enter();
    assert!(format!("{entered:?}").starts_with("Entered { nested: false, "));
    let nested = format!("{nested:?}");
    assert!(nested.starts_with("Entered { nested: true, ") && nested.contains("of_this_thread: "), "{nested}");

    function().await.unwrap();
    let operation = registry().operations().find(|operation| operation.function() == "function").unwrap();
    let place = format!("Operation {{ path: \"debug::function\", location: \"{}\", .. }}", operation.location());
    shown(operation, &place);
    let layer = format!("{:?}", operation.layers()[0]);
    let begins =
        "CircuitBreaker(Site { name: Some(\"debug: function\"), definition: Definition { keys: CircuitBreakerConfig {";
    assert!(layer.starts_with(begins) && layer.ends_with("rule: None }, .. })"), "{layer}");
    shown(&FallbackSite::new("answer"), "FallbackSite { path: \"answer\", .. }");
}
