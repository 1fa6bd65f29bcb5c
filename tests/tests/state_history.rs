//! Where a circuit breaker of a registry has been: what its snapshot says of it is what happened.

use resilience_runtime::testing::Scope;
use resilience_runtime::{CircuitBreaker, CircuitBreakerSnapshot, StateHistory, registry};
use std::time::Duration;
use tokio::time::sleep;

const SECOND: Duration = Duration::from_secs(1);

fn history(breaker: &CircuitBreaker) -> StateHistory {
    breaker.snapshot().history.expect("it is in a registry")
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_written_down_by_its_reasons_and_lengths() {
    let scope = Scope::new();
    let _entered = scope.enter();
    let breaker = CircuitBreaker::builder("history: outage")
        .consecutive_failures(2)
        .half_open_calls(1)
        .open_for(10 * SECOND)
        .register()
        .unwrap();
    assert_eq!(history(&breaker), StateHistory::default());
    sleep(5 * SECOND).await;
    (0..2).for_each(|_| breaker.try_acquire().unwrap().failure());
    sleep(10 * SECOND).await;
    let probe = breaker.try_acquire().unwrap();
    sleep(2 * SECOND).await;
    probe.failure();
    sleep(10 * SECOND).await;
    breaker.try_acquire().unwrap().success();
    sleep(SECOND).await;
    let read = history(&breaker);
    assert_eq!((read.time.closed, read.time.open, read.time.half_open), (6 * SECOND, 20 * SECOND, 2 * SECOND));
    assert_eq!((read.entered.open, read.entered.half_open, read.entered.closed), (2, 2, 1));
    assert_eq!((read.openings.consecutive_failures, read.openings.probes_failed), (1, 1));
    assert_eq!((read.recoveries, read.last_recovery), (1, Some(22 * SECOND)));
    let [CircuitBreakerSnapshot { history, .. }] = &registry().read().circuit_breakers[..] else { panic!() };
    assert_eq!(*history, Some(read), "a light reading has it too");
}

#[tokio::test(start_paused = true)]
async fn what_is_done_by_hand_is_written_down_and_a_monitoring_one_stays_where_it_is() {
    let scope = Scope::new();
    let _entered = scope.enter();
    let breaker = CircuitBreaker::builder("history: by hand").consecutive_failures(1).register().unwrap();
    breaker.force_open();
    sleep(3 * SECOND).await;
    breaker.monitor();
    sleep(SECOND).await;
    breaker.try_acquire().unwrap().failure();
    sleep(SECOND).await;
    breaker.disable();
    sleep(SECOND).await;
    let read = history(&breaker);
    assert_eq!((read.time.forced_open, read.time.monitoring, read.time.disabled), (3 * SECOND, 2 * SECOND, SECOND));
    assert_eq!((read.entered.forced_open, read.entered.monitoring, read.entered.disabled), (1, 1, 1));
    assert_eq!((read.openings.forced, read.openings.consecutive_failures, read.entered.open), (1, 0, 0));
    assert_eq!(read.recoveries, 0);
}

#[tokio::test(start_paused = true)]
async fn keys_are_told_by_the_breaker_that_has_them() {
    let scope = Scope::new();
    let _entered = scope.enter();
    let stock = CircuitBreaker::builder("history: keys")
        .consecutive_failures(1)
        .half_open_calls(1)
        .open_for(SECOND)
        .register()
        .unwrap();
    (0..3).for_each(|key| stock.keyed(key).try_acquire().unwrap().failure());
    sleep(4 * SECOND).await;
    stock.keyed(1).try_acquire().unwrap().success();
    let read = history(&stock);
    assert_eq!((read.entered.open, read.openings.consecutive_failures), (3, 3));
    assert_eq!((read.recoveries, read.last_recovery), (1, Some(4 * SECOND)));
    assert!(stock.of_keys().iter().all(|of_key| of_key.snapshot().history.is_none()));
    let alone = CircuitBreaker::builder("history: in none").build().unwrap();
    assert_eq!(alone.snapshot().history, None);
}
