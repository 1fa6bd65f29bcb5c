//! What the exporter shows: of a program that has called nothing, of one that has, and of names that nobody should have chosen.

use resilience_observe::{Aliases, BuildError, KeySeries, Observer, TextFormat, families};
use resilience_runtime::testing::Scope;
use resilience_runtime::{
    Bulkhead, CircuitBreaker, Histogram, Kind, Outcome, Rate, RateLimiter, Rejection, Retry, circuit_breaker, fallback,
    retry, timeout,
};
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::time::Duration;
use tokio::time::sleep;

#[retry(name = "shown", attempts = 2, delay = "1ms")]
#[circuit_breaker("shown", failure_rate = 50, minimum_calls = 4)]
#[timeout(name = "shown", after = "1s")]
#[fallback(none)]
async fn shown(answer: Result<u32, &'static str>) -> Result<u32, ShownError> {
    answer.map_err(|_| ShownError)
}

/// A function's own counts are the process's, so nobody calls it in any test.
#[circuit_breaker("uncalled")]
#[fallback(none)]
async fn uncalled(answer: Result<u32, &'static str>) -> Result<u32, ShownError> {
    answer.map_err(|_| ShownError)
}

fn none(_: Result<u32, &'static str>) -> Result<u32, ShownError> {
    Err(ShownError)
}

#[derive(Clone, Debug, PartialEq)]
struct ShownError;

impl From<Rejection> for ShownError {
    fn from(_: Rejection) -> Self {
        Self
    }
}

/// Every sample of a text, by its name and labels.
fn samples(text: &str) -> BTreeMap<&str, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.rsplit_once(' ').map(|(series, value)| (series, value.parse().unwrap())).unwrap()).collect()
}

fn names(text: &str) -> BTreeSet<&str> {
    samples(text).keys().map(|series| series.split('{').next().unwrap()).collect()
}

#[test]
fn every_series_is_there_at_zero_before_the_first_call() {
    let scope = Scope::new();
    let _entered = scope.enter();
    let text = Observer::new(scope.registry()).metrics(TextFormat::Classic);
    let samples = samples(&text);
    for name in [
        "circuit_breaker_state",
        "circuit_breaker_failures_total",
        "circuit_breaker_successes_total",
        "circuit_breaker_rejects_total",
        "circuit_breaker_fallbacks_total",
        "circuit_breaker_requests_total",
        "circuit_breaker_requests_success_total",
        "circuit_breaker_requests_failed_total",
        "circuit_breaker_fallback_success_total",
    ] {
        assert_eq!(samples.get(&*format!("{name}{{service=\"uncalled\"}}")), Some(&0.0), "{name}\n{text}");
    }
    for outcome in ["success", "failure", "ignored", "cancelled", "abandoned", "stale", "rejected"] {
        let series = format!("circuit_breaker_calls_total{{service=\"uncalled\",outcome=\"{outcome}\"}}");
        assert_eq!(samples.get(&*series), Some(&0.0), "{text}");
    }
    for state in ["closed", "open", "half_open", "forced_open", "disabled", "monitoring"] {
        let series = format!("circuit_breaker_state_changes_total{{service=\"uncalled\",state=\"{state}\"}}");
        assert_eq!(samples.get(&*series), Some(&0.0), "{text}");
    }
    assert!(!text.contains("circuit_breaker_recovery_duration_seconds"), "no outage is over yet");
    let states: f64 = samples
        .iter()
        .filter(|(series, _)| series.starts_with("circuit_breaker_current_state{service=\"uncalled\""))
        .map(|(_, value)| value)
        .sum();
    assert_eq!(states, 1.0, "{text}");
    let info = "resilience_operation_info{operation=\"exposition::uncalled\",kind=\"circuit_breaker\",service=\"uncalled\",layer=\"1\"}";
    assert_eq!(samples.get(info), Some(&1.0), "{text}");
}

#[tokio::test(start_paused = true)]
async fn what_was_called_is_what_is_shown() {
    let scope = Scope::new();
    let _entered = scope.enter();
    let observer = Observer::new(scope.registry());
    let before = observer.metrics(TextFormat::Classic);
    let before = samples(&before);
    for _ in 0..3 {
        assert_eq!(shown(Ok(7)).await, Ok(7));
    }
    // Two attempts of the first, and one of the second: three failures of six open the breaker, which ends the retries.
    for _ in 0..3 {
        assert!(shown(Err("down")).await.is_err());
    }
    let text = observer.metrics(TextFormat::Classic);
    let after = samples(&text);
    // A function's own counts are the process's, and other tests call it too.
    let rise = |series: &str| after[series] - before.get(series).copied().unwrap_or_default();
    let calls =
        |outcome: &str| rise(&format!("circuit_breaker_calls_total{{service=\"shown\",outcome=\"{outcome}\"}}"));
    assert_eq!((calls("success"), calls("failure")), (3.0, 3.0), "{text}");
    assert!(calls("rejected") >= 1.0, "{text}");
    let all: f64 =
        ["success", "failure", "ignored", "cancelled", "abandoned", "stale", "rejected"].map(calls).iter().sum();
    assert_eq!(rise("circuit_breaker_requests_total{service=\"shown\"}"), all);
    assert_eq!(after["circuit_breaker_state{service=\"shown\"}"], 1.0, "{text}");
    assert_eq!(after["circuit_breaker_current_state{service=\"shown\",state=\"open\"}"], 1.0, "{text}");
    assert_eq!(after["circuit_breaker_failure_ratio{service=\"shown\"}"], 0.5, "{text}");
    assert_eq!(after["circuit_breaker_state_changes_total{service=\"shown\",state=\"open\"}"], 1.0, "{text}");
    assert_eq!(after["circuit_breaker_openings_total{service=\"shown\",reason=\"failure_rate\"}"], 1.0, "{text}");
    assert_eq!(after["resilience_retry_gave_up_total{service=\"shown\",why=\"circuit_open\"}"], 1.0, "{text}");
    assert!(after["circuit_breaker_probe_due_seconds{service=\"shown\"}"] > 0.0, "{text}");
    assert_eq!(rise("circuit_breaker_fallbacks_total{service=\"shown\"}"), 3.0, "{text}");
    assert_eq!(rise("circuit_breaker_fallback_success_total{service=\"shown\"}"), 0.0, "{text}");
    assert_eq!(rise("resilience_fallback_failures_total{operation=\"exposition::shown\"}"), 3.0, "{text}");
    assert_eq!(rise("resilience_retry_retries_total{service=\"shown\"}"), 1.0, "{text}");
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_told_with_its_length() -> Result<(), Box<dyn Error>> {
    let scope = Scope::new();
    let _entered = scope.enter();
    let breaker = CircuitBreaker::builder("outage")
        .consecutive_failures(1)
        .half_open_calls(1)
        .open_for(Duration::from_secs(30))
        .register()?;
    let observer = Observer::new(scope.registry());
    sleep(Duration::from_secs(10)).await;
    breaker.try_acquire()?.failure();
    sleep(Duration::from_secs(32)).await;
    breaker.try_acquire()?.success();
    sleep(Duration::from_secs(5)).await;
    let text = observer.metrics(TextFormat::Classic);
    let samples = samples(&text);
    let seconds =
        |state: &str| samples[&*format!("circuit_breaker_state_seconds_total{{service=\"outage\",state=\"{state}\"}}")];
    assert_eq!(["closed", "open", "half_open", "forced_open"].map(seconds), [15.0, 32.0, 0.0, 0.0], "{text}");
    assert_eq!(samples["circuit_breaker_recovery_duration_seconds{service=\"outage\"}"], 32.0, "{text}");
    assert_eq!(samples["circuit_breaker_recoveries_total{service=\"outage\"}"], 1.0, "{text}");
    Ok(())
}

/// One call of each of these lengths, in milliseconds, that ends so.
async fn calls(breaker: &CircuitBreaker, outcome: Outcome, millis: &[u64]) {
    for took in millis {
        let permit = breaker.try_acquire().unwrap();
        tokio::time::advance(Duration::from_millis(*took)).await;
        permit.record(outcome);
    }
}

#[tokio::test(start_paused = true)]
async fn a_histogram_has_exact_buckets_a_sum_and_a_count() -> Result<(), Box<dyn Error>> {
    let scope = Scope::new();
    let _entered = scope.enter();
    let breaker = CircuitBreaker::builder("timed").latency(true).failure_rate(100.0).register()?;
    CircuitBreaker::builder("untimed").register()?;
    let observer = Observer::new(scope.registry());
    calls(&breaker, Outcome::Success, &[1, 2, 3, 5, 10, 11, 500, 501, 9999, 10_001]).await;
    calls(&breaker, Outcome::Failure, &[250]).await;
    for format in [TextFormat::Classic, TextFormat::OpenMetrics] {
        let text = observer.metrics(format);
        assert!(text.contains("# TYPE circuit_breaker_call_duration_seconds histogram\n"), "{text}");
        let success: Vec<_> =
            text.lines().filter(|line| line.contains("_seconds") && line.contains("success")).collect();
        let [before, after] = ["circuit_breaker_call_duration_seconds_", "{service=\"timed\",outcome=\"success\""];
        let bucket = |(le, calls)| format!("{before}bucket{after},le=\"{le}\"}} {calls}");
        let buckets = [
            ("0.001", 1),
            ("0.0025", 2),
            ("0.005", 4),
            ("0.01", 5),
            ("0.025", 6),
            ("0.05", 6),
            ("0.1", 6),
            ("0.25", 6),
            ("0.5", 7),
            ("1.0", 8),
            ("2.5", 8),
            ("5.0", 8),
            ("10.0", 9),
            ("+Inf", 10),
        ];
        let ends = [format!("{before}sum{after}}} 21.033"), format!("{before}count{after}}} 10")];
        assert_eq!(success, buckets.map(bucket).into_iter().chain(ends).collect::<Vec<_>>());
        assert!(text.contains(&format!("{before}count{{service=\"timed\",outcome=\"failure\"}} 1\n")), "{text}");
        assert!(!text.contains(&format!("{before}count{{service=\"untimed\"")), "{text}");
    }

    // Beyond the bound, the sum of all.
    let other = CircuitBreaker::builder("untold").latency(true).register()?;
    calls(&other, Outcome::Success, &[20]).await;
    let few = [Duration::from_secs(10), Duration::from_millis(15), Duration::from_millis(15)];
    let text = Observer::builder(scope.registry()).fold_beyond(0).buckets(few).build()?.metrics(TextFormat::Classic);
    let buckets: Vec<_> = text.lines().filter(|line| line.contains("_bucket{") && line.contains("success")).collect();
    let bucket = |(le, calls)| {
        format!(
            "circuit_breaker_call_duration_seconds_bucket{{service=\"(other)\",outcome=\"success\",le=\"{le}\"}} {calls}"
        )
    };
    assert_eq!(buckets, [("0.015", 6), ("10.0", 10), ("+Inf", 11)].map(bucket));
    Ok(())
}

#[test]
fn a_bucket_that_cannot_be_had_is_refused_with_the_nearest() {
    let scope = Scope::new();
    for (bound, nearest) in [(7, "7.5ms"), (0, "100µs"), (110, "100ms"), (1_000_000, "100s")] {
        let bounds = [Duration::from_millis(5), Duration::from_millis(bound)];
        let refused = Observer::builder(scope.registry()).buckets(bounds).build().unwrap_err().to_string();
        assert!(refused.ends_with(&format!("the nearest one is `{nearest}`")), "{refused}");
    }
    assert!(Observer::builder(scope.registry()).buckets([]).build().is_ok());
    assert!(Observer::builder(scope.registry()).buckets(Histogram::BOUNDS).build().is_ok());
}

#[test]
fn both_formats_have_the_same_series() {
    let scope = Scope::new();
    let _entered = scope.enter();
    let observer = Observer::new(scope.registry());
    let (classic, open) = (observer.metrics(TextFormat::Classic), observer.metrics(TextFormat::OpenMetrics));
    let series = |text| samples(text).into_keys().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(series(&classic), series(&open));
    assert!(open.ends_with("# EOF\n") && !classic.contains("EOF"));
    assert!(classic.contains("# TYPE circuit_breaker_calls_total counter\n"));
    assert!(open.contains("# TYPE circuit_breaker_calls counter\n"));
    assert!(
        open.contains(
            "# TYPE resilience_timeout_limit_seconds gauge\n# UNIT resilience_timeout_limit_seconds seconds\n"
        )
    );
    for text in [classic, open] {
        let helps: Vec<_> = text.lines().filter(|line| line.starts_with("# HELP")).collect();
        assert_eq!(helps.len(), helps.iter().collect::<BTreeSet<_>>().len());
    }
}

#[test]
fn hostile_names_stay_between_their_quotes() -> Result<(), Box<dyn Error>> {
    let scope = Scope::new();
    let _entered = scope.enter();
    let name = "<img src=x onerror=alert(1)> \"quoted\" back\\slash} 1e9 # é";
    CircuitBreaker::builder(name).register()?;
    let text = Observer::new(scope.registry()).metrics(TextFormat::Classic);
    let shown = "<img src=x onerror=alert(1)> \\\"quoted\\\" back\\\\slash} 1e9 # é";
    assert!(text.contains(&format!("\ncircuit_breaker_state{{service=\"{shown}\"}} 0\n")), "{text}");
    Ok(())
}

#[test]
fn beyond_the_bound_counters_are_sums_and_whoever_was_first_stays() -> Result<(), Box<dyn Error>> {
    let scope = Scope::new();
    let _entered = scope.enter();
    for name in ["m1", "m2", "m3"] {
        CircuitBreaker::builder(name).register()?;
        Bulkhead::builder(name).max_concurrent(2).register()?;
    }
    Bulkhead::builder("m4").max_concurrent(2).register()?;
    // Three breakers, and those of the two functions of this file.
    let observer = Observer::builder(scope.registry()).fold_beyond(5).build()?;
    let before = observer.metrics(TextFormat::Classic);
    assert!(!before.contains("\"(other)\""), "{before}");
    for name in ["a1", "a2"] {
        let breaker = CircuitBreaker::builder(name).register()?;
        breaker.force_open();
        assert!(breaker.try_acquire().is_err());
        Bulkhead::builder(name).max_concurrent(3).register()?;
    }
    let text = observer.metrics(TextFormat::Classic);
    let samples = samples(&text);
    assert_eq!(samples["circuit_breaker_rejects_total{service=\"(other)\"}"], 2.0, "{text}");
    assert_eq!(samples["circuit_breaker_state{service=\"(other)\"}"], 1.0, "{text}");
    assert_eq!(samples["circuit_breaker_current_state{service=\"(other)\",state=\"forced_open\"}"], 2.0, "{text}");
    assert_eq!(samples["resilience_folded_policies{kind=\"circuit_breaker\"}"], 2.0, "{text}");
    assert_eq!(samples["resilience_policies{kind=\"circuit_breaker\"}"], 7.0, "{text}");
    // There was room for one of the two bulkheads.
    assert_eq!(samples["resilience_bulkhead_limit{service=\"(other)\"}"], 3.0, "{text}");
    assert!(samples.contains_key("circuit_breaker_state{service=\"m3\"}"), "{text}");
    assert!(!text.contains("circuit_breaker_enforced_ratio{service=\"(other)\"}"), "a share of several means nothing");
    Ok(())
}

#[test]
fn who_is_taken_out_leaves_room_for_another_and_who_was_beyond_the_bound_stays_there() -> Result<(), Box<dyn Error>> {
    let scope = Scope::new();
    let _entered = scope.enter();
    let observer = Observer::builder(scope.registry()).fold_beyond(1).build()?;
    let has_series = |name: &str| {
        let text = observer.metrics(TextFormat::Classic);
        text.contains(&format!("\nresilience_bulkhead_limit{{service=\"{name}\"}}"))
    };
    for name in ["acme", "globex"] {
        Bulkhead::builder(name).register()?;
        assert_eq!(has_series(name), name == "acme");
    }
    assert!(scope.registry().remove(Kind::Bulkhead, "acme")?);
    assert!(!has_series("acme") && !has_series("globex"), "the sum of those beyond the bound does not fall");
    Bulkhead::builder("initech").register()?;
    assert!(has_series("initech") && !has_series("globex"));
    Ok(())
}

#[test]
fn what_those_beyond_the_bound_have_counted_does_not_fall_when_one_of_them_is_taken_out() -> Result<(), Box<dyn Error>>
{
    let scope = Scope::new();
    let _entered = scope.enter();
    let observer = Observer::builder(scope.registry()).fold_beyond(0).build()?;
    let reject = |name: &str, calls: usize| {
        let bulkhead = scope.registry().bulkhead(name).unwrap();
        let inside = bulkhead.try_acquire().unwrap();
        (0..calls).for_each(|_| drop(bulkhead.try_acquire().unwrap_err()));
        drop(inside);
    };
    let rejected = || {
        let text = observer.metrics(TextFormat::Classic);
        samples(&text)["resilience_bulkhead_rejects_total{service=\"(other)\",why=\"full\"}"]
    };
    for name in ["acme", "globex"] {
        Bulkhead::builder(name).max_concurrent(1).register()?;
    }
    reject("acme", 7);
    reject("globex", 2);
    assert_eq!(rejected(), 9.0);
    assert!(scope.registry().remove(Kind::Bulkhead, "acme")?);
    assert_eq!(rejected(), 9.0, "Prometheus would take 2 for a restart, after which 2 were counted");
    reject("globex", 3);
    assert_eq!(rejected(), 12.0);
    Bulkhead::builder("acme").max_concurrent(1).register()?;
    reject("acme", 1);
    assert_eq!(rejected(), 13.0);
    // What is no counter is as it is.
    let text = observer.metrics(TextFormat::Classic);
    assert_eq!(samples(&text)["resilience_bulkhead_limit{service=\"(other)\"}"], 2.0);
    Ok(())
}

#[test]
fn who_is_called_like_those_beyond_the_bound_is_one_of_them() -> Result<(), Box<dyn Error>> {
    let scope = Scope::new();
    let _entered = scope.enter();
    for name in ["(other)", "one", "two"] {
        Bulkhead::builder(name).max_concurrent(3).register()?;
    }
    let text = Observer::builder(scope.registry()).fold_beyond(1).build()?.metrics(TextFormat::Classic);
    let limits = text.lines().filter(|line| line.starts_with("resilience_bulkhead_limit{")).collect::<Vec<_>>();
    let expected = ["resilience_bulkhead_limit{service=\"one\"} 3", "resilience_bulkhead_limit{service=\"(other)\"} 6"];
    assert_eq!(limits, expected, "each series is there once");
    Ok(())
}

#[test]
fn keys_of_a_policy_beyond_the_bound_have_no_series_either() -> Result<(), Box<dyn Error>> {
    let scope = Scope::new();
    let _entered = scope.enter();
    for name in ["a", "b"] {
        let breaker = CircuitBreaker::builder(name).consecutive_failures(1).register()?;
        breaker.keyed(1).try_acquire().unwrap().failure();
    }
    let keys = KeySeries::NotClosed { at_most: 2 };
    let text = Observer::builder(scope.registry()).fold_beyond(1).keys(keys).build()?.metrics(TextFormat::Classic);
    let of_keys: Vec<_> = text.lines().filter(|line| line.starts_with("circuit_breaker_key_state{")).collect();
    assert_eq!(of_keys, ["circuit_breaker_key_state{service=\"a\",key=\"1\"} 1"], "{text}");
    Ok(())
}

#[test]
fn keys_are_told_one_by_one_where_that_is_wanted() -> Result<(), Box<dyn Error>> {
    let scope = Scope::new();
    let _entered = scope.enter();
    let stock = CircuitBreaker::builder("stock").consecutive_failures(1).register()?;
    for warehouse in 0..5 {
        stock.keyed(warehouse).try_acquire().unwrap().failure();
    }
    let plain = Observer::new(scope.registry()).metrics(TextFormat::Classic);
    assert!(plain.contains("circuit_breaker_keys{service=\"stock\"} 5\n"), "{plain}");
    assert!(plain.contains("circuit_breaker_keys_not_closed{service=\"stock\"} 5\n"), "{plain}");
    assert!(!plain.contains("circuit_breaker_key_state"), "{plain}");
    let observer = Observer::builder(scope.registry()).keys(KeySeries::NotClosed { at_most: 2 }).build()?;
    let text = observer.metrics(TextFormat::Classic);
    let of_keys = samples(&text).into_iter().filter(|(series, _)| series.starts_with("circuit_breaker_key_state{"));
    assert_eq!(of_keys.map(|(_, value)| value).collect::<Vec<_>>(), [1.0, 1.0], "{text}");
    Ok(())
}

#[test]
fn keys_of_bulkheads_and_rate_limiters_are_counted_and_those_that_reject_the_most_are_told_one_by_one()
-> Result<(), Box<dyn Error>> {
    let scope = Scope::new();
    let _entered = scope.enter();
    let store = Bulkhead::builder("store").max_concurrent(1).max_keys(4).register()?;
    let users = RateLimiter::builder("users").rate(Rate::new(1, Duration::from_secs(3600))).max_keys(4).register()?;
    let _others = Bulkhead::builder("no keys").register()?;
    // Key 1 rejects once, key 2 twice, and so on; key 0 never does.
    let inside: Vec<_> = (0..4).map(|key| store.keyed(key).try_acquire().unwrap()).collect();
    for key in 0..4 {
        users.keyed(key).try_acquire().unwrap();
        for _ in 0..key {
            drop(store.keyed(key).try_acquire().unwrap_err());
            drop(users.keyed(key).try_acquire().unwrap_err());
        }
    }
    let plain = Observer::new(scope.registry()).metrics(TextFormat::Classic);
    let plain = samples(&plain);
    assert_eq!(plain["resilience_bulkhead_keys{service=\"store\"}"], 4.0);
    assert_eq!(plain["resilience_bulkhead_keys_full{service=\"store\"}"], 4.0);
    assert_eq!(plain["resilience_rate_limit_keys{service=\"users\"}"], 4.0);
    assert_eq!(plain["resilience_rate_limit_keys_exhausted{service=\"users\"}"], 4.0);
    assert!(!plain.contains_key("resilience_bulkhead_keys{service=\"no keys\"}"), "it has none");
    assert!(!plain.keys().any(|series| series.contains("_key_rejects_total")), "nobody asked for them");

    let observer = Observer::builder(scope.registry()).keys(KeySeries::NotClosed { at_most: 2 }).build()?;
    let text = observer.metrics(TextFormat::Classic);
    let of_keys = samples(&text).into_iter().filter(|(series, _)| series.contains("_key_rejects_total{"));
    let expected = [
        ("resilience_bulkhead_key_rejects_total{service=\"store\",key=\"2\"}", 2.0),
        ("resilience_bulkhead_key_rejects_total{service=\"store\",key=\"3\"}", 3.0),
        ("resilience_rate_limit_key_rejects_total{service=\"users\",key=\"2\"}", 2.0),
        ("resilience_rate_limit_key_rejects_total{service=\"users\",key=\"3\"}", 3.0),
    ];
    assert_eq!(of_keys.collect::<Vec<_>>(), expected, "{text}");
    let all = Observer::builder(scope.registry()).keys(KeySeries::NotClosed { at_most: 10 }).build()?;
    let text = all.metrics(TextFormat::Classic);
    let of_store =
        samples(&text).into_iter().filter(|(name, _)| name.starts_with("resilience_bulkhead_key_rejects_total{"));
    assert_eq!(of_store.map(|(_, rejects)| rejects).collect::<Vec<_>>(), [1.0, 2.0, 3.0], "key 0 has rejected nothing");
    // Others come in their place, and where there is no room for them that is counted.
    drop(inside);
    drop(store.keyed(4).try_acquire().unwrap());
    drop(users.keyed(4).try_acquire());
    let after = observer.metrics(TextFormat::Classic);
    let after = samples(&after);
    assert_eq!(after["resilience_bulkhead_key_evictions_total{service=\"store\"}"], 1.0);
    let of_users = ["evictions", "overflows"]
        .map(|what| after[&*format!("resilience_rate_limit_key_{what}_total{{service=\"users\"}}")]);
    assert_eq!(of_users.iter().sum::<f64>(), 1.0);
    Ok(())
}

#[test]
fn aliases_can_be_left_out_and_the_label_be_another() -> Result<(), Box<dyn Error>> {
    let scope = Scope::new();
    let _entered = scope.enter();
    Retry::builder("plain").attempts(2).register()?;
    let observer = Observer::builder(scope.registry()).aliases(Aliases::None).label("breaker").build()?;
    let text = observer.metrics(TextFormat::Classic);
    let names = names(&text);
    for family in families() {
        assert!(!(family.is_alias() && names.contains(family.name())), "{}", family.name());
    }
    assert!(text.contains("resilience_retry_retries_total{breaker=\"plain\"} 0\n"), "{text}");
    assert!(!text.contains("service="), "{text}");
    for label in ["", "9", "a-b", "__name__", "é"] {
        let refused = Observer::builder(scope.registry()).label(label).build().unwrap_err();
        assert_eq!(refused, BuildError::InvalidLabel(label.to_owned()));
    }
    for label in ["state", "outcome", "why", "kind", "operation", "key", "le"] {
        let refused = Observer::builder(scope.registry()).label(label).build().unwrap_err();
        assert_eq!(refused, BuildError::LabelIsTaken(label.to_owned()));
    }
    Ok(())
}
