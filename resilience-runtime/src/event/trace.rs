//! Handing on to `tracing`: a span for each guarded call, and an event for each of ours.
//!
//! Collectors are the user's code and run where a call runs, as with everything that uses `tracing`; never under a lock of ours. One that panics, whatever it is asked
//! or told, harms no call.

use super::{Event, Topic, Transition};
use crate::caught::caught;
use crate::error::Failure;
use crate::kind::Kind;
use crate::state::State;
use std::time::Duration;
use tracing::level_filters::LevelFilter;
use tracing::{Level, Span};

/// Of all spans and events.
pub(crate) const TARGET: &str = "resilience";

/// Whether somebody collects events of this topic, at the most severe level that it has.
#[inline]
pub(super) fn wants(topic: Topic) -> bool {
    macro_rules! enabled {
        ($level:expr) => {
            // First what is known without asking anybody. Who panics in place of an answer is not told.
            $level <= LevelFilter::current() && caught(|| tracing::enabled!(target: TARGET, $level)) == Some(true)
        };
    }
    match topic {
        Topic::ConfigRefused => enabled!(Level::ERROR),
        Topic::Transition | Topic::Conflict => enabled!(Level::WARN),
        Topic::Steered | Topic::Reconfigured => enabled!(Level::INFO),
        Topic::Outcome => enabled!(Level::TRACE),
        Topic::Missed | Topic::Repeated => false,
        _ => enabled!(Level::DEBUG),
    }
}

/// Whether somebody collects changes of a policy, whatever they are.
pub(super) fn wants_changes() -> bool {
    [Topic::Transition, Topic::Steered].into_iter().any(wants)
}

fn level(event: &Event) -> Level {
    match event {
        Event::Transition(Transition { to: State::Open | State::ForcedOpen, monitored: false, .. })
        | Event::Conflict { .. } => Level::WARN,
        Event::ConfigRefused { .. } => Level::ERROR,
        Event::Transition(_) | Event::Steered { .. } | Event::Reconfigured { .. } => Level::INFO,
        Event::Outcome { .. } => Level::TRACE,
        _ => Level::DEBUG,
    }
}

pub(super) fn tell(event: &Event) {
    let order = event.order();
    macro_rules! at {
        ($level:expr) => {
            tracing::event!(
                target: TARGET,
                $level,
                resilience.event = event.topic().as_str(),
                resilience.policy = event.kind().map(Kind::as_str),
                resilience.name = event.name().map(|name| name.as_str()),
                resilience.key = event.key().map(|key| key.as_str()),
                resilience.by = event.by().and_then(|by| by.by()),
                resilience.why = event.by().and_then(|by| by.why()),
                resilience.generation = order.map(|order| order.generation),
                resilience.sequence = order.map(|order| order.sequence),
                "{event}"
            )
        };
    }
    // Each level is a place of its own to `tracing`.
    caught(|| match level(event) {
        Level::ERROR => at!(Level::ERROR),
        Level::WARN => at!(Level::WARN),
        Level::INFO => at!(Level::INFO),
        Level::DEBUG => at!(Level::DEBUG),
        _ => at!(Level::TRACE),
    });
}

/// A span whose end harms nobody either: what it is dropped for may be a panic already.
#[derive(Debug)]
pub(crate) struct QuietSpan(pub(crate) Span);

impl Drop for QuietSpan {
    fn drop(&mut self) {
        let span = std::mem::replace(&mut self.0, Span::none());
        caught(|| drop(span));
    }
}

/// Tells the guarded call's span something.
fn record(what: impl FnOnce(&Span)) {
    caught(|| what(&QuietSpan(Span::current()).0));
}

/// The guarded call fails so.
pub(crate) fn failed<E>(failure: &Failure<E>) {
    record(|span| {
        span.record("error.type", error_type(failure));
        record_policy(span, failure);
    });
}

fn record_policy<E>(span: &Span, failure: &Failure<E>) {
    if let Failure::Rejected(rejection) = failure {
        span.record("resilience.policy", rejection.kind().policy().map(Kind::as_str));
        span.record("resilience.name", rejection.name().as_str());
        span.record("resilience.key", rejection.key().map(|key| key.as_str()));
    }
}

/// As OpenTelemetry wants it: one of few words.
fn error_type<E>(failure: &Failure<E>) -> &'static str {
    match failure {
        Failure::Call(_) => std::any::type_name::<E>(),
        Failure::Rejected(rejection) => rejection.kind().as_str(),
    }
}

/// The guarded call was tried so often.
pub(crate) fn tried(attempts: u32, elapsed: Duration) {
    record(|span| {
        span.record("resilience.attempts", attempts);
        span.record("resilience.elapsed_ms", u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX));
    });
}

/// A fallback is asked about the guarded call. What it answers for is no error of the span.
pub(crate) fn fell_back<E>(failure: &Failure<E>) {
    record(|span| {
        span.record("resilience.fallback", true);
        span.record("resilience.fallback.reason", error_type(failure));
        record_policy(span, failure);
    });
}

/// The guarded call fails, and so did its fallback.
pub(crate) fn fallback_failed(error_type: &str) {
    record(|span| {
        span.record("error.type", error_type);
    });
}
