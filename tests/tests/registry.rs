//! The registry: what is known before the first call, who shares a breaker, and what happens where two places differ.

use resilience_runtime::testing::Scope;
use resilience_runtime::{
    CircuitBreaker, Event, RegisterError, Rejection, State, Window, WindowCounts, bulkhead, circuit_breaker, fallback,
    registry, retry, timeout,
};
use std::collections::HashSet;
use std::fmt::Display;
use std::time::Duration;

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("it failed")]
    Failed,
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

#[circuit_breaker("registry: never called", failure_rate = 30)]
#[fallback = answer]
async fn never_called() -> Result<u8, Error> {
    Ok(1)
}

async fn answer() -> Result<u8, Error> {
    Ok(2)
}

#[circuit_breaker]
async fn generic<T: Display>(value: T) -> Result<String, Error> {
    Ok(value.to_string())
}

trait Trait {
    fn of_a_trait(&self) -> impl Future<Output = Result<u8, Error>>;
}

impl Trait for u8 {
    #[circuit_breaker]
    async fn of_a_trait(&self) -> Result<u8, Error> {
        Ok(*self)
    }
}

#[test]
fn every_guarded_function_is_known_before_it_is_called() {
    let known = |function: &str| registry().operations().find(|operation| operation.function() == function).unwrap();
    let operation = known("never_called");
    assert_eq!(operation.path(), "registry::never_called");
    assert!(operation.location().ends_with(&format!("tests/registry.rs:{}", operation.line())), "{operation:?}");
    assert_eq!(operation.layers().len(), 2);
    known("generic");
    known("of_a_trait");
}

#[tokio::test]
async fn instances_of_a_generic_function_share_its_breaker() {
    generic(1).await.unwrap();
    generic("two").await.unwrap();
    assert_eq!(registry().circuit_breaker("registry::generic").unwrap().totals().successes, 2);
    assert_eq!(7u8.of_a_trait().await.unwrap(), 7);
    assert!(registry().circuit_breaker("registry::of_a_trait").is_some());
}

struct One;
struct Other;

impl One {
    #[circuit_breaker]
    async fn twice(&self) -> Result<(), Error> {
        Ok(())
    }
}

impl Other {
    #[circuit_breaker]
    async fn twice(&self) -> Result<(), Error> {
        Ok(())
    }
}

#[tokio::test]
async fn functions_that_claim_one_name_are_shown_with_their_line() {
    One.twice().await.unwrap();
    Other.twice().await.unwrap();
    assert!(registry().circuit_breaker("registry::twice").is_none());
    let shown: Vec<_> = registry()
        .circuit_breakers()
        .map(|breaker| breaker.name().to_string())
        .filter(|name| name.starts_with("registry::twice@"))
        .collect();
    assert_eq!(shown.len(), 2, "{shown:?}");
    assert!(!shown.iter().any(|name| name.contains('.')), "each has a line of its own: {shown:?}");
}

macro_rules! guarded {
    ($($type:ident: $limit:literal),*) => {$(
        struct $type;

        impl $type {
            #[bulkhead(max_concurrent = $limit)]
            async fn of_one_line(&self) -> Result<(), Error> {
                Ok(())
            }
        }
    )*};
}

guarded!(First: 1, Second: 2, Third: 3);

#[tokio::test]
async fn functions_that_a_macro_puts_on_one_line_share_nothing() {
    First.of_one_line().await.unwrap();
    Second.of_one_line().await.unwrap();
    Third.of_one_line().await.unwrap();
    let of_one_line = |name: &str| name.starts_with("registry::of_one_line@");
    let bulkheads = registry().bulkheads().filter(|bulkhead| of_one_line(&bulkhead.name()));
    let mut limits: Vec<_> = bulkheads.map(|bulkhead| bulkhead.snapshot().max_concurrent).collect();
    limits.sort_unstable();
    assert_eq!(limits, [1, 2, 3]);
    let names: HashSet<_> =
        registry().bulkheads().map(|bulkhead| bulkhead.name()).filter(|name| of_one_line(name)).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    assert_eq!(names.iter().filter(|name| name.ends_with(".2")).count(), 1, "{names:?}");
}

#[timeout("40ms")]
#[retry(attempts = 2, delay = "1ms")]
#[timeout("5ms")]
async fn two_timeouts() -> Result<(), Error> {
    std::future::pending().await
}

#[tokio::test(start_paused = true)]
async fn two_timeouts_of_one_function_are_two() {
    let Err(Error::Rejected(Rejection::TimedOut { name, after })) = two_timeouts().await else { panic!("it hangs") };
    assert_eq!((name.as_str(), after), ("registry::two_timeouts#2", Duration::from_millis(5)));
    let timed_out = |name: &str| registry().timeout(name).unwrap().snapshot().timed_out;
    assert_eq!((timed_out("registry::two_timeouts"), timed_out("registry::two_timeouts#2")), (0, 2));
}

#[circuit_breaker("registry: shared")]
async fn joins(fails: bool) -> Result<(), Error> {
    if fails { Err(Error::Failed) } else { Ok(()) }
}

#[circuit_breaker("registry: shared", consecutive_failures = 2, window = none)]
async fn configures() -> Result<(), Error> {
    Ok(())
}

#[tokio::test]
async fn a_name_without_keys_joins_whatever_configures_it() {
    // Called first, it has the configuration of the other place all the same.
    for _ in 0..2 {
        joins(true).await.unwrap_err();
    }
    let rejected = configures().await.unwrap_err();
    assert!(matches!(rejected, Error::Rejected(_)), "{rejected}");
}

#[circuit_breaker("registry: contested", window = 10)]
async fn comes_first() -> Result<(), Error> {
    Ok(())
}

#[circuit_breaker("registry: contested", window = 20)]
async fn comes_second() -> Result<(), Error> {
    Ok(())
}

#[tokio::test]
async fn of_two_configurations_the_first_is_in_force_and_it_is_said_once() {
    let mut events = registry().subscribe();
    comes_second().await.unwrap();
    comes_first().await.unwrap();
    let line_of =
        |function: &str| registry().operations().find(|operation| operation.function() == function).unwrap().location();
    let conflicts: Vec<_> = std::iter::from_fn(|| events.try_recv())
        .filter_map(|event| match event {
            Event::Conflict { name, in_force, not_in_force, .. } if name == "registry: contested" => {
                Some((in_force, not_in_force))
            }
            _ => None,
        })
        .collect();
    assert_eq!(conflicts, [(line_of("comes_first"), line_of("comes_second"))]);

    let builder = || CircuitBreaker::builder("registry: contested");
    let error = builder().consecutive_failures(7).register().unwrap_err();
    assert!(matches!(error, RegisterError::Conflict { .. }), "{error}");
    let error = builder().trip_if(|_| false).register().unwrap_err();
    assert!(matches!(error, RegisterError::Conflict { .. }), "a rule alone configures it too: {error}");
    assert!(builder().register().is_ok(), "without keys it joins");
}

#[test]
fn rules_of_builders_are_one_configuration_where_they_are_one_function() {
    fn half_fail(counts: &WindowCounts) -> bool {
        counts.failures * 2 > counts.calls
    }
    fn never(_: &WindowCounts) -> bool {
        false
    }
    let scope = Scope::new();
    let _entered = scope.enter();
    let builder = || CircuitBreaker::builder("ruled").window(Window::Count(20));
    builder().trip_if(half_fail).register().unwrap();
    assert!(builder().trip_if(half_fail).register().is_ok(), "the same");
    for other in [builder().trip_if(never), builder()] {
        let error = other.register().unwrap_err();
        assert!(matches!(error, RegisterError::Conflict { .. }), "{error}");
    }
}

#[fallback(answer)]
async fn has_no_breaker() -> Result<u8, Error> {
    Err(Error::Failed)
}

#[tokio::test]
async fn fallbacks_are_counted() {
    assert_eq!(has_no_breaker().await.unwrap(), 2);
    assert_eq!(has_no_breaker().await.unwrap(), 2);
    let operation = registry().operations().find(|operation| operation.function() == "has_no_breaker").unwrap();
    assert_eq!(operation.fallbacks(), 2);
}

#[tokio::test]
async fn a_snapshot_is_serialisable() {
    // Another test opens this breaker.
    let scope = Scope::new();
    let _entered = scope.enter();
    joins(false).await.unwrap();
    let json = serde_json::to_value(registry().snapshot()).unwrap();
    let breaker = json["circuit_breakers"]
        .as_array()
        .unwrap()
        .iter()
        .find(|breaker| breaker["name"] == "registry: shared")
        .expect("it has been called")
        .clone();
    assert_eq!((&breaker["state"], &breaker["totals"]["successes"]), (&"closed".into(), &1.into()), "{breaker}");
    assert_eq!(breaker["next"]["type"], "admitted");
    assert!(breaker["age"].is_f64() && breaker["reason"].is_null(), "{breaker}");
    registry().circuit_breaker("registry: shared").unwrap().force_open();
    let json = serde_json::to_value(registry().snapshot()).unwrap();
    let next = &json["circuit_breakers"][0]["next"]["rejection"];
    assert_eq!((&next["name"], &next["reason"]["type"]), (&"registry: shared".into(), &"forced".into()), "{json}");
}

#[test]
fn what_a_builder_refuses_it_refuses_in_the_words_of_the_attribute() {
    let error = CircuitBreaker::builder("registry: refused").failure_rate(0.0).build().unwrap_err();
    assert_eq!(error.to_string(), "`failure_rate` must be greater than 0 and at most 100");
    let error = CircuitBreaker::builder("").build().unwrap_err();
    assert_eq!(error.to_string(), "`name` must have between 1 and 128 characters");
    assert_eq!(CircuitBreaker::builder("registry: one").build().unwrap().state(), State::Closed);
}

#[test]
fn a_builder_reports_every_mistake_a_line_each() {
    let builder = CircuitBreaker::builder("a\u{7}b").failure_rate(0.0).minimum_calls(11).window(Window::Count(10));
    let error = builder.clone().build().unwrap_err();
    let keys: Vec<_> = error.broken_rules().iter().map(|rule| rule.key).collect();
    assert_eq!(keys, ["name", "failure_rate", "minimum_calls"]);
    assert_eq!(
        error.to_string(),
        "`name` must not contain control characters\n\
        `failure_rate` must be greater than 0 and at most 100\n\
        `minimum_calls` must not be larger than a count `window`, which never holds more calls than its size"
    );
    assert_eq!(builder.register().unwrap_err().to_string(), error.to_string());
    let config = resilience_runtime::RetryConfig::new().attempts(0).factor(0.0);
    let retry = resilience_runtime::Retry::builder("r").build().unwrap();
    assert_eq!(retry.reconfigure(config).unwrap_err().broken_rules().len(), 2);
    let too_short = resilience_runtime::RetryConfig::new().max_elapsed(std::time::Duration::from_millis(1));
    assert_eq!(
        retry.reconfigure(too_short).unwrap_err().to_string(),
        too_short.check().unwrap_err().message,
        "the attribute's own sentence"
    );
}
