//! Counters equal the truth and never fall, whatever is done to the policies meanwhile.

use proptest::prelude::*;
use resilience_observe::{MetricKind, Observer, TextFormat, families};
use resilience_runtime::testing::Scope;
use resilience_runtime::{CircuitBreaker, CircuitBreakerConfig, Outcome, Window};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The samples of all counters.
fn counters(observer: &Observer) -> BTreeMap<String, f64> {
    let text = observer.metrics(TextFormat::Classic);
    let is_counter = |series: &str| {
        let name = series.split(['{', ' ']).next().unwrap();
        families().iter().any(|family| family.name() == name && family.kind() == MetricKind::Counter)
    };
    let samples = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.rsplit_once(' '));
    let samples = samples.filter(|(series, _)| is_counter(series));
    samples.map(|(series, value)| (series.to_owned(), value.parse().unwrap())).collect()
}

/// None may fall, and none vanish: Prometheus would take it for a restart.
fn assert_grown(before: &BTreeMap<String, f64>, after: &BTreeMap<String, f64>) {
    for (series, value) in before {
        let now = after.get(series).unwrap_or_else(|| panic!("{series} is gone"));
        assert!(now >= value, "{series} fell from {value} to {now}");
    }
}

/// Every call by its outcome, and all together.
fn calls(counters: &BTreeMap<String, f64>, service: &str) -> (f64, f64) {
    let of_service = |name: &str| format!("{name}{{service=\"{service}\"");
    let by_outcome =
        counters.iter().filter(|(series, _)| series.starts_with(&of_service("circuit_breaker_calls_total")));
    (by_outcome.map(|(_, value)| value).sum(), counters[&(of_service("circuit_breaker_requests_total") + "}")])
}

#[derive(Clone, Debug)]
enum Act {
    Call(Outcome),
    Cancel,
    /// Of one of more keys than there is room for.
    CallKey(u8, Outcome),
    Wait(u16),
    Reset,
    ForceOpen,
    Monitor,
    Enforce,
    Reconfigure(f64),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let outcome = prop_oneof![Just(Outcome::Success), Just(Outcome::Failure), Just(Outcome::Ignored)];
    let act = prop_oneof![
        8 => outcome.clone().prop_map(Act::Call),
        1 => Just(Act::Cancel),
        8 => (0..12_u8, outcome).prop_map(|(key, outcome)| Act::CallKey(key, outcome)),
        3 => (0..5000_u16).prop_map(Act::Wait),
        1 => Just(Act::Reset),
        1 => Just(Act::ForceOpen),
        1 => Just(Act::Monitor),
        1 => Just(Act::Enforce),
        1 => (1.0..100.0).prop_map(Act::Reconfigure),
    ];
    prop::collection::vec(act, 1..200)
}

fn config(failure_rate: f64) -> CircuitBreakerConfig {
    let second = Duration::from_secs(1);
    CircuitBreakerConfig::new()
        .failure_rate(failure_rate)
        .minimum_calls(4)
        .window(Window::Time(2 * second))
        .open_for(second)
        .max_keys(4)
}

/// What was called, of the breaker without keys and of the one with.
async fn play(
    acts: &[Act],
    observer: &Observer,
    plain: &Arc<CircuitBreaker>,
    keyed: &Arc<CircuitBreaker>,
) -> (f64, f64) {
    let (mut of_plain, mut of_keyed) = (0.0, 0.0);
    let mut before = counters(observer);
    for act in acts {
        let both = [plain, keyed];
        match act {
            Act::Call(outcome) => {
                of_plain += 1.0;
                if let Ok(permit) = plain.try_acquire() {
                    permit.record(*outcome);
                }
            }
            Act::Cancel => {
                of_plain += 1.0;
                drop(plain.try_acquire());
            }
            Act::CallKey(key, outcome) => {
                of_keyed += 1.0;
                if let Ok(permit) = keyed.keyed(key).try_acquire() {
                    permit.record(*outcome);
                }
            }
            Act::Wait(millis) => tokio::time::sleep(Duration::from_millis(u64::from(*millis))).await,
            Act::Reset => both.iter().for_each(|breaker| breaker.reset()),
            Act::ForceOpen => both.iter().for_each(|breaker| breaker.force_open()),
            Act::Monitor => both.iter().for_each(|breaker| breaker.monitor()),
            Act::Enforce => both.iter().for_each(|breaker| breaker.enforce()),
            Act::Reconfigure(rate) => both.iter().for_each(|breaker| breaker.reconfigure(config(*rate)).unwrap()),
        }
        let after = counters(observer);
        assert_grown(&before, &after);
        before = after;
    }
    (of_plain, of_keyed)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn counters_equal_the_calls_that_were_made_and_never_fall(acts in acts()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let scope = Scope::new();
            let _entered = scope.enter();
            let plain = CircuitBreaker::builder("plain").config(config(50.0)).register().unwrap();
            let keyed = CircuitBreaker::builder("keyed").config(config(50.0)).register().unwrap();
            let observer = Observer::new(scope.registry());
            let (of_plain, of_keyed) = play(&acts, &observer, &plain, &keyed).await;
            let counters = counters(&observer);
            assert_eq!(calls(&counters, "plain"), (of_plain, of_plain), "{acts:?}");
            assert_eq!(calls(&counters, "keyed"), (of_keyed, of_keyed), "{acts:?}");
        });
    }
}

#[test]
fn of_ten_thousand_calls_on_four_threads_every_one_is_counted_once() {
    let scope = Scope::new();
    let breaker = CircuitBreaker::builder("threads").consecutive_failures(20).open_for(Duration::from_millis(1));
    let breaker = {
        let _entered = scope.enter();
        breaker.register().unwrap()
    };
    let observer = Observer::new(scope.registry());
    std::thread::scope(|threads| {
        for thread in 0..4 {
            let breaker = &breaker;
            threads.spawn(move || {
                for call in 0..2500 {
                    let Ok(permit) = breaker.try_acquire() else { continue };
                    match (thread + call) % 7 {
                        0..3 => permit.success(),
                        3..6 => permit.failure(),
                        _ => drop(permit),
                    }
                }
            });
        }
        // Beside them, nothing falls.
        let mut before = counters(&observer);
        for _ in 0..20 {
            let after = counters(&observer);
            assert_grown(&before, &after);
            before = after;
        }
    });
    let counters = counters(&observer);
    assert_eq!(calls(&counters, "threads"), (10_000.0, 10_000.0));
}
