//! What users write their tests with: a registry a test, and dependencies that do what they are told.

use resilience_runtime::State::{Closed, ForcedOpen, HalfOpen, Open};
use resilience_runtime::testing::{Scope, Script};
use resilience_runtime::{
    CircuitBreaker, EVENT_CAPACITY, Event, Instance, Rejection, bulkhead, circuit_breaker, fallback, rate_limit,
    registry, retry, timeout,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
enum Error {
    #[error("it failed")]
    Failed,
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

type Dependency = Script<u32, Error>;

#[circuit_breaker("scopes: payment", consecutive_failures = 2, window = none, open_for = "30s", half_open_calls = 1)]
async fn charge(gateway: &Dependency) -> Result<u32, Error> {
    gateway.call().await
}

#[retry(attempts = 2, delay = "1s", jitter = none)]
#[bulkhead(1)]
#[rate_limit("1000/s")]
#[timeout("1s")]
async fn stock(warehouse: &Dependency) -> Result<u32, Error> {
    warehouse.call().await
}

#[circuit_breaker("scopes: keyed", key = key, consecutive_failures = 1, window = none)]
async fn keyed(key: u32, dependency: &Dependency) -> Result<u32, Error> {
    dependency.call().await
}

#[circuit_breaker]
async fn generic<T>(value: T) -> Result<T, Error> {
    Ok(value)
}

fn down() -> Dependency {
    Script::new().err(Error::Failed).forever()
}

fn up() -> Dependency {
    Script::new().ok(7).forever()
}

#[tokio::test(start_paused = true)]
async fn a_breaker_that_is_open_in_one_scope_is_closed_in_another_and_in_none() {
    let (one, other) = (Scope::new(), Scope::new());
    {
        let _entered = one.enter();
        for _ in 0..2 {
            charge(&down()).await.unwrap_err();
        }
        one.assert_state("scopes: payment", Open);
        assert!(matches!(charge(&up()).await, Err(Error::Rejected(_))));
    }
    let _entered = other.enter();
    assert_eq!(charge(&up()).await, Ok(7));
    other.assert_state("scopes: payment", Closed);
    assert_eq!(one.registry().circuit_breaker("scopes: payment").unwrap().totals().failures, 2);
    assert_eq!(other.registry().circuit_breaker("scopes: payment").unwrap().totals().successes, 1);
    drop(_entered);
    assert!(
        registry().circuit_breaker("scopes: payment").is_none(),
        "no test of this file calls it outside of a scope"
    );
}

#[tokio::test(start_paused = true)]
async fn futures_of_two_scopes_take_turns_on_one_thread_and_share_nothing() {
    let (one, other) = (Scope::new(), Scope::new());
    let calls = |dependency: Dependency| async move {
        for _ in 0..4 {
            charge(&dependency).await.ok();
            tokio::task::yield_now().await;
        }
    };
    tokio::join!(one.wrap(calls(down())), other.wrap(calls(up())));
    let totals = |scope: &Scope| scope.registry().circuit_breaker("scopes: payment").unwrap().totals();
    assert_eq!((totals(&one).failures, totals(&one).rejected, totals(&one).successes), (2, 2, 0));
    assert_eq!((totals(&other).failures, totals(&other).rejected, totals(&other).successes), (0, 0, 4));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_on_another_thread_is_wrapped() {
    let scope = Scope::new();
    let dependency = up();
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let dependency = dependency.clone();
            tokio::spawn(scope.wrap(async move {
                for _ in 0..100 {
                    charge(&dependency).await.unwrap();
                    tokio::task::yield_now().await;
                }
            }))
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(scope.registry().circuit_breaker("scopes: payment").unwrap().totals().successes, 800);
    assert_eq!(dependency.calls(), 800);
}

#[tokio::test]
async fn every_kind_of_policy_is_the_scopes_own_and_so_are_its_events() {
    let scope = Scope::new();
    let _entered = scope.enter();
    let mut events = registry().subscribe();
    generic(1).await.unwrap();
    generic("two").await.unwrap();
    tokio::time::pause();
    assert_eq!(stock(&Script::new().hang().ok(3)).await, Ok(3));
    let of = scope.registry();
    assert_eq!(of.circuit_breaker("scopes::generic").unwrap().totals().successes, 2);
    assert_eq!(of.retry("scopes::stock").unwrap().snapshot().recovered, 1);
    assert_eq!(of.bulkhead("scopes::stock").unwrap().snapshot().admitted, 2);
    assert_eq!(of.rate_limiter("scopes::stock").unwrap().snapshot().allowed, 2);
    assert_eq!(of.timeout("scopes::stock").unwrap().snapshot().timed_out, 1);
    assert!(matches!(events.try_recv(), Some(Event::TimedOut { .. })));
    assert!(matches!(events.try_recv(), Some(Event::Retry(_))));
    let by_hand = CircuitBreaker::builder("scopes: by hand").register().unwrap();
    drop(_entered);
    assert!(registry().circuit_breaker("scopes: by hand").is_none());
    by_hand.force_open();
    scope.assert_state("scopes: by hand", ForcedOpen);
}

#[test]
fn scopes_nest_and_a_panic_leaves_them() {
    let (outer, inner) = (Scope::new(), Scope::new());
    CircuitBreaker::builder("scopes: nothing").register().unwrap();
    let _entered = outer.enter();
    CircuitBreaker::builder("scopes: outer").register().unwrap();
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        let _entered = inner.enter();
        CircuitBreaker::builder("scopes: inner").register().unwrap();
        panic!("as a failed assertion does");
    }));
    assert!(unwound.is_err());
    let names: Vec<_> = registry().circuit_breakers().map(|breaker| breaker.name().to_string()).collect();
    assert_eq!(names, ["scopes: outer"]);
}

#[tokio::test(start_paused = true)]
async fn states_and_transitions_are_asserted_in_virtual_time() {
    let scope = Scope::new();
    let _entered = scope.enter();
    let gateway = Script::new().err(Error::Failed).times(3).ok(1).forever();
    for _ in 0..2 {
        charge(&gateway).await.unwrap_err();
    }
    for answer in [Err(Error::Failed), Ok(1)] {
        tokio::time::advance(Duration::from_secs(30)).await;
        assert_eq!(charge(&gateway).await, answer);
    }
    let expected = [(Closed, Open), (Open, HalfOpen), (HalfOpen, Open), (Open, HalfOpen), (HalfOpen, Closed)];
    assert_eq!(scope.transitions("scopes: payment"), expected);
    assert_eq!(scope.transitions("scopes: payment"), expected, "asking takes nothing away");
    assert_eq!(scope.transitions("scopes: nobody"), []);
}

#[tokio::test]
async fn the_breaker_of_a_key_is_asserted_by_name_and_key() {
    let scope = Scope::new();
    let _entered = scope.enter();
    keyed(7, &down()).await.unwrap_err();
    keyed(8, &up()).await.unwrap();
    scope.assert_state(Instance::of_key("scopes: keyed", 7), Open);
    scope.assert_state(Instance::of_key("scopes: keyed", 8), Closed);
    assert_eq!(scope.transitions(Instance::of_key("scopes: keyed", 7)), [(Closed, Open)]);
}

fn message_of(panics: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(panics)).expect_err("it panics");
    panic.downcast_ref::<String>().cloned().unwrap_or_else(|| panic.downcast_ref::<&str>().unwrap().to_string())
}

#[test]
fn an_assertion_that_fails_says_what_is_and_why() {
    let scope = Scope::new();
    let _entered = scope.enter();
    let breaker = CircuitBreaker::builder("payment").consecutive_failures(1).register().unwrap();
    breaker.try_acquire().unwrap().failure();
    assert_eq!(
        message_of(|| scope.assert_state("payment", Closed)),
        "the circuit breaker `payment` is open (1 consecutive failure), not closed"
    );
    assert_eq!(
        message_of(|| scope.assert_state("paymnet", Open)),
        "no circuit breaker `paymnet` was called in this scope; did you mean `payment`?"
    );
}

#[tokio::test(start_paused = true)]
async fn a_script_is_followed_to_its_end() {
    let script: Dependency =
        Script::new().ok(1).times(2).err(Error::Failed).after(Duration::from_secs(2)).panic("gone");
    assert_eq!((script.call().await, script.call().await), (Ok(1), Ok(1)));
    let before = tokio::time::Instant::now();
    assert_eq!(script.call().await, Err(Error::Failed));
    assert_eq!(before.elapsed(), Duration::from_secs(2));
    let call = |script: Dependency| tokio::spawn(async move { script.call().await });
    let panicked = call(script.clone()).await.unwrap_err().into_panic();
    assert_eq!(panicked.downcast_ref::<String>().map(String::as_str), Some("gone"));
    let past = call(script.clone()).await.unwrap_err().into_panic();
    assert_eq!(
        past.downcast_ref::<String>().map(String::as_str),
        Some("the script ends after 4 calls and this is call 5; `forever()` repeats its last step")
    );
    assert_eq!(script.calls(), 5);
    let hangs: Dependency = Script::new().hang();
    assert!(tokio::time::timeout(Duration::from_secs(3600), hangs.call()).await.is_err());
}

#[test]
fn a_script_that_makes_no_sense_is_refused_when_it_is_written() {
    assert!(message_of(|| drop(Dependency::new().times(2))).contains("the step before them"));
    assert!(message_of(|| drop(Dependency::new().ok(1).times(0))).contains("one call or more"));
    assert!(message_of(|| drop(Dependency::new().ok(1).forever().ok(2))).contains("never reached"));
    assert!(message_of(|| drop(Dependency::new().forever())).contains("the step before them"));
    let script = Dependency::new().ok(1);
    let _clone = script.clone();
    assert!(message_of(|| drop(script.ok(2))).contains("written before it is cloned"));
}

#[test]
fn a_flood_of_other_events_pushes_out_no_transition() {
    let scope = Scope::new();
    let _entered = scope.enter();
    let breaker = CircuitBreaker::builder("scopes: flooded").register().unwrap();
    breaker.force_open();
    (0..2 * EVENT_CAPACITY).for_each(|_| drop(breaker.try_acquire()));
    assert_eq!(scope.transitions("scopes: flooded"), [(Closed, ForcedOpen)]);
}

#[test]
#[should_panic(expected = "transitions were lost, because nobody looked")]
fn transitions_that_are_lost_are_not_passed_over() {
    let scope = Scope::new();
    let _entered = scope.enter();
    let breaker = CircuitBreaker::builder("scopes: restless").register().unwrap();
    for _ in 0..EVENT_CAPACITY {
        breaker.force_open();
        breaker.reset();
    }
    scope.transitions("scopes: restless");
}

#[fallback(|_: &Dependency| Ok(8))]
async fn answered(dependency: &Dependency) -> Result<u32, Error> {
    dependency.call().await
}

#[tokio::test]
async fn a_fallback_is_told_to_the_readers_of_its_scope() {
    let (one, other) = (Scope::new(), Scope::new());
    let [mut heard, mut nothing] = [&one, &other].map(|scope| scope.registry().subscribe());
    let _entered = one.enter();
    assert_eq!(answered(&down()).await, Ok(8));
    assert!(matches!(heard.try_recv(), Some(Event::Fallback { name, .. }) if name == "scopes::answered"));
    assert_eq!(nothing.try_recv(), None);
}
