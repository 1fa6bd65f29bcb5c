//! Counters equal the truth and never fall, whatever is done to the policies meanwhile.

use proptest::prelude::*;
use resilience_observe::{MetricKind, Observer, TextFormat, families};
use resilience_runtime::testing::Scope;
use resilience_runtime::{CircuitBreaker, CircuitBreakerConfig, Outcome, Permit, Window};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The samples of all counters, and of all histograms, which are counters too.
fn counters(observer: &Observer) -> BTreeMap<String, f64> {
    let text = observer.metrics(TextFormat::Classic);
    let is_counter = |series: &str| {
        let name = series.split(['{', ' ']).next().unwrap();
        families().iter().any(|family| match family.kind() {
            MetricKind::Counter => family.name() == name,
            MetricKind::Histogram => {
                name.strip_prefix(family.name()).is_some_and(|end| ["_bucket", "_sum", "_count"].contains(&end))
            }
            _ => false,
        })
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

/// How long the calls took that succeeded or failed while that was measured, in milliseconds, by the word for their outcome.
type Took = BTreeMap<&'static str, Vec<u16>>;

/// Of each of the outcomes: every bucket, the sum and the number.
fn assert_times(counters: &BTreeMap<String, f64>, service: &str, took: &Took) {
    for (outcome, took) in took {
        let series = |end: &str, le: &str| {
            let name = "circuit_breaker_call_duration_seconds";
            counters[&format!("{name}_{end}{{service=\"{service}\",outcome=\"{outcome}\"{le}}}")]
        };
        for bound in ["0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "+Inf"] {
            // "+Inf" is a number, and larger than all others.
            let within = took.iter().filter(|took| f64::from(**took) / 1000.0 <= bound.parse::<f64>().unwrap());
            let counted = series("bucket", &format!(",le=\"{bound}\""));
            assert_eq!(counted, within.count() as f64, "{service}, {outcome}, up to {bound}: {took:?}");
        }
        assert_eq!(series("count", ""), took.len() as f64, "{service}, {outcome}: {took:?}");
        let sum: u64 = took.iter().map(|took| u64::from(*took)).sum();
        let told = series("sum", "");
        assert!((told - sum as f64 / 1000.0).abs() < 1e-9, "{service}, {outcome}: {told} of {took:?}");
    }
}

#[derive(Clone, Debug)]
enum Act {
    /// It takes so many milliseconds.
    Call(Outcome, u16),
    Cancel,
    /// Of one of more keys than there is room for.
    CallKey(u8, Outcome, u16),
    Wait(u16),
    Reset,
    ForceOpen,
    Monitor,
    Enforce,
    /// With another failure rate, and with times or without.
    Reconfigure(f64, bool),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let outcome = prop_oneof![Just(Outcome::Success), Just(Outcome::Failure), Just(Outcome::Ignored)];
    let act = prop_oneof![
        8 => (outcome.clone(), took()).prop_map(|(outcome, took)| Act::Call(outcome, took)),
        1 => Just(Act::Cancel),
        8 => (0..12_u8, outcome, took()).prop_map(|(key, outcome, took)| Act::CallKey(key, outcome, took)),
        3 => (0..5000_u16).prop_map(Act::Wait),
        1 => Just(Act::Reset),
        1 => Just(Act::ForceOpen),
        1 => Just(Act::Monitor),
        1 => Just(Act::Enforce),
        1 => (1.0..100.0, any::<bool>()).prop_map(|(rate, is_timed)| Act::Reconfigure(rate, is_timed)),
    ];
    prop::collection::vec(act, 1..200)
}

/// Bounds are among them, and what lies beside them.
fn took() -> impl Strategy<Value = u16> {
    prop_oneof![Just(0), Just(1), Just(2), Just(5), Just(6), 0..30_u16, 90..110_u16, Just(250), 0..3000_u16]
}

fn config(failure_rate: f64, is_timed: bool) -> CircuitBreakerConfig {
    let second = Duration::from_secs(1);
    CircuitBreakerConfig::new()
        .failure_rate(failure_rate)
        .minimum_calls(4)
        .window(Window::Time(2 * second))
        .open_for(second)
        .max_keys(4)
        .latency(is_timed)
}

/// What was called, and how long it took, of the breaker without keys and of the one with.
async fn play(
    acts: &[Act],
    observer: &Observer,
    plain: &Arc<CircuitBreaker>,
    keyed: &Arc<CircuitBreaker>,
) -> [(f64, Took); 2] {
    let none = Took::from([("success", Vec::new()), ("failure", Vec::new())]);
    let mut made = [(0.0, none.clone()), (0.0, none)];
    let mut is_timed = true;
    let mut before = counters(observer);
    for act in acts {
        let both = [plain, keyed];
        match act {
            Act::Call(outcome, millis) => {
                call(&mut made[0], plain, plain.try_acquire().ok(), (*outcome, *millis), is_timed).await;
            }
            Act::Cancel => {
                made[0].0 += 1.0;
                drop(plain.try_acquire());
            }
            Act::CallKey(key, outcome, millis) => {
                call(&mut made[1], keyed, keyed.keyed(key).try_acquire().ok(), (*outcome, *millis), is_timed).await;
            }
            Act::Wait(millis) => sleep(*millis).await,
            Act::Reset => both.iter().for_each(|breaker| breaker.reset()),
            Act::ForceOpen => both.iter().for_each(|breaker| breaker.force_open()),
            Act::Monitor => both.iter().for_each(|breaker| breaker.monitor()),
            Act::Enforce => both.iter().for_each(|breaker| breaker.enforce()),
            Act::Reconfigure(rate, times) => {
                is_timed = *times;
                both.iter().for_each(|breaker| breaker.reconfigure(config(*rate, is_timed)).unwrap());
            }
        }
        let after = counters(observer);
        assert_grown(&before, &after);
        before = after;
    }
    made
}

async fn sleep(millis: u16) {
    tokio::time::sleep(Duration::from_millis(u64::from(millis))).await;
}

/// Makes a call, if it may be made, and writes it down.
async fn call(
    (calls, took): &mut (f64, Took),
    breaker: &CircuitBreaker,
    permit: Option<Permit<'_>>,
    (outcome, millis): (Outcome, u16),
    is_timed: bool,
) {
    *calls += 1.0;
    let Some(permit) = permit else { return };
    let stale = breaker.totals().stale;
    sleep(millis).await;
    permit.record(outcome);
    let word = match outcome {
        Outcome::Success => "success",
        Outcome::Failure => "failure",
        _ => return,
    };
    // A call that nobody judges is none of either outcome.
    if is_timed && breaker.totals().stale == stale {
        took.get_mut(word).unwrap().push(millis);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn counters_equal_the_calls_that_were_made_and_never_fall(acts in acts()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let scope = Scope::new();
            let _entered = scope.enter();
            let plain = CircuitBreaker::builder("plain").config(config(50.0, true)).register().unwrap();
            let keyed = CircuitBreaker::builder("keyed").config(config(50.0, true)).register().unwrap();
            let observer = Observer::new(scope.registry());
            let made = play(&acts, &observer, &plain, &keyed).await;
            let counters = counters(&observer);
            for (service, (of_service, took)) in ["plain", "keyed"].into_iter().zip(made) {
                assert_eq!(calls(&counters, service), (of_service, of_service), "{acts:?}");
                assert_times(&counters, service, &took);
            }
        });
    }
}

#[test]
fn of_ten_thousand_calls_on_four_threads_every_one_is_counted_once() {
    let scope = Scope::new();
    let breaker = CircuitBreaker::builder("threads").consecutive_failures(20).open_for(Duration::from_millis(1));
    let breaker = breaker.latency(true);
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
    for outcome in ["success", "failure"] {
        let series =
            |name: &str| counters[&format!("circuit_breaker_{name}{{service=\"threads\",outcome=\"{outcome}\"}}")];
        assert_eq!(series("call_duration_seconds_count"), series("calls_total"), "{outcome}");
    }
}
