//! What `tracing` is told, with the feature of that name: `cargo test -p resilience-runtime --features tracing,test-util --test tracing`.
#![cfg(all(feature = "tracing", feature = "test-util"))]

mod collector;

use collector::{Fields, collect};
use resilience_runtime::testing::Scope;
use resilience_runtime::{
    CircuitBreaker, EventFilter, Rejection, Topic, Verdict, attempt, bulkhead, circuit_breaker, fallback, rate_limit,
    registry, retry, timeout,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("it failed")]
    Failed,
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

#[circuit_breaker("tracing: fails", consecutive_failures = 1)]
async fn fails() -> Result<(), Error> {
    Err(Error::Failed)
}

#[tokio::test]
async fn a_guarded_call_has_a_span_that_says_where_it_is_and_how_it_failed() {
    let (collector, _guard) = collect(LevelFilter::INFO);
    fails().await.unwrap_err();
    let span = collector.span();
    assert_eq!(span["code.function.name"], "tracing::fails");
    assert!(span["code.file.path"].ends_with("tests/tracing.rs"), "{span:?}");
    let operation = registry().operations().find(|operation| operation.function() == "fails").unwrap();
    assert_eq!(span["code.line.number"], operation.line().to_string());
    assert_eq!(span["otel.name"], "fails");
    assert_eq!(span["error.type"], "tracing::Error");
    assert_eq!(span.get("resilience.policy"), None, "no policy failed it");
    let line = "circuit_breaker `tracing: fails`: closed -> open (1 consecutive failure); last error: it failed";
    assert_eq!(collector.lines(), [(Level::WARN, line.to_owned())]);
    let seen = collector.0.lock().unwrap();
    assert_eq!(seen.events[0].inside, Some(0));
    assert_eq!(seen.events[0].fields["resilience.policy"], "circuit_breaker");
    assert_eq!(seen.events[0].fields["resilience.name"], "tracing: fails");
    assert_eq!(seen.events[0].fields["resilience.event"], "transition");
    assert!(seen.events[0].fields["resilience.sequence"].parse::<u64>().unwrap() > 0);
    assert!(seen.events[0].fields["resilience.generation"].parse::<u64>().unwrap() > 0);
}

#[circuit_breaker("tracing: rejects")]
async fn rejects() -> Result<(), Error> {
    Ok(())
}

#[tokio::test]
async fn a_rejection_says_in_the_span_who_rejected() {
    rejects().await.unwrap();
    registry().circuit_breaker("tracing: rejects").unwrap().force_open();
    let (collector, _guard) = collect(LevelFilter::DEBUG);
    rejects().await.unwrap_err();
    let span = collector.span();
    assert_eq!(span["error.type"], "circuit_open");
    assert_eq!((&*span["resilience.policy"], &*span["resilience.name"]), ("circuit_breaker", "tracing: rejects"));
    let line = "circuit_breaker `tracing: rejects`: rejected (circuit_open) a call of tracing::rejects";
    assert_eq!(collector.lines(), [(Level::DEBUG, line.to_owned())]);
}

#[bulkhead(1, name = "tracing: full")]
async fn is_full() -> Result<(), Error> {
    Ok(())
}

#[rate_limit("1/min", name = "tracing: limited")]
async fn is_limited() -> Result<(), Error> {
    Ok(())
}

#[timeout("5ms", name = "tracing: late")]
async fn is_late() -> Result<(), Error> {
    std::future::pending().await
}

#[fallback(|| Ok(0))]
#[retry(name = "tracing: answers badly", attempts = 1, classify = |result| match result {
    Ok(0) | Err(_) => Verdict::FAILURE,
    Ok(_) => Verdict::SUCCESS,
})]
async fn answers_badly() -> Result<u8, Error> {
    Ok(0)
}

#[tokio::test(start_paused = true)]
async fn each_kind_of_rejection_says_in_the_span_which_policy_it_was() {
    let _entered = Scope::new().enter();
    is_full().await.unwrap();
    is_limited().await.unwrap();
    let bulkhead = registry().bulkhead("tracing: full").unwrap();
    let _place = bulkhead.try_acquire().unwrap();
    let (collector, guard) = collect(LevelFilter::INFO);
    is_full().await.unwrap_err();
    is_limited().await.unwrap_err();
    is_late().await.unwrap_err();
    answers_badly().await.unwrap();
    drop(guard);
    let of = |span: &Fields| {
        ["error.type", "resilience.fallback.reason", "resilience.policy", "resilience.name"]
            .map(|field| span.get(field).cloned().unwrap_or_default())
    };
    assert_eq!(
        collector.0.lock().unwrap().spans.iter().map(of).collect::<Vec<_>>(),
        [
            ["bulkhead_full", "", "bulkhead", "tracing: full"],
            ["rate_limited", "", "rate_limit", "tracing: limited"],
            ["timed_out", "", "timeout", "tracing: late"],
            ["", "unsuccessful", "", "tracing::answers_badly"],
        ]
    );
}

#[fallback(|| Ok(()))]
#[retry(name = "tracing: facts", attempts = 2, delay = "20ms", jitter = none)]
#[circuit_breaker("tracing: facts", consecutive_failures = 2, slow_call = "3ms", slow_call_rate = 100)]
#[timeout("5ms", name = "tracing: facts")]
async fn has_facts() -> Result<(), Error> {
    std::future::pending().await
}

/// What an event says besides who tells it: the fields that are about what has happened.
#[tokio::test(start_paused = true)]
async fn an_event_says_what_has_happened_in_fields_of_their_own() {
    const FACTS: [&str; 10] = [
        "from",
        "to",
        "reason",
        "rejection",
        "operation",
        "attempt",
        "elapsed_ms",
        "wait_ms",
        "retry_after_ms",
        "limit_ms",
    ];
    let _entered = Scope::new().enter();
    let (collector, guard) = collect(LevelFilter::TRACE);
    has_facts().await.unwrap();
    is_limited().await.unwrap();
    is_limited().await.unwrap_err();
    drop(guard);
    let facts = |told: &collector::Told| {
        let said = FACTS.iter().filter_map(|fact| {
            let value = told.fields.iter().find(|(field, _)| field.strip_prefix("resilience.") == Some(fact))?.1;
            Some(format!("{fact}={value}"))
        });
        format!("{} {}: {}", told.level, told.fields["resilience.event"], said.collect::<Vec<_>>().join(" "))
    };
    let told: Vec<_> = collector.0.lock().unwrap().events.iter().map(facts).collect();
    let timed_out = "DEBUG timed_out: operation=tracing::has_facts limit_ms=5";
    assert_eq!(
        told,
        [
            timed_out,
            "DEBUG slow_call: elapsed_ms=5 limit_ms=3",
            "TRACE outcome: reason=failed",
            "DEBUG retry: rejection=timed_out attempt=1 elapsed_ms=5 wait_ms=20",
            timed_out,
            "DEBUG slow_call: elapsed_ms=5 limit_ms=3",
            "TRACE outcome: reason=failed",
            "WARN transition: from=closed to=open reason=consecutive_failures",
            "DEBUG retries_ended: reason=attempts rejection=timed_out attempt=2 elapsed_ms=30",
            "DEBUG fallback: rejection=timed_out",
            "DEBUG rejected: rejection=rate_limited operation=tracing::is_limited retry_after_ms=60000",
        ]
    );
}

#[circuit_breaker("tracing: keys", key = tenant)]
async fn has_keys(tenant: &str) -> Result<usize, Error> {
    Ok(tenant.len())
}

#[tokio::test]
async fn a_key_is_a_field_of_its_own_in_span_and_event() {
    has_keys("7]").await.unwrap();
    registry().circuit_breaker("tracing: keys").unwrap().force_open();
    let (collector, _guard) = collect(LevelFilter::DEBUG);
    has_keys("7]").await.unwrap_err();
    let span = collector.span();
    assert_eq!((&*span["resilience.name"], &*span["resilience.key"]), ("tracing: keys", "7]"));
    let seen = collector.0.lock().unwrap();
    let fields = &seen.events[0].fields;
    assert_eq!((&*fields["resilience.name"], &*fields["resilience.key"]), ("tracing: keys", "7]"));
    assert!(fields["message"].contains(r"`tracing: keys[7\]]`: rejected"), "{fields:?}");
}

#[retry(name = "tracing: retries", attempts = 3, delay = "20ms", jitter = none)]
#[timeout("1s")]
async fn waits_and_fails() -> Result<u8, Error> {
    tokio::time::sleep(Duration::from_millis(5)).await;
    Err(Error::Failed)
}

#[retry(name = "tracing: recovers", attempts = 3, delay = "20ms", jitter = none)]
async fn recovers() -> Result<u32, Error> {
    tokio::time::sleep(Duration::from_millis(5)).await;
    if attempt() < 2 { Err(Error::Failed) } else { Ok(attempt()) }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_succeeds_in_the_end_knows_its_attempts_and_its_time_too() {
    let (collector, _guard) = collect(LevelFilter::INFO);
    assert_eq!(recovers().await.unwrap(), 2);
    let span = collector.span();
    assert_eq!((&*span["resilience.attempts"], &*span["resilience.elapsed_ms"]), ("2", "30"));
}

#[tokio::test(start_paused = true)]
async fn a_span_is_left_while_the_call_waits_and_knows_attempts_and_time() {
    let (collector, _guard) = collect(LevelFilter::INFO);
    // Two at a time on one thread: had one stayed entered while it waited, the other would be inside it.
    let (one, other) = tokio::join!(waits_and_fails(), waits_and_fails());
    one.unwrap_err();
    other.unwrap_err();
    let seen = collector.0.lock().unwrap();
    assert_eq!((seen.spans.len(), seen.entered.len()), (2, 0));
    assert!(seen.entries > 4, "entered for each poll: {}", seen.entries);
    for span in &seen.spans {
        assert_eq!(span["resilience.attempts"], "3");
        let elapsed: u64 = span["resilience.elapsed_ms"].parse().unwrap();
        assert!((75..=80).contains(&elapsed), "3 x 5 ms, and 20 and 40 between: {elapsed}");
    }
}

#[fallback(answer)]
async fn falls_back(inner: &str) -> Result<String, Error> {
    let _ = inner;
    fails_inside().await?;
    Ok(String::new())
}

#[timeout("1s", name = "tracing: inside")]
async fn fails_inside() -> Result<(), Error> {
    Err(Error::Failed)
}

fn answer(inner: &str) -> Result<String, Error> {
    Ok(inner.to_owned())
}

#[tokio::test]
async fn spans_lie_inside_of_each_other_and_each_knows_its_own_end() {
    let (collector, _guard) = collect(LevelFilter::DEBUG);
    assert_eq!(falls_back("kept").await.unwrap(), "kept");
    let seen = collector.0.lock().unwrap();
    assert_eq!(seen.spans.len(), 2);
    let (outer, inner) = (&seen.spans[0], &seen.spans[1]);
    assert_eq!((&*outer["otel.name"], &*inner["otel.name"]), ("falls_back", "fails_inside"));
    assert_eq!((&*outer["resilience.fallback"], inner.get("resilience.fallback")), ("true", None));
    assert_eq!((outer.get("error.type"), &*inner["error.type"]), (None, "tracing::Error"));
    assert_eq!(outer["resilience.fallback.reason"], "tracing::Error");
}

#[circuit_breaker("tracing: its fallback fails", consecutive_failures = 1)]
#[fallback(fails_too)]
async fn fails_with_its_fallback() -> Result<(), Error> {
    Err(Error::Failed)
}

async fn fails_too() -> Result<(), Error> {
    Err(Error::Failed)
}

#[fallback(|| Err(std::fmt::Error), || Err(std::fmt::Error))]
fn fails_at_every_level() -> Result<(), std::fmt::Error> {
    Err(std::fmt::Error)
}

#[tokio::test]
async fn a_call_whose_fallback_fails_is_no_success_and_says_what_that_answered_for() {
    let (collector, guard) = collect(LevelFilter::DEBUG);
    fails_with_its_fallback().await.unwrap_err();
    fails_with_its_fallback().await.unwrap_err();
    fails_at_every_level().unwrap_err();
    drop(guard);
    let seen = collector.0.lock().unwrap();
    let [own, rejected, levels] = &seen.spans[..] else { panic!("{:?}", seen.spans) };
    let of = |span: &Fields| {
        let fields =
            ["error.type", "resilience.fallback", "resilience.fallback.reason", "resilience.policy", "resilience.name"];
        fields.map(|field| span.get(field).cloned().unwrap_or_default())
    };
    assert_eq!(of(own), ["tracing::Error", "true", "tracing::Error", "", ""]);
    assert_eq!(
        of(rejected),
        ["tracing::Error", "true", "circuit_open", "circuit_breaker", "tracing: its fallback fails"]
    );
    assert_eq!(of(levels), ["core::fmt::Error", "true", "core::fmt::Error", "", ""]);
    let failed = seen.events.iter().filter(|event| event.fields["resilience.event"] == "fallback_failed").count();
    assert_eq!(failed, 3);
}

#[derive(Debug, thiserror::Error)]
enum Outer {
    #[error("error sending request")]
    Send(#[source] std::fmt::Error),
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

#[retry(name = "tracing: causes", attempts = 2, delay = "1ms")]
#[circuit_breaker("tracing: causes", consecutive_failures = 2)]
async fn says_why() -> Result<(), Outer> {
    Err(Outer::Send(std::fmt::Error))
}

#[fallback(|| Err(Outer::Send(std::fmt::Error)))]
fn answers_and_says_why() -> Result<(), Outer> {
    Err(Outer::Send(std::fmt::Error))
}

#[tokio::test(start_paused = true)]
async fn what_an_error_said_is_in_the_span_and_in_every_event() {
    let (collector, guard) = collect(LevelFilter::TRACE);
    says_why().await.unwrap_err();
    answers_and_says_why().unwrap_err();
    drop(guard);
    let said = format!("error sending request: {}", std::fmt::Error);
    let seen = collector.0.lock().unwrap();
    let [failed, answered] = &seen.spans[..] else { panic!("{:?}", seen.spans) };
    assert_eq!((&failed["resilience.cause"], failed.get("resilience.fallback.cause")), (&said, None));
    assert_eq!((&answered["resilience.cause"], &answered["resilience.fallback.cause"]), (&said, &said));
    let told: Vec<_> = seen.events.iter().map(|event| &*event.fields["resilience.event"]).collect();
    assert_eq!(told, ["outcome", "retry", "outcome", "transition", "retries_ended", "fallback", "fallback_failed"]);
    for event in &seen.events {
        assert_eq!(event.fields["resilience.cause"], said);
        assert!(event.fields["message"].contains(&said), "{}", event.fields["message"]);
    }
}

#[circuit_breaker("tracing: contested", window = 10)]
async fn comes_first() -> Result<(), Error> {
    Ok(())
}

#[circuit_breaker("tracing: contested", window = 20)]
async fn comes_second() -> Result<(), Error> {
    Ok(())
}

#[tokio::test]
async fn a_conflict_is_a_warning() {
    // In a scope of its own: other tests let every function of the program join the registry.
    let scope = Scope::new();
    let _entered = scope.enter();
    let (collector, _guard) = collect(LevelFilter::WARN);
    comes_second().await.unwrap();
    comes_first().await.unwrap();
    let lines = collector.lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(lines[0].0, Level::WARN);
    assert!(lines[0].1.starts_with("circuit_breaker `tracing: contested`: configured differently by "), "{lines:?}");
}

#[test]
fn whoever_collects_warnings_alone_is_told_of_an_opening_and_of_nothing_else() {
    let breaker = CircuitBreaker::builder("tracing: opens").build().unwrap();
    let (collector, _guard) = collect(LevelFilter::WARN);
    breaker.force_open();
    breaker.reset();
    let line = "circuit_breaker `tracing: opens`: closed -> forced_open (forced open by hand)";
    assert_eq!(collector.lines(), [(Level::WARN, line.to_owned())]);
}

#[test]
fn who_and_why_are_fields_and_closing_is_no_warning() {
    let breaker = CircuitBreaker::builder("tracing: steered").build().unwrap();
    let (collector, _guard) = collect(LevelFilter::INFO);
    breaker.steer().by("ops").why("incident 12").force_open().unwrap();
    breaker.reset();
    let levels: Vec<_> = collector.lines().into_iter().map(|(level, _)| level).collect();
    assert_eq!(levels, [Level::INFO, Level::WARN, Level::INFO, Level::INFO]);
    let seen = collector.0.lock().unwrap();
    let fields = &seen.events[0].fields;
    assert_eq!((&*fields["resilience.by"], &*fields["resilience.why"]), ("ops", "incident 12"));
}

#[cfg(feature = "config")]
#[test]
fn a_configuration_is_told_and_one_that_is_refused_is_an_error() {
    let _entered = Scope::new().enter();
    CircuitBreaker::builder("tracing: configured").register().unwrap();
    for (level, text, told) in [
        (Level::ERROR, "causes = 7", "`causes` must be"),
        (Level::INFO, "[circuit_breaker.\"tracing: configured\"]\nmax_keys = 7", "`tracing: configured`"),
    ] {
        let (collector, _guard) = collect(level.into());
        let _ = registry().configure_from_str(text);
        let lines = collector.lines();
        assert!(matches!(&lines[..], [(of, line)] if *of == level && line.contains(told)), "{text}: {lines:?}");
    }
}

#[cfg(feature = "persistence")]
#[test]
fn what_a_breaker_is_restored_to_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("breakers");
    let breaker = || CircuitBreaker::builder("tracing: restored").consecutive_failures(1).register().unwrap();
    {
        let _entered = Scope::new().enter();
        breaker().try_acquire().unwrap().failure();
        registry().save(&path).unwrap();
    }
    let _entered = Scope::new().enter();
    let _breaker = breaker();
    let (collector, _guard) = collect(LevelFilter::INFO);
    registry().restore(&path).unwrap();
    let line = "circuit_breaker `tracing: restored`: closed -> open (1 consecutive failure)";
    assert_eq!(collector.lines(), [(Level::WARN, line.to_owned())]);
}

#[tokio::test]
async fn whoever_collects_nothing_is_told_nothing() {
    let (collector, _guard) = collect(LevelFilter::OFF);
    let _ = falls_back("").await;
    assert!(collector.lines().is_empty() && collector.0.lock().unwrap().spans.is_empty());
}

/// Of one place in the program some subscribers may want everything and others nothing.
#[tokio::test]
async fn whoever_wants_no_spans_is_told_of_none() {
    collector::beside_others();
    let collector = collector::Collector::default();
    let events = dynamic_filter_fn(|metadata, _| metadata.is_event());
    let _guard = tracing_subscriber::registry().with(collector.clone().with_filter(events)).set_default();
    let _ = falls_back("").await;
    let seen = collector.0.lock().unwrap();
    assert!(!seen.events.is_empty() && seen.spans.is_empty());
}

struct Given;

impl Drop for Given {
    fn drop(&mut self) {
        tracing::info!(target: "resilience", "given back");
    }
}

#[circuit_breaker("tracing: is given up")]
async fn is_given_up(_given: Given) -> Result<(), Error> {
    std::future::pending().await
}

#[tokio::test(start_paused = true)]
async fn what_goes_with_a_call_that_is_given_up_goes_in_its_span() {
    let (collector, _guard) = collect(LevelFilter::INFO);
    tokio::time::timeout(Duration::from_millis(20), is_given_up(Given)).await.unwrap_err();
    let seen = collector.0.lock().unwrap();
    let told: Vec<_> = seen.events.iter().filter(|event| event.fields["message"] == "given back").collect();
    assert_eq!(told.iter().map(|event| event.inside).collect::<Vec<_>>(), [Some(0)]);
}

#[circuit_breaker("tracing: early", consecutive_failures = none)]
async fn is_called_early(fails: bool) -> Result<(), Error> {
    if fails { Err(Error::Failed) } else { Ok(()) }
}

#[circuit_breaker("tracing: early, by key", key = tenant)]
async fn has_keys_early(tenant: &str) -> Result<usize, Error> {
    Ok(tenant.len())
}

/// As of a program that is steered to TRACE while it runs, or installs its subscriber after `prepare()`.
#[tokio::test]
async fn who_begins_to_collect_is_told_outcomes_of_breakers_that_were_there_before() {
    registry().prepare();
    for _ in 0..3 {
        is_called_early(false).await.unwrap();
        has_keys_early("7").await.unwrap();
    }
    for _ in 0..2 {
        let (collector, guard) = collect(LevelFilter::TRACE);
        is_called_early(false).await.unwrap();
        is_called_early(true).await.unwrap_err();
        has_keys_early("7").await.unwrap();
        drop(guard);
        is_called_early(false).await.unwrap();
        let seen = collector.0.lock().unwrap();
        let told: Vec<_> = seen.events.iter().map(|event| &*event.fields["resilience.reason"]).collect();
        assert_eq!(told, ["succeeded", "failed", "succeeded"]);
    }
}

/// Wants outcomes from the second time on that it is asked about them.
struct ChangesItsMind {
    asked: AtomicU32,
    told: Arc<AtomicU32>,
}

impl<S: Subscriber> Layer<S> for ChangesItsMind {
    fn register_callsite(&self, _: &'static tracing::Metadata<'static>) -> tracing::subscriber::Interest {
        tracing::subscriber::Interest::sometimes()
    }

    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
        *metadata.level() != Level::TRACE || self.asked.fetch_add(1, Relaxed) > 0
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if *event.metadata().level() == Level::TRACE {
            self.told.fetch_add(1, Relaxed);
        }
    }
}

#[test]
fn who_wants_outcomes_again_while_they_are_being_turned_off_gets_them() {
    let breaker = CircuitBreaker::builder("outcomes").register().unwrap();
    // Turned on for a reader, and on still when that has left.
    drop(registry().subscribe_with(EventFilter::of([Topic::Outcome])));
    let told = Arc::new(AtomicU32::new(0));
    let layer = ChangesItsMind { asked: AtomicU32::new(0), told: Arc::clone(&told) };
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        (0..3).for_each(|_| breaker.try_acquire().unwrap().success());
    });
    assert_eq!(told.load(Relaxed), 2, "the first call finds that nobody wants it, and then that somebody does");
}
