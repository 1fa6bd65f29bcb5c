//! Handing on to `tracing`: a span for each guarded call, and an event for each of ours.
//!
//! Collectors are the user's code and run where a call runs, as with everything that uses `tracing`; never under a lock of ours. One that panics, whatever it is asked
//! or told, harms no call.

use super::{Event, RetryEvent, Topic, Transition};
use crate::caught::caught;
use crate::cause::Cause;
use crate::error::{Failure, OpenReason, RejectionKind};
use crate::kind::Kind;
use crate::state::State;
use std::time::Duration;
use tracing::level_filters::{LevelFilter, STATIC_MAX_LEVEL};
use tracing::{Level, Span};

/// Of all spans and events.
pub(crate) const TARGET: &str = "resilience";
/// Of the spans of guarded calls.
pub(crate) const SPAN_NAME: &str = "guarded_call";

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
        Topic::Transition | Topic::Conflict | Topic::Trap => enabled!(Level::WARN),
        Topic::Steered | Topic::Reconfigured => enabled!(Level::INFO),
        Topic::Outcome => enabled!(Level::TRACE),
        Topic::Missed | Topic::Repeated => false,
        _ => enabled!(Level::DEBUG),
    }
}

/// Whether somebody may collect outcomes, as far as it is known without asking anybody.
#[inline(always)]
pub(super) fn may_want_outcomes() -> bool {
    Level::TRACE <= STATIC_MAX_LEVEL && Level::TRACE <= LevelFilter::current()
}

/// Whether somebody may collect how long the attempts of a call took, in its span or in events of a lower level, as far as it is known without asking anybody.
#[inline(always)]
pub(super) fn may_want_attempts() -> bool {
    Level::INFO <= STATIC_MAX_LEVEL && Level::INFO <= LevelFilter::current()
}

/// Whether somebody collects changes of a policy, whatever they are.
pub(super) fn wants_changes() -> bool {
    [Topic::Transition, Topic::Steered].into_iter().any(wants)
}

fn level(event: &Event) -> Level {
    match event {
        Event::Transition(Transition { to: State::Open | State::ForcedOpen, monitored: false, .. })
        | Event::Conflict { .. }
        | Event::Trap { .. } => Level::WARN,
        Event::ConfigRefused { .. } => Level::ERROR,
        Event::Transition(_) | Event::Steered { .. } | Event::Reconfigured { .. } => Level::INFO,
        Event::Outcome { .. } => Level::TRACE,
        _ => Level::DEBUG,
    }
}

/// What an event says besides its name, as fields. Numbers have a sign, since those without one become text on their way to OpenTelemetry.
#[derive(Default)]
struct Facts<'e> {
    from: Option<&'static str>,
    to: Option<&'static str>,
    reason: Option<&'static str>,
    rejection: Option<&'static str>,
    operation: Option<&'e str>,
    attempt: Option<i64>,
    /// How long the call or its attempts have taken.
    elapsed_ms: Option<i64>,
    wait_ms: Option<i64>,
    retry_after_ms: Option<i64>,
    limit_ms: Option<i64>,
}

impl<'e> Facts<'e> {
    fn of(event: &'e Event) -> Self {
        let none = Self::default();
        let word = |rejection: &Option<RejectionKind>| rejection.map(RejectionKind::as_str);
        match event {
            Event::Transition(Transition { from, to, reason, .. }) => {
                let reason = reason.map(OpenReason::as_str);
                Self { from: Some(from.as_str()), to: Some(to.as_str()), reason, ..none }
            }
            Event::Retry(RetryEvent { attempt, wait, elapsed, rejection, .. }) => Self {
                attempt: Some(i64::from(*attempt)),
                wait_ms: millis(*wait),
                elapsed_ms: millis(*elapsed),
                rejection: word(rejection),
                ..none
            },
            Event::RetriesEnded { attempts, elapsed, why, rejection, .. } => Self {
                attempt: Some(i64::from(*attempts)),
                elapsed_ms: millis(*elapsed),
                reason: Some(why.as_str()),
                rejection: word(rejection),
                ..none
            },
            Event::Rejected { rejection, retry_after, operation, .. } => Self {
                rejection: Some(rejection.as_str()),
                retry_after_ms: retry_after.and_then(millis),
                operation: operation.as_deref(),
                ..none
            },
            Event::TimedOut { after, operation, .. } => {
                Self { limit_ms: millis(*after), operation: operation.as_deref(), ..none }
            }
            Event::Fallback { rejection, .. } => Self { rejection: word(rejection), ..none },
            Event::SlowCall { took, limit, .. } => Self { elapsed_ms: millis(*took), limit_ms: millis(*limit), ..none },
            Event::Trap { trap, .. } => Self { reason: Some(trap.as_str()), ..none },
            Event::Outcome { ended, .. } => Self { reason: Some(ended.as_str()), ..none },
            _ => none,
        }
    }
}

fn millis(time: Duration) -> Option<i64> {
    i64::try_from(time.as_millis()).ok()
}

pub(super) fn tell(event: &Event) {
    let (order, facts) = (event.order(), Facts::of(event));
    macro_rules! at {
        ($level:expr) => {
            tracing::event!(
                target: TARGET,
                $level,
                resilience.event = event.topic().as_str(),
                resilience.policy = event.kind().map(Kind::as_str),
                resilience.name = event.name().map(|name| name.as_str()),
                resilience.key = event.key().map(|key| key.as_str()),
                resilience.cause = event.cause().map(|cause| cause.as_str()),
                resilience.by = event.by().and_then(|by| by.by()),
                resilience.why = event.by().and_then(|by| by.why()),
                resilience.from = facts.from,
                resilience.to = facts.to,
                resilience.reason = facts.reason,
                resilience.rejection = facts.rejection,
                resilience.operation = facts.operation,
                resilience.attempt = facts.attempt,
                resilience.elapsed_ms = facts.elapsed_ms,
                resilience.wait_ms = facts.wait_ms,
                resilience.retry_after_ms = facts.retry_after_ms,
                resilience.limit_ms = facts.limit_ms,
                resilience.generation = order.map(|order| order.generation.cast_signed()),
                resilience.sequence = order.map(|order| order.sequence.cast_signed()),
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

/// Tells the guarded call's span something. Where nobody collects it, the span around it is somebody else's, who may have fields of the same names.
fn record(what: impl FnOnce(&Span)) {
    caught(|| {
        let span = QuietSpan(Span::current());
        let is_ours = |of: &tracing::Metadata<'_>| of.name() == SPAN_NAME && of.target() == TARGET;
        if span.0.metadata().is_some_and(is_ours) {
            what(&span.0);
        }
    });
}

/// As tracing-opentelemetry makes it the span's status.
fn record_error(span: &Span, error_type: &str) {
    span.record("error.type", error_type);
    span.record("otel.status_code", "ERROR");
}

/// The guarded call is a probe, by which its circuit breaker finds out whether the dependency is back.
pub(crate) fn probes() {
    record(|span| _ = span.record("resilience.probe", true));
}

/// The guarded call would have been rejected, had its circuit breaker enforced what it decides.
pub(crate) fn would_be_rejected() {
    record(|span| _ = span.record("resilience.would_reject", true));
}

/// The guarded call fails so.
pub(crate) fn failed<E>(failure: &Failure<E>) {
    record(|span| {
        record_error(span, error_type(failure));
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
        span.record("resilience.attempts", i64::from(attempts));
        span.record("resilience.elapsed_ms", millis(elapsed));
    });
}

/// A fallback is asked about the guarded call. What it answers for is no error of the span.
pub(crate) fn fell_back<E>(failure: &Failure<E>, cause: impl FnOnce() -> Option<Cause>) {
    record(|span| {
        span.record("resilience.fallback", true);
        span.record("resilience.fallback.reason", error_type(failure));
        record_policy(span, failure);
        span.record("resilience.fallback.cause", cause().as_ref().map(Cause::as_str));
    });
}

/// The guarded call fails, and so did its fallback.
pub(crate) fn fallback_failed<E>(_: &E, cause: impl FnOnce() -> Option<Cause>) {
    record(|span| {
        record_error(span, std::any::type_name::<E>());
        span.record("resilience.cause", cause().as_ref().map(Cause::as_str));
    });
}

/// What the guarded call's own error says.
pub(crate) fn failed_because(cause: impl FnOnce() -> Option<Cause>) {
    record(|span| _ = span.record("resilience.cause", cause().as_ref().map(Cause::as_str)));
}
