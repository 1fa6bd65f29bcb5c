//! Conflicts are found before anything is called. A program of its own, since they are those of the whole program.

use resilience_runtime::testing::Scope;
use resilience_runtime::{
    CircuitBreaker, Conflict, Difference, Kind, RegisterError, Rejection, Window, assert_verified, circuit_breaker,
    rate_limit, registry, retry, timeout,
};
use std::sync::Arc;
use std::time::Duration;

const TEN: u32 = 10;

#[circuit_breaker("contested", window = 10, failure_rate = 30)]
async fn comes_first() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker("contested", window = 20, failure_rate = 30, trip_if = |counts| counts.failures > 3)]
async fn comes_second() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker("contested")]
async fn joins() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker("contested", window = TEN, failure_rate = 40)]
async fn comes_third() -> Result<(), Rejection> {
    Ok(())
}

// The same in other words: the defaults written out, a constant, call-site keys.
#[circuit_breaker("agreed", minimum_calls = 20, window = "10s", failure_if = |_| true)]
async fn written_out() -> Result<(), Rejection> {
    Ok(())
}

const MINIMUM: u32 = 20;

#[circuit_breaker("agreed", minimum_calls = MINIMUM, open_for = Duration::from_secs(30), window = Window::Time(Duration::from_secs(10)))]
async fn by_a_constant() -> Result<(), Rejection> {
    Ok(())
}

// One name of two kinds is two names.
#[retry(name = "agreed", attempts = 7)]
async fn of_another_kind() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker("nowhere configured")]
async fn by_default() -> Result<(), Rejection> {
    Ok(())
}

#[retry(name = "zebra", attempts = 2)]
async fn zebra() -> Result<(), Rejection> {
    Ok(())
}

#[retry(name = "zebra", attempts = 3)]
async fn other_zebra() -> Result<(), Rejection> {
    Ok(())
}

#[retry(name = "ant", attempts = 4)]
async fn ant() -> Result<(), Rejection> {
    Ok(())
}

#[retry(name = "ant", attempts = 5)]
async fn other_ant() -> Result<(), Rejection> {
    Ok(())
}

#[rate_limit("100/s", name = "limit")]
async fn limited() -> Result<(), Rejection> {
    Ok(())
}

#[rate_limit("100/min", name = "limit", max_wait = "1s")]
async fn limited_otherwise() -> Result<(), Rejection> {
    Ok(())
}

// Two places that differ in two names, and in one name of two kinds.
#[timeout("9s", name = "around")]
#[retry(name = "around", attempts = 2)]
#[timeout("1s", name = "within")]
async fn twice() -> Result<(), Rejection> {
    Ok(())
}

#[timeout("8s", name = "around")]
#[retry(name = "around", attempts = 3)]
#[timeout("2s", name = "within")]
async fn twice_otherwise() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker("ruled", trip_if = |counts| counts.failures > 3)]
async fn has_a_rule() -> Result<(), Rejection> {
    Ok(())
}

// All keys are the same, and the rule is another one.
#[circuit_breaker("ruled", trip_if = |counts| counts.failures > 4)]
async fn has_another_rule() -> Result<(), Rejection> {
    Ok(())
}

/// Kind, name, the function in force, the other one, and each key with both values.
type Told<'c> = (Kind, &'c str, &'c str, &'c str, Vec<(&'c str, &'c str, &'c str)>);

fn told(conflict: &Conflict) -> Told<'_> {
    let differences = conflict.differences.iter().map(|it| (it.key, &*it.in_force, &*it.not_in_force)).collect();
    (conflict.kind, conflict.name, conflict.in_force.function(), conflict.not_in_force.function(), differences)
}

#[test]
fn every_place_that_differs_from_the_one_in_force_is_found_before_the_first_call() {
    let conflicts = registry().verify().unwrap_err();
    let rule = |nth: usize, of: fn(&Difference) -> &str| {
        of(conflicts.iter().nth(nth).unwrap().differences.last().unwrap()).to_owned()
    };
    let trip_if = rule(0, |difference| &difference.not_in_force);
    assert!(trip_if.contains("failures > 3"), "{trip_if}");
    let (one, another) = (rule(2, |difference| &difference.in_force), rule(2, |difference| &difference.not_in_force));
    assert!(one.contains("failures > 3") && another.contains("failures > 4"), "{one} {another}");
    let twice = |kind, name, key, one, other| (kind, name, "twice", "twice_otherwise", vec![(key, one, other)]);
    let contested = |other, differences| (Kind::CircuitBreaker, "contested", "comes_first", other, differences);
    assert_eq!(
        conflicts.iter().map(told).collect::<Vec<_>>(),
        [
            contested(
                "comes_second",
                vec![("minimum_calls", "10", "20"), ("window", "10", "20"), ("trip_if", "none", &trip_if)]
            ),
            contested("comes_third", vec![("failure_rate", "30", "40")]),
            (Kind::CircuitBreaker, "ruled", "has_a_rule", "has_another_rule", vec![("trip_if", &one, &another)]),
            // By name, wherever they are written.
            (Kind::Retry, "ant", "ant", "other_ant", vec![("attempts", "4", "5")]),
            twice(Kind::Retry, "around", "attempts", "2", "3"),
            (Kind::Retry, "zebra", "zebra", "other_zebra", vec![("attempts", "2", "3")]),
            twice(Kind::Timeout, "around", "after", "9s", "8s"),
            twice(Kind::Timeout, "within", "after", "1s", "2s"),
            (
                Kind::RateLimit,
                "limit",
                "limited",
                "limited_otherwise",
                vec![("rate", "100/s", "100/min"), ("max_wait", "0s", "1s")]
            ),
        ]
    );
    assert_eq!(registry().circuit_breakers().count(), 0, "nothing was called");
}

#[test]
fn a_builder_gets_what_is_in_force_wherever_else_the_name_is_configured() {
    let _entered = Scope::new().enter();
    let contested = CircuitBreaker::builder("contested").register().unwrap();
    let settings = contested.snapshot().settings;
    let value = |key: &str| settings.iter().find(|setting| setting.key == key).unwrap().value.clone();
    assert_eq!(
        (value("window"), value("failure_rate"), value("minimum_calls")),
        ("10".into(), "30".into(), "10".into())
    );
    let agrees = CircuitBreaker::builder("contested").window(Window::Count(10)).failure_rate(30.0).register();
    assert!(Arc::ptr_eq(&agrees.unwrap(), &contested));
    for other in [10, 20].map(|calls| CircuitBreaker::builder("contested").window(Window::Count(calls))) {
        assert!(matches!(other.register(), Err(RegisterError::Conflict { kind: Kind::CircuitBreaker, .. })));
    }
}

#[test]
fn a_conflict_is_told_with_both_places_and_both_values() {
    let conflicts = registry().verify().unwrap_err();
    let place = |function: &str| registry().operations().find(|it| it.function() == function).unwrap().location();
    let expected = format!(
        "two places configure the rate_limit `limit` differently:\n  \
         {} (verify::limited) is in force, with rate = 100/s, max_wait = 0s\n  \
         {} (verify::limited_otherwise) is not, with rate = 100/min, max_wait = 1s",
        place("limited"),
        place("limited_otherwise"),
    );
    assert_eq!(conflicts.iter().last().unwrap().to_string(), expected);
    assert!(place("limited").contains("tests/verify.rs:"), "{expected}");
    let all = conflicts.to_string();
    assert!(all.contains(&expected), "{all}");
    assert!(
        all.ends_with("write the keys in one place and only the name in the others, or give one of them another name")
    );
    assert_eq!(format!("{conflicts:?}"), all, "what `unwrap` shows");
}

#[test]
fn a_conflict_is_the_same_where_it_is_about_the_same_places() {
    let (conflicts, again) = (registry().verify().unwrap_err(), registry().verify().unwrap_err());
    for (nth, one) in conflicts.iter().enumerate() {
        for (other_nth, other) in again.iter().enumerate() {
            assert_eq!(one == other, nth == other_nth, "{one}\n{other}");
        }
    }
}

#[test]
#[should_panic(expected = "two places configure the circuit_breaker `contested` differently")]
fn one_line_in_a_test_fails_with_the_conflicts() {
    assert_verified();
}
