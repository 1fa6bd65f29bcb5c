//! The one JSON form: a snapshot of each kind of policy, an event of each topic and an answer about health are compared with the files beside this one, to the letter; and so are the words and
//! the lines in which values are told to people.
//!
//! `UPDATE=1 cargo test -p tests --test json` writes them anew.

mod printed;

use resilience_runtime::testing::Scope;
use resilience_runtime::{
    Act, Bulkhead, CircuitBreaker, Ended, Event, Events, GaveUp, HealthStatus, Jitter, Kind, NextCall, OpenReason,
    RateLimiter, Rejection, RejectionKind, Retry, State, Timeout, Timestamp, Topic, Trap, registry,
};
use std::path::Path;
use std::time::Duration;

/// As it is printed, with one moment in the place of each: the clocks are nobody's to choose.
fn printed(value: &impl serde::Serialize) -> String {
    let text = serde_json::to_string_pretty(value).unwrap();
    let lines = text.lines().map(|line| match line.trim_start().split_once(": ") {
        Some(("\"time\"", time)) if time.starts_with('"') => {
            let form: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
            assert_eq!(form, "\"0000-00-00T00:00:00.000Z\",");
            line.replace(time, "\"2026-11-26T18:46:10.123Z\",")
        }
        Some(("\"monotonic\"", seconds)) => {
            assert!(seconds.parse::<f64>().unwrap() > 0.0, "{line}");
            line.replace(seconds, "5312.007")
        }
        // Begins at the moment at which its breaker was built.
        Some(("\"generation\"", moment)) if moment != "0," => line.replace(moment, "5310507,"),
        _ => line.to_owned(),
    });
    lines.map(|line| line + "\n").collect()
}

fn compare(file: &str, value: &impl serde::Serialize) {
    compare_text(file, &printed(value));
}

fn compare_text(file: &str, printed: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/json").join(file);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, printed).unwrap();
    }
    assert_eq!(printed, std::fs::read_to_string(&path).unwrap(), "{file}: UPDATE=1 writes it anew");
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_of_each_kind() {
    let _entered = Scope::new().enter();
    let breaker = CircuitBreaker::builder("payment").consecutive_failures(1).latency(true).register().unwrap();
    breaker.try_acquire().unwrap().failure_because(&"connection refused");
    breaker.try_acquire().unwrap_err();
    Retry::builder("payment").attempts(3).budget(10.0).register().unwrap();
    Timeout::builder("payment").after(Duration::from_millis(250)).register().unwrap();
    let bulkhead = Bulkhead::builder("payment").max_concurrent(1).register().unwrap();
    let _inside = bulkhead.try_acquire().unwrap();
    let limiter =
        RateLimiter::builder("payment").rate("10/s".parse().unwrap()).max_wait(Duration::from_secs(1)).register();
    limiter.unwrap().try_acquire().unwrap();
    tokio::time::advance(Duration::from_millis(1500)).await;
    compare("snapshot.json", &registry().snapshot());
    registry().mark_critical("payment", true).unwrap();
    compare("health.json", &registry().health().await);
}

/// The last one of a topic, as its policy tells it.
fn last(events: &mut Events, topic: Topic) -> Event {
    let told = std::iter::from_fn(|| events.try_recv());
    told.filter(|event| event.topic() == topic).last().unwrap_or_else(|| panic!("no {topic} was told"))
}

/// In the order of the topics.
async fn events_of_each_topic() -> [Event; Topic::ALL.len()] {
    let _entered = Scope::new().enter();
    let mut events = registry().subscribe();
    let breaker = CircuitBreaker::builder("payment").consecutive_failures(1).register().unwrap();
    breaker.keyed("7]").try_acquire().unwrap().failure_because(&"connection refused\n");
    let transition = last(&mut events, Topic::Transition);
    breaker.steer().by("ops").why("incident 12").enforce_share(10).unwrap();
    let steered = last(&mut events, Topic::Steered);
    let retry = Retry::builder("payment").attempts(2).jitter(Jitter::None).register().unwrap();
    let _ = retry.call(async || Err::<(), _>("unreachable")).await;
    let retried = last(&mut events, Topic::Retry);

    let (name, key) = (|| "payment".into(), || Some("7]".into()));
    let (at, order) = (Timestamp::now(), transition.order().unwrap());
    let operation = Some("shop::charge".into());
    [
        transition,
        retried,
        Event::RetriesEnded {
            name: name(),
            attempts: 3,
            elapsed: Duration::from_millis(1500),
            why: GaveUp::Attempts,
            rejection: Some(RejectionKind::CircuitOpen),
            cause: None,
            before: None,
            at,
            order,
        },
        Event::Conflict {
            kind: Kind::Bulkhead,
            name: name(),
            in_force: "src/a.rs:1".into(),
            not_in_force: "src/b.rs:2".into(),
            at,
            order,
        },
        Event::Trap { kind: Kind::Bulkhead, name: name(), key: key(), trap: Trap::Recursion, at, order },
        Event::Missed { events: 7, at },
        Event::Rejected {
            kind: Kind::CircuitBreaker,
            name: name(),
            key: key(),
            rejection: RejectionKind::CircuitOpen,
            retry_after: Some(Duration::from_millis(20)),
            operation: operation.clone(),
            at,
            order,
        },
        Event::TimedOut { name: name(), after: Duration::from_secs(2), operation, at, order },
        Event::Fallback { name: "shop::charge".into(), rejection: Some(RejectionKind::CircuitOpen), cause: None, at },
        Event::FallbackFailed { name: "shop::charge".into(), cause: Some("no cache".into()), at },
        Event::SlowCall {
            name: name(),
            key: key(),
            took: Duration::from_secs(3),
            limit: Duration::from_secs(1),
            at,
            order,
        },
        Event::Outcome { name: name(), key: None, ended: Ended::Cancelled, cause: None, at, order },
        Event::Evicted { kind: Kind::CircuitBreaker, name: name(), key: "7]".into(), at, order },
        Event::Reconfigured {
            kind: Kind::Timeout,
            name: name(),
            key: None,
            keys: vec!["after"],
            source: Some("resilience.toml".into()),
            by: None,
            at,
            order,
        },
        Event::ConfigRefused { source: "resilience.toml".into(), error: "3:1: unknown key `afer`".into(), at },
        steered,
        Event::Repeated {
            kind: Kind::CircuitBreaker,
            name: name(),
            topic: Topic::Rejected,
            count: 1000,
            since: at,
            at,
        },
    ]
}

#[tokio::test(start_paused = true)]
async fn an_event_of_each_topic() {
    let all = events_of_each_topic().await;
    assert_eq!(all.each_ref().map(Event::topic), Topic::ALL);
    compare("events.json", &all);
}

fn rejections() -> [Rejection; 4] {
    [
        Rejection::CircuitOpen {
            name: "payment".into(),
            key: Some("7]".into()),
            retry_after: None,
            reason: OpenReason::Forced,
        },
        Rejection::BulkheadFull { name: "payment".into(), key: None },
        Rejection::RateLimited {
            name: "payment".into(),
            key: Some("7]".into()),
            retry_after: Some(Duration::from_millis(100)),
        },
        Rejection::TimedOut { name: "payment".into(), after: Duration::from_secs(2) },
    ]
}

/// What is said in other words.
fn more_rejections() -> [Rejection; 2] {
    [
        Rejection::Unsuccessful { name: "shop::charge".into() },
        Rejection::RateLimited { name: "payment".into(), key: None, retry_after: None },
    ]
}

fn reasons() -> [OpenReason; 10] {
    [
        OpenReason::FailureRate { failures: 12, calls: 20 },
        OpenReason::SlowCallRate { slow: 12, calls: 20 },
        OpenReason::ConsecutiveFailures { failures: 5 },
        OpenReason::TripIf { failures: 12, calls: 20 },
        OpenReason::ProbesFailed { failures: 2 },
        OpenReason::ProbeTimedOut,
        OpenReason::Forced,
        OpenReason::Verdict { open_for: Duration::from_secs(90) },
        OpenReason::ForcedFor { open_for: Duration::from_millis(1500) },
        OpenReason::JustOpened,
    ]
}

fn next_calls() -> [NextCall; 8] {
    let rejections = rejections();
    [
        NextCall::Admitted,
        NextCall::Unguarded,
        NextCall::Probe { reason: OpenReason::Forced },
        NextCall::WouldReject(rejections[1].clone()),
        NextCall::Waits { ahead: 2, at_most: None },
        NextCall::Attempts { at_most: 3, budget_spent: false },
        NextCall::Limited { to: Duration::from_secs(2) },
        NextCall::Rejected(rejections[1].clone()),
    ]
}

/// What is said in other words.
fn more_next_calls() -> [NextCall; 3] {
    [
        NextCall::Waits { ahead: 0, at_most: Some(Duration::from_secs(1)) },
        NextCall::Attempts { at_most: 1, budget_spent: false },
        NextCall::Attempts { at_most: 1, budget_spent: true },
    ]
}

fn acts() -> [Act; 7] {
    let for_a_time = Act::ForceOpenFor(Duration::from_millis(1500));
    [Act::ForceOpen, for_a_time, Act::Disable, Act::Monitor, Act::Enforce, Act::EnforceShare(10), Act::Reset]
}

#[test]
fn every_enum_with_data_says_its_type() {
    compare("enums.json", &(rejections(), reasons(), next_calls(), acts()));
}

const ENDED: [Ended; 6] =
    [Ended::Succeeded, Ended::Failed, Ended::Ignored, Ended::Cancelled, Ended::Abandoned, Ended::Stale];

const TRAPS: [Trap; 4] = [Trap::Recursion, Trap::OutsideScope, Trap::PausedClock, Trap::BlockedTask];

/// The word of a value is the one of its JSON form: alone, or as its type where it has data.
fn word(value: &impl serde::Serialize) -> String {
    let json = serde_json::to_value(value).unwrap();
    json["type"].as_str().or(json.as_str()).unwrap_or_else(|| panic!("no word in {json}")).to_owned()
}

/// One of each topic, and others of those that are told in more than one way.
async fn events_in_all_their_forms() -> Vec<Event> {
    let events = events_of_each_topic().await;
    let mut all = events.to_vec();
    let mut varied = |event: &Event, vary: &dyn Fn(&mut Event)| {
        let mut event = event.clone();
        vary(&mut event);
        all.push(event);
    };
    for event in &events {
        match event {
            Event::Transition(_) => varied(event, &|event| {
                let Event::Transition(transition) = event else { unreachable!() };
                (transition.key, transition.cause, transition.monitored) = (None, None, true);
            }),
            Event::RetriesEnded { .. } => {
                for why in GaveUp::ALL {
                    varied(event, &|event| {
                        let Event::RetriesEnded { why: told, rejection, cause, .. } = event else { unreachable!() };
                        (*told, *rejection, *cause) = (*why, None, Some("unreachable".into()));
                    });
                }
            }
            Event::Outcome { .. } => {
                for ended in ENDED {
                    varied(event, &|event| {
                        let Event::Outcome { key, ended: told, cause, .. } = event else { unreachable!() };
                        (*key, *told, *cause) = (Some("7]".into()), ended, Some("connection refused".into()));
                    });
                }
            }
            Event::Rejected { .. } | Event::TimedOut { .. } => varied(event, &|event| match event {
                Event::Rejected { operation, retry_after, .. } => (*operation, *retry_after) = (None, None),
                Event::TimedOut { operation, .. } => *operation = None,
                _ => unreachable!(),
            }),
            Event::Fallback { .. } => varied(event, &|event| {
                let Event::Fallback { rejection, cause, .. } = event else { unreachable!() };
                (*rejection, *cause) = (None, Some("no cache".into()));
            }),
            Event::Reconfigured { .. } => varied(event, &|event| {
                let Event::Reconfigured { source, .. } = event else { unreachable!() };
                *source = None;
            }),
            Event::Steered { .. } => varied(event, &|event| {
                let Event::Steered { by, .. } = event else { unreachable!() };
                *by = None;
            }),
            _ => {}
        }
    }
    all
}

/// Whatever may be told to people in a line, each with its word before it; and what has more than one line of its own, once for each.
#[tokio::test(start_paused = true)]
async fn each_value_has_a_word_and_a_line() {
    let mut lines = String::new();
    macro_rules! list {
        ($heading:literal, $values:expr) => {
            lines += concat!("# ", $heading, "\n");
            for value in $values {
                assert_eq!(value.as_str(), word(&value), "{value:?}");
                lines += &format!("{}: {value}\n", value.as_str());
            }
        };
    }
    list!("kinds", Kind::ALL.iter().copied());
    list!("states", State::ALL.iter().copied());
    list!("health", [HealthStatus::Up, HealthStatus::Degraded, HealthStatus::Down]);
    list!("kinds of rejections", RejectionKind::ALL.iter().copied());
    list!("reasons", reasons());
    list!("acts", acts());
    list!("topics", Topic::ALL.iter().copied());
    list!("traps", TRAPS);
    list!("why a retry gave up", GaveUp::ALL.iter().copied());
    for ended in ENDED {
        assert_eq!(ended.as_str(), word(&ended));
    }

    let mut list = |heading: &str, shown: Vec<String>| lines += &format!("# {heading}\n{}\n", shown.join("\n"));
    let one = [OpenReason::ConsecutiveFailures { failures: 1 }, OpenReason::ProbesFailed { failures: 1 }];
    list("reasons of one call", one.map(|reason| reason.to_string()).into());
    list("rejections", rejections().into_iter().chain(more_rejections()).map(|it| it.to_string()).collect());
    list("next calls", next_calls().into_iter().chain(more_next_calls()).map(|next| next.to_string()).collect());

    list("events", events_in_all_their_forms().await.iter().map(Event::to_string).collect());
    compare_text("lines.txt", &lines);
}
