//! What an exporter of OpenTelemetry is handed: the truth, also beyond what the SDK keeps.

#![cfg(feature = "opentelemetry")]

use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData, ResourceMetrics};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use resilience_observe::{KeySeries, Observer};
use resilience_runtime::testing::Scope;
use resilience_runtime::{Bulkhead, CircuitBreaker, CircuitBreakerConfig, Kind};
use std::collections::BTreeMap;

/// Every point, by its instrument and its attributes.
type Points = BTreeMap<(String, BTreeMap<String, String>), f64>;

struct Collected {
    exporter: InMemoryMetricExporter,
    provider: SdkMeterProvider,
}

impl Collected {
    fn of(observer: &Observer) -> Self {
        let exporter = InMemoryMetricExporter::default();
        let provider =
            SdkMeterProvider::builder().with_reader(PeriodicReader::builder(exporter.clone()).build()).build();
        observer.meter(&provider.meter("resilience"));
        Self { exporter, provider }
    }

    fn points(&self) -> Points {
        self.exporter.reset();
        self.provider.force_flush().unwrap();
        let collections = self.exporter.get_finished_metrics().unwrap();
        let [collection] = &collections[..] else { panic!("one collection, and not {}", collections.len()) };
        points(collection)
    }
}

fn points(metrics: &ResourceMetrics) -> Points {
    let mut points = Points::new();
    for metric in metrics.scope_metrics().flat_map(|scope| scope.metrics()) {
        let mut add = |attributes: BTreeMap<String, String>, value: f64| {
            assert!(points.insert((metric.name().to_owned(), attributes), value).is_none(), "{}", metric.name());
        };
        match metric.data() {
            AggregatedMetrics::F64(MetricData::Sum(sum)) => {
                assert!(sum.is_monotonic(), "{}", metric.name());
                sum.data_points().for_each(|point| add(named(point.attributes()), point.value()));
            }
            AggregatedMetrics::F64(MetricData::Gauge(gauge)) => {
                gauge.data_points().for_each(|point| add(named(point.attributes()), point.value()));
            }
            _ => panic!("{} is neither", metric.name()),
        }
    }
    points
}

fn named<'a>(attributes: impl Iterator<Item = &'a opentelemetry::KeyValue>) -> BTreeMap<String, String> {
    attributes.map(|attribute| (attribute.key.to_string(), attribute.value.to_string())).collect()
}

fn of<const N: usize>(instrument: &str, attributes: [(&str, &str); N]) -> (String, BTreeMap<String, String>) {
    let attributes = attributes.map(|(name, value)| (name.to_owned(), value.to_owned()));
    (instrument.to_owned(), attributes.into())
}

#[test]
fn three_thousand_breakers_add_up_and_none_beyond_the_bound_is_lost() {
    let scope = Scope::new();
    let _entered = scope.enter();
    for nth in 0..3000 {
        let breaker = CircuitBreaker::builder(format!("breaker {nth}")).register().unwrap();
        (0..nth % 3).for_each(|_| breaker.try_acquire().unwrap().success());
        breaker.try_acquire().unwrap().ignore();
    }
    let observer = Observer::builder(scope.registry()).fold_beyond(usize::MAX).build().unwrap();
    let collected = Collected::of(&observer);
    let points = collected.points();
    let sum = |outcome: &str| {
        let of_outcome = points.iter().filter(|((instrument, attributes), _)| {
            instrument == "resilience.circuit_breaker.calls"
                && attributes.get("resilience.outcome").is_some_and(|of| of == outcome)
        });
        of_outcome.map(|(_, value)| value).sum::<f64>()
    };
    assert_eq!((sum("success"), sum("ignored"), sum("failure")), (3000.0, 3000.0, 0.0));
    let other = [("resilience.name", "(other)"), ("resilience.outcome", "ignored")];
    assert_eq!(points[&of("resilience.circuit_breaker.calls", other)], 3000.0 - 271.0);
    assert!(!points.keys().any(|(_, attributes)| attributes.contains_key("otel.metric.overflow")));
    assert_eq!(points[&of("resilience.policies", [("resilience.policy", "circuit_breaker")])], 3000.0);
}

#[test]
fn what_those_beyond_the_bound_have_counted_does_not_fall_when_one_of_them_is_taken_out() {
    let scope = Scope::new();
    let _entered = scope.enter();
    // One instrument has seven outcomes of 271 policies.
    for nth in 0..273 {
        let breaker = CircuitBreaker::builder(format!("breaker {nth:03}")).register().unwrap();
        (0..nth).for_each(|_| breaker.try_acquire().unwrap().ignore());
    }
    let collected = Collected::of(&Observer::new(scope.registry()));
    let other = || {
        let attributes = [("resilience.name", "(other)"), ("resilience.outcome", "ignored")];
        collected.points()[&of("resilience.circuit_breaker.calls", attributes)]
    };
    assert_eq!(other(), 271.0 + 272.0);
    assert!(scope.registry().remove(Kind::CircuitBreaker, "breaker 271").unwrap());
    assert_eq!(other(), 271.0 + 272.0);
    scope.registry().circuit_breaker("breaker 272").unwrap().try_acquire().unwrap().ignore();
    assert_eq!(other(), 271.0 + 272.0 + 1.0);
}

#[test]
fn a_policy_is_told_as_it_is_at_each_collection() {
    let scope = Scope::new();
    let _entered = scope.enter();
    let breaker = CircuitBreaker::builder("payment").consecutive_failures(1).register().unwrap();
    let bulkhead = Bulkhead::builder("payment").max_concurrent(2).register().unwrap();
    let collected = Collected::of(&Observer::builder(scope.registry()).label("breaker").build().unwrap());
    let name = ("resilience.name", "payment");
    let before = collected.points();
    assert_eq!(before[&of("resilience.circuit_breaker.state", [name])], 0.0);
    assert_eq!(before[&of("resilience.circuit_breaker.openings", [name, ("resilience.reason", "forced")])], 0.0);
    let latency = CircuitBreakerConfig::new().consecutive_failures(1).latency(true);
    breaker.reconfigure(latency).unwrap();
    breaker.try_acquire().unwrap().failure();
    let took = breaker.snapshot().latency.unwrap().failure.sum().as_secs_f64();
    let _place = bulkhead.try_acquire().unwrap();
    let after = collected.points();
    assert_eq!(after[&of("resilience.circuit_breaker.state", [name])], 1.0);
    let opened = [name, ("resilience.reason", "consecutive_failures")];
    assert_eq!(after[&of("resilience.circuit_breaker.openings", opened)], 1.0);
    assert_eq!(after[&of("resilience.bulkhead.inside", [name])], 1.0);
    let failed = [name, ("resilience.outcome", "failure")];
    assert_eq!(after[&of("resilience.circuit_breaker.call.time", failed)], took);
}

#[test]
fn a_key_that_is_closed_again_vanishes() {
    let scope = Scope::new();
    let _entered = scope.enter();
    let stock = CircuitBreaker::builder("stock").consecutive_failures(1).register().unwrap();
    (0..3).for_each(|warehouse| stock.keyed(warehouse).try_acquire().unwrap().failure());
    let observer = Observer::builder(scope.registry()).keys(KeySeries::NotClosed { at_most: 10 }).build().unwrap();
    let collected = Collected::of(&observer);
    let keys = |points: Points| {
        points.into_keys().filter(|(instrument, _)| instrument == "resilience.circuit_breaker.key_state").count()
    };
    assert_eq!(keys(collected.points()), 3);
    stock.of_keys()[1].reset();
    assert_eq!(keys(collected.points()), 2);
}
