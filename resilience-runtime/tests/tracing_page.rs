//! `docs/tracing.md` lists every field and level that `tracing` is told, and nothing else. Alone in its process: what is asked of a collector is remembered for all threads.
#![cfg(all(feature = "tracing", feature = "test-util", feature = "config"))]

mod collector;

use collector::collect;
use resilience_runtime::{CircuitBreakerConfig, Rejection, circuit_breaker, fallback, registry, retry, timeout};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tracing::level_filters::LevelFilter;

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("it failed")]
    Failed,
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

async fn fails_too() -> Result<(), Error> {
    Err(Error::Failed)
}

/// The rows of the table in `docs/tracing.md` that begins so: what stands in the first cell, in the second and in the last.
fn documented(page: &str, head: &str) -> Vec<[String; 3]> {
    let (_, table) = page.split_once(head).unwrap_or_else(|| panic!("the page has no table {head}"));
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let cells = rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>());
    cells.map(|cells| [&cells[0], &cells[1], cells.last().unwrap()].map(String::clone)).collect()
}

/// What stands in backticks.
fn words(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[retry(name = "page: retries", attempts = 2, delay = "1ms")]
#[timeout("1s", name = "page: timeout")]
async fn takes_too_long() -> Result<(), Error> {
    tokio::time::sleep(Duration::from_secs(2)).await;
    Ok(())
}

#[retry(name = "page: retries", attempts = 2, delay = "1ms")]
async fn fails_twice() -> Result<(), Error> {
    Err(Error::Failed)
}

#[fallback(fails_too)]
#[circuit_breaker("page: opens", consecutive_failures = 1)]
async fn opens() -> Result<(), Error> {
    Err(Error::Failed)
}

#[circuit_breaker("page: contested", window = 10)]
async fn comes_first() -> Result<(), Error> {
    Ok(())
}

#[circuit_breaker("page: contested", window = 20)]
async fn comes_second() -> Result<(), Error> {
    Ok(())
}

#[circuit_breaker("page: slow", slow_call = "1ms", key = tenant, max_keys = 1)]
async fn is_slow(tenant: u8) -> Result<u8, Error> {
    tokio::time::sleep(Duration::from_millis(5)).await;
    Ok(tenant)
}

/// Its thread sleeps between the attempts, which is a trap in a task.
#[retry(name = "page: blocks", attempts = 2, delay = "1ms")]
fn blocks() -> Result<(), Error> {
    Err(Error::Failed)
}

/// Something of every kind that is told.
async fn everything() {
    takes_too_long().await.unwrap_err();
    fails_twice().await.unwrap_err();
    // First it fails, and then it is rejected; both times its fallback is asked.
    opens().await.unwrap_err();
    opens().await.unwrap_err();
    comes_second().await.unwrap();
    comes_first().await.unwrap();
    is_slow(1).await.unwrap();
    is_slow(2).await.unwrap();
    blocks().unwrap_err();
    let breaker = registry().circuit_breaker("page: opens").unwrap();
    breaker.steer().by("ops").why("incident 12").reset().unwrap();
    let config = CircuitBreakerConfig::new().consecutive_failures(2);
    breaker.steer().by("ops").why("incident 12").reconfigure(config).unwrap();
    registry().configure_from_str("unknown = 1").unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn the_page_lists_every_field_and_level_and_nothing_else() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/tracing.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (collector, _guard) = collect(LevelFilter::TRACE);
    everything().await;
    let seen = collector.0.lock().unwrap();

    let of_spans = documented(&page, "| field | when | value |");
    let listed: BTreeSet<_> = of_spans.iter().flat_map(|[fields, ..]| words(fields)).collect();
    let declared = seen.fields_of_spans.iter().filter(|field| *field != "otel.kind").cloned();
    assert_eq!(listed, declared.collect(), "of the span");

    let of_events = documented(&page, "| field | of | value |");
    let listed: BTreeSet<_> = of_events.iter().flat_map(|[fields, ..]| words(fields)).collect();
    let declared = seen.fields_of_events.iter().filter(|field| *field != "message").cloned();
    assert_eq!(listed, declared.collect(), "of events");
    let told: BTreeSet<_> = seen.events.iter().map(|event| event.fields["resilience.event"].clone()).collect();
    assert_eq!(told, words(&of_events[0][2]), "every kind of event, and no other");

    // Which event has which field.
    for [fields, of, _] in of_events.iter().filter(|[_, of, _]| of.starts_with('`')) {
        for field in words(fields) {
            let having = seen.events.iter().filter(|event| event.fields.contains_key(&*field));
            let having: BTreeSet<_> = having.map(|event| event.fields["resilience.event"].clone()).collect();
            assert_eq!(having, words(of), "{field}");
        }
    }

    let mut levels = BTreeMap::<String, BTreeSet<String>>::new();
    for event in &seen.events {
        levels.entry(event.level.to_string()).or_default().insert(event.fields["resilience.event"].clone());
    }
    let listed = documented(&page, "| level | events |");
    let listed: BTreeMap<_, _> = listed.into_iter().map(|[level, events, _]| (level, words(&events))).collect();
    assert_eq!(levels, listed);
}
