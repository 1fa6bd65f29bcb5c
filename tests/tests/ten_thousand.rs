//! Ten thousand breakers that two threads call while all of them are read and reconfigured. Real time, because it is the scheduler that is wanted; a process of
//! its own, since it leaves them behind. What it costs the callers is measured in `benches`.

use resilience_runtime::{CircuitBreaker, CircuitBreakerConfig, Totals, Window, registry};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

const BREAKERS: usize = 10_000;
const ROUNDS: u8 = 4;

/// Successes and failures of one breaker.
type Made = (u64, u64);

/// Calls one breaker after the other until it is told to stop; what it has made of each.
fn call(breakers: &[Arc<CircuitBreaker>], stop: &AtomicBool) -> Vec<Made> {
    let mut made = vec![(0, 0); breakers.len()];
    for nth in 0.. {
        if stop.load(Relaxed) {
            break;
        }
        let (breaker, (successes, failures)) = (&breakers[nth % BREAKERS], &mut made[nth % BREAKERS]);
        let permit = breaker.try_acquire().expect("one failure in ten opens none of them");
        if nth / BREAKERS % 10 == 9 {
            permit.failure();
            *failures += 1;
        } else {
            permit.success();
            *successes += 1;
        }
    }
    made
}

fn never_shrinks(before: Totals, after: Totals) -> bool {
    before.successes <= after.successes && before.failures <= after.failures
}

#[test]
fn nothing_is_lost_while_all_are_read_and_reconfigured() {
    let config = CircuitBreakerConfig::new().failure_rate(100.0).window(Window::Time(Duration::from_secs(3600)));
    let breakers: Vec<_> = (0..BREAKERS)
        .map(|nth| CircuitBreaker::builder(format!("b{nth:05}")).config(config).register().unwrap())
        .collect();
    let stop = AtomicBool::new(false);
    let made: Vec<Vec<Made>> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..2).map(|_| scope.spawn(|| call(&breakers, &stop))).collect();
        let mut before = vec![Totals::default(); BREAKERS];
        for round in 1..=ROUNDS {
            // By a file, and by hand; of the same window, since another kind of window starts empty.
            let rate = 100 - round;
            match round % 2 {
                0 => drop(registry().steer("b*").reconfigure(config.failure_rate(f64::from(rate))).unwrap()),
                _ => drop(
                    registry().configure_from_str(&format!("[circuit_breaker.\"b*\"]\nfailure_rate = {rate}")).unwrap(),
                ),
            }
            let snapshots = registry().snapshot().circuit_breakers;
            assert_eq!(snapshots.len(), BREAKERS);
            for (before, snapshot) in before.iter_mut().zip(&snapshots) {
                assert!(never_shrinks(*before, snapshot.totals), "{before:?} {snapshot:?}");
                *before = snapshot.totals;
                assert_eq!(snapshot.settings[0].value, rate.to_string(), "{snapshot:?}");
            }
        }
        stop.store(true, Relaxed);
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    });
    let all: u64 = made.iter().flatten().map(|(successes, failures)| successes + failures).sum();
    assert!(all > BREAKERS as u64, "they were called meanwhile: {all}");
    for (nth, breaker) in breakers.iter().enumerate() {
        let (successes, failures) = (made[0][nth].0 + made[1][nth].0, made[0][nth].1 + made[1][nth].1);
        let snapshot = breaker.snapshot();
        let totals = snapshot.totals;
        assert_eq!((totals.successes, totals.failures), (successes, failures), "{}", snapshot.name);
        assert_eq!((totals.rejected, totals.cancelled, totals.stale), (0, 0, 0), "{}", snapshot.name);
        let window = snapshot.window;
        assert_eq!((window.calls, window.failures), (successes + failures, failures), "{}", snapshot.name);
    }
}
