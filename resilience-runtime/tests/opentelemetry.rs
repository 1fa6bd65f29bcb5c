//! The span of a guarded call as OpenTelemetry exports it: `cargo test -p resilience-runtime --features tracing,test-util --test opentelemetry`.
#![cfg(all(feature = "tracing", feature = "test-util"))]

mod collector;

use collector::beside_others;
use opentelemetry::Value;
use opentelemetry::trace::{Status, TracerProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use resilience_runtime::testing::Scope;
use resilience_runtime::{Rejection, circuit_breaker, fallback, registry, retry};
use std::collections::BTreeMap;
use std::time::Duration;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

#[derive(Debug, Clone, PartialEq)]
enum Error {
    Failed,
    Rejected,
}

impl From<Rejection> for Error {
    fn from(_: Rejection) -> Self {
        Self::Rejected
    }
}

/// For this thread, until the guard is dropped.
fn export() -> (InMemorySpanExporter, SdkTracerProvider, DefaultGuard) {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    // As people install it, with the place of each span in the source.
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("resilience"));
    beside_others();
    let guard = tracing_subscriber::registry().with(layer).set_default();
    (exporter, provider, guard)
}

/// The spans so far, each with its attributes, none of which may be there twice.
fn exported(exporter: &InMemorySpanExporter) -> Vec<(SpanData, BTreeMap<String, Value>)> {
    let spans = exporter.get_finished_spans().unwrap().into_iter().filter(|span| span.attributes.iter().any(is_ours));
    let with_attributes = |span: SpanData| {
        let mut attributes = BTreeMap::new();
        for attribute in &span.attributes {
            let before = attributes.insert(attribute.key.to_string(), attribute.value.clone());
            assert!(before.is_none(), "{} is there twice: {before:?} and {:?}", attribute.key, attribute.value);
        }
        (span, attributes)
    };
    spans.map(with_attributes).collect()
}

fn is_ours(attribute: &opentelemetry::KeyValue) -> bool {
    attribute.key.as_str() == "code.function.name"
}

fn only(exporter: &InMemorySpanExporter) -> (SpanData, BTreeMap<String, Value>) {
    let mut spans = exported(exporter);
    assert_eq!(spans.len(), 1, "{spans:?}");
    spans.remove(0)
}

#[circuit_breaker("otel: probed", consecutive_failures = 1, open_for = "1s", half_open_calls = 1)]
async fn probed(fails: bool) -> Result<(), Error> {
    if fails { Err(Error::Failed) } else { Ok(()) }
}

#[retry(attempts = 3, delay = "10ms")]
#[fallback(broken)]
async fn mail() -> Result<(), Error> {
    Err(Error::Failed)
}

fn broken() -> Result<(), Error> {
    Err(Error::Failed)
}

#[circuit_breaker("otel: answered", consecutive_failures = 1)]
#[fallback(answer)]
async fn answered() -> Result<(), Error> {
    Err(Error::Failed)
}

fn answer() -> Result<(), Error> {
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_has_the_status_of_an_error_and_its_place_once() {
    let (exporter, _provider, _guard) = export();
    Scope::new().wrap(async { probed(true).await.unwrap_err() }).await;
    let (span, attributes) = only(&exporter);
    assert_eq!(span.name, "probed");
    assert!(matches!(span.status, Status::Error { .. }), "{:?}", span.status);
    assert_eq!(attributes["error.type"], "opentelemetry::Error".into());
    assert_eq!(attributes["code.function.name"], "opentelemetry::probed".into());
    assert!(attributes["code.file.path"].as_str().ends_with("tests/opentelemetry.rs"), "{attributes:?}");
    let operation = registry().operations().find(|operation| operation.function() == "probed").unwrap();
    assert_eq!(attributes["code.line.number"], Value::I64(operation.line().into()), "a number");
    assert!(!attributes.contains_key("code.module.name"), "that of the function is in its name: {attributes:?}");
    assert!(!attributes.contains_key("resilience.probe"));
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_fallback_fails_too_is_an_error_and_one_that_is_answered_is_not() {
    let (exporter, _provider, _guard) = export();
    mail().await.unwrap_err();
    let (span, attributes) = only(&exporter);
    assert!(matches!(span.status, Status::Error { .. }), "{:?}", span.status);
    assert_eq!(attributes["error.type"], "opentelemetry::Error".into());
    assert_eq!(attributes["resilience.attempts"], Value::I64(3));
    assert_eq!(attributes["resilience.elapsed_ms"].to_string().parse::<i64>().map(|millis| millis >= 0), Ok(true));
    assert!(matches!(attributes["resilience.elapsed_ms"], Value::I64(_)), "a number");
    assert_eq!(attributes["resilience.fallback"], Value::Bool(true));
    exporter.reset();
    Scope::new().wrap(async { answered().await.unwrap() }).await;
    let (span, attributes) = only(&exporter);
    assert_eq!(span.status, Status::Unset, "what was answered is no error");
    assert_eq!(attributes["resilience.fallback.reason"], "opentelemetry::Error".into());
    assert!(!attributes.contains_key("error.type"));
}

#[tokio::test(start_paused = true)]
async fn a_probe_and_a_call_that_would_be_rejected_say_so() {
    let scope = Scope::new();
    let (exporter, _provider, _guard) = export();
    scope
        .wrap(async {
            probed(true).await.unwrap_err();
            assert_eq!(probed(false).await, Err(Error::Rejected));
            tokio::time::sleep(Duration::from_secs(2)).await;
            probed(false).await.unwrap();
            probed(false).await.unwrap();
            registry().circuit_breaker("otel: probed").unwrap().monitor();
            probed(true).await.unwrap_err();
            probed(false).await.unwrap();
        })
        .await;
    let said = |name: &str| -> Vec<bool> {
        exported(&exporter).iter().map(|(_, attributes)| attributes.get(name) == Some(&Value::Bool(true))).collect()
    };
    assert_eq!(said("resilience.probe"), [false, false, true, false, false, false]);
    assert_eq!(said("resilience.would_reject"), [false, false, false, false, false, true]);
    let (rejected, attributes) = &exported(&exporter)[1];
    assert!(matches!(rejected.status, Status::Error { .. }), "{:?}", rejected.status);
    assert_eq!(attributes["error.type"], "circuit_open".into());
    assert_eq!(attributes["resilience.name"], "otel: probed".into());
}

#[tokio::test(start_paused = true)]
async fn what_an_event_says_is_in_fields_and_its_numbers_are_numbers() {
    let (exporter, provider, _guard) = export();
    let tracer = provider.tracer("caller");
    drop(tracer);
    mail().await.unwrap_err();
    let (span, _) = only(&exporter);
    let retries: Vec<_> = span
        .events
        .iter()
        .map(|event| {
            event.attributes.iter().map(|of| (of.key.to_string(), of.value.clone())).collect::<BTreeMap<_, _>>()
        })
        .filter(|attributes| attributes.get("resilience.event") == Some(&"retry".into()))
        .collect();
    assert_eq!(retries.len(), 2, "{:?}", span.events);
    for (nth, attributes) in (1..).zip(&retries) {
        assert_eq!(attributes["resilience.attempt"], Value::I64(nth));
        assert!(matches!(attributes["resilience.wait_ms"], Value::I64(_)), "{attributes:?}");
        assert!(matches!(attributes["resilience.sequence"], Value::I64(_)), "{attributes:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_span_of_somebody_else_is_left_alone() {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("resilience"));
    beside_others();
    let others = tracing_subscriber::filter::filter_fn(|metadata| metadata.target() != "resilience");
    let _guard =
        tracing_subscriber::registry().with(tracing_subscriber::Layer::with_filter(layer, others)).set_default();
    let outer =
        tracing::info_span!("outer", otel.status_code = tracing::field::Empty, error.r#type = tracing::field::Empty);
    tracing::Instrument::instrument(async { mail().await.unwrap_err() }, outer).await;
    let spans = exporter.get_finished_spans().unwrap();
    assert_eq!(spans.len(), 1, "{spans:?}");
    assert_eq!(spans[0].status, Status::Unset, "whether that failed is not ours to say");
}
