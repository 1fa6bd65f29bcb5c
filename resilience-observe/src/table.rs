//! Every metric once: its name, its kind, its words, and where its numbers come from. What is exported, in whatever form, is made of this table.

use crate::rows::{BreakerRow, Seen};
use resilience_runtime::{
    BulkheadSnapshot, CircuitBreakerSnapshot, Histogram, Kind, Operation, RateLimiterSnapshot, RetrySnapshot, State,
    TimeoutSnapshot,
};
use std::time::Duration;

/// What kind of number a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MetricKind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How many of what was measured are up to each of some bounds, how many there are, and how much they are together.
    Histogram,
}

impl MetricKind {
    /// `counter`, `gauge` or `histogram`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// All time series of one name.
#[derive(Debug)]
pub struct Family {
    pub(crate) name: &'static str,
    pub(crate) kind: MetricKind,
    pub(crate) help: &'static str,
    /// A label besides those of the source, and all of its values.
    pub(crate) words: Option<Words>,
    pub(crate) source: Source,
    pub(crate) folding: Folding,
    /// Whether the numbers are also another family's, under the name that older dashboards ask for.
    pub(crate) is_alias: bool,
}

/// A label and all of its values.
#[derive(Debug)]
pub(crate) struct Words {
    pub(crate) label: &'static str,
    pub(crate) values: &'static [&'static str],
}

/// What the policies beyond the bound are told as, together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Folding {
    Sum,
    Max,
    /// Of a number that means nothing for several.
    None,
}

/// A number, of the word at that place where there are words; `None` where there is none to be told.
type Value<R> = fn(&R, usize) -> Option<f64>;

/// A histogram, likewise.
type Times<R> = for<'r> fn(&'r R, usize) -> Option<&'r Histogram>;

/// What the numbers are read from.
#[derive(Debug)]
pub(crate) enum Source {
    CircuitBreaker(Value<BreakerRow>),
    CallTimes(Times<BreakerRow>),
    /// Of the keys of that kind of policy.
    Key(Kind),
    Retry(Value<RetrySnapshot>),
    Timeout(Value<TimeoutSnapshot>),
    Bulkhead(Value<BulkheadSnapshot>),
    RateLimit(Value<RateLimiterSnapshot>),
    /// Of functions that have a fallback.
    Fallback(Value<Operation>),
    /// 1 for each policy of each function.
    Layer,
    Observer(Value<Seen>),
}

impl Family {
    /// The name, as Prometheus has it: a counter's ends in `_total`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What kind of number it is.
    pub fn kind(&self) -> MetricKind {
        self.kind
    }

    /// What it means, in a sentence.
    pub fn help(&self) -> &'static str {
        self.help
    }

    /// The label besides that of the policy, and all values that it has.
    pub fn words(&self) -> Option<(&'static str, &'static [&'static str])> {
        self.words.as_ref().map(|words| (words.label, words.values))
    }

    /// All labels, where `policy` is the one that has the policy's name.
    pub fn labels<'l>(&self, policy: &'l str) -> Vec<&'l str> {
        let of_source: &[&str] = match self.source {
            Source::CircuitBreaker(_)
            | Source::CallTimes(_)
            | Source::Retry(_)
            | Source::Timeout(_)
            | Source::Bulkhead(_)
            | Source::RateLimit(_) => &[policy],
            Source::Key(_) => &[policy, "key"],
            Source::Fallback(_) => &["operation"],
            Source::Layer => &["operation", "kind", policy, "layer"],
            Source::Observer(_) => &[],
        };
        let of_words = self.words.as_ref().map(|words| words.label);
        let of_bounds = (self.kind == MetricKind::Histogram).then_some("le");
        of_source.iter().copied().chain(of_words).chain(of_bounds).collect()
    }

    /// Whether another family has the same numbers, so that [`Aliases::None`](crate::Aliases::None) leaves this one out.
    pub fn is_alias(&self) -> bool {
        self.is_alias
    }

    /// The name, as OpenTelemetry has it: without its kind and its unit, which are said beside it.
    pub fn otel_name(&self) -> String {
        let name = self.name.strip_suffix("_total").unwrap_or(self.name);
        let name = match (self.unit(), self.kind) {
            // `state_time`, beside `state`.
            (Some("seconds"), MetricKind::Counter) => name.replace("_seconds", "_time"),
            // OpenTelemetry has the sum alone: it has no histogram that is asked for.
            (_, MetricKind::Histogram) => name.replace("_duration_seconds", ".time"),
            (Some(unit), _) => name.trim_end_matches(unit).trim_end_matches('_').to_owned(),
            (None, _) => name.to_owned(),
        };
        let name = name.strip_prefix("resilience_").unwrap_or(&name);
        let of_kind = KIND_WORDS.iter().chain(&["fallback"]).find_map(|kind| {
            let rest = name.strip_prefix(kind)?.strip_prefix('_')?;
            Some(format!("resilience.{kind}.{rest}"))
        });
        of_kind.unwrap_or_else(|| format!("resilience.{name}"))
    }

    /// The unit, as OpenTelemetry writes it.
    #[cfg(feature = "opentelemetry")]
    pub(crate) fn otel_unit(&self) -> &'static str {
        match self.unit() {
            Some("seconds") => "s",
            _ => "1",
        }
    }

    /// The unit, which is the end of the name.
    pub(crate) fn unit(&self) -> Option<&'static str> {
        let name = self.name.strip_suffix("_total").unwrap_or(self.name);
        ["seconds", "ratio"].into_iter().find(|unit| name.strip_suffix(unit).is_some_and(|rest| rest.ends_with('_')))
    }
}

/// Every metric there is.
pub fn families() -> &'static [Family] {
    FAMILIES
}

const fn counter(name: &'static str, help: &'static str, source: Source) -> Family {
    Family { name, kind: MetricKind::Counter, help, words: None, source, folding: Folding::Sum, is_alias: false }
}

/// Of which the policies beyond the bound are told as their sum.
const fn gauge(name: &'static str, help: &'static str, source: Source) -> Family {
    Family { kind: MetricKind::Gauge, ..counter(name, help, source) }
}

const fn histogram(name: &'static str, help: &'static str, times: Times<BreakerRow>) -> Family {
    Family { kind: MetricKind::Histogram, ..counter(name, help, Source::CallTimes(times)) }
}

impl Family {
    const fn by(self, label: &'static str, values: &'static [&'static str]) -> Self {
        Self { words: Some(Words { label, values }), ..self }
    }

    const fn folded(self, folding: Folding) -> Self {
        Self { folding, ..self }
    }

    const fn alias(self) -> Self {
        Self { is_alias: true, ..self }
    }
}

/// The states, as [`State::as_str`] names them.
const STATES: [State; 6] =
    [State::Closed, State::Open, State::HalfOpen, State::ForcedOpen, State::Disabled, State::Monitoring];

const STATE_WORDS: &[&str] = &[
    STATES[0].as_str(),
    STATES[1].as_str(),
    STATES[2].as_str(),
    STATES[3].as_str(),
    STATES[4].as_str(),
    STATES[5].as_str(),
];

/// The kinds that the registry keeps, as [`Kind::as_str`](resilience_runtime::Kind::as_str) names them.
const KIND_WORDS: &[&str] = &["circuit_breaker", "retry", "timeout", "bulkhead", "rate_limit"];

/// As alerts compare it.
pub(crate) fn state_number(state: State) -> f64 {
    match state {
        State::Open | State::ForcedOpen => 1.0,
        State::HalfOpen => 2.0,
        // Closed, disabled, monitoring: calls pass.
        _ => 0.0,
    }
}

// Exact below 2^53, which a counter of calls does not reach in a process's life.
#[allow(clippy::cast_precision_loss)]
const fn count(number: u64) -> Option<f64> {
    Some(number as f64)
}

fn seconds(duration: Duration) -> Option<f64> {
    Some(duration.as_secs_f64())
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    if whole == 0 { None } else { Some(count(part)? / count(whole)?) }
}

const fn breaker(value: Value<BreakerRow>) -> Source {
    Source::CircuitBreaker(value)
}

/// Everything that came and is over.
fn requests(breaker: &CircuitBreakerSnapshot) -> u64 {
    let totals = breaker.totals;
    let admitted = totals.successes + totals.failures + totals.ignored + totals.cancelled + totals.abandoned;
    admitted + totals.stale + totals.rejected
}

static FAMILIES: &[Family] = &[
    gauge(
        "circuit_breaker_state",
        "What the breaker does with calls: 0 lets them pass (closed, disabled, monitoring), 1 rejects them (open, forced open), 2 tries some (half-open). With keys, what it does with the calls of the worst key.",
        breaker(|row, _| Some(state_number(row.snapshot.state))),
    )
    .folded(Folding::Max),
    gauge(
        "circuit_breaker_current_state",
        "1 for the state that the breaker is in, 0 for the others.",
        breaker(|row, nth| Some(f64::from(u8::from(STATES[nth] == row.snapshot.state)))),
    )
    .by("state", STATE_WORDS),
    gauge(
        "circuit_breaker_decided_state",
        "As circuit_breaker_state; of a breaker that only monitors, what it would do.",
        breaker(|row, _| Some(state_number(row.snapshot.decided))),
    )
    .folded(Folding::Max),
    counter(
        "circuit_breaker_requests_total",
        "Calls that came and are over: those that were let through and those that were rejected.",
        breaker(|row, _| count(requests(&row.snapshot))),
    ),
    counter(
        "circuit_breaker_calls_total",
        "Calls by how they ended. Every call ends in exactly one of these.",
        breaker(|row, nth| {
            let totals = row.snapshot.totals;
            count(
                [
                    totals.successes,
                    totals.failures,
                    totals.ignored,
                    totals.cancelled,
                    totals.abandoned,
                    totals.stale,
                    totals.rejected,
                ][nth],
            )
        }),
    )
    .by("outcome", &["success", "failure", "ignored", "cancelled", "abandoned", "stale", "rejected"]),
    counter(
        "circuit_breaker_successes_total",
        "Calls that succeeded.",
        breaker(|row, _| count(row.snapshot.totals.successes)),
    )
    .alias(),
    counter(
        "circuit_breaker_requests_success_total",
        "Calls that succeeded.",
        breaker(|row, _| count(row.snapshot.totals.successes)),
    )
    .alias(),
    counter(
        "circuit_breaker_failures_total",
        "Calls that failed.",
        breaker(|row, _| count(row.snapshot.totals.failures)),
    )
    .alias(),
    counter(
        "circuit_breaker_requests_failed_total",
        "Calls that failed.",
        breaker(|row, _| count(row.snapshot.totals.failures)),
    )
    .alias(),
    counter(
        "circuit_breaker_rejects_total",
        "Calls that the breaker rejected.",
        breaker(|row, _| count(row.snapshot.totals.rejected)),
    )
    .alias(),
    counter(
        "circuit_breaker_would_rejects_total",
        "Calls that were let through and would have been rejected: by a breaker that monitors, or that enforces a share.",
        breaker(|row, _| count(row.snapshot.totals.would_reject)),
    ),
    counter(
        "circuit_breaker_slow_calls_total",
        "Calls that took longer than slow_call.",
        breaker(|row, _| count(row.snapshot.totals.slow)),
    ),
    histogram(
        "circuit_breaker_call_duration_seconds",
        "How long the calls took that succeeded or failed. Absent of a breaker for which latency was never on.",
        |row, nth| {
            let latency = row.snapshot.latency.as_ref()?;
            Some([&latency.success, &latency.failure][nth])
        },
    )
    .by("outcome", &["success", "failure"]),
    counter(
        "circuit_breaker_panics_total",
        "Failures by a panic.",
        breaker(|row, _| count(row.snapshot.totals.panicked)),
    ),
    counter(
        "circuit_breaker_fallbacks_total",
        "Calls for which the fallback of a function with this breaker was asked.",
        breaker(|row, _| count(row.fallbacks)),
    ),
    counter(
        "circuit_breaker_fallback_success_total",
        "Calls for which that fallback has answered with success.",
        breaker(|row, _| count(row.answered_fallbacks)),
    ),
    counter(
        "circuit_breaker_state_changes_total",
        "How often the breaker entered each state.",
        breaker(|row, nth| count(*row.snapshot.history?.entered.of(STATES[nth]))),
    )
    .by("state", STATE_WORDS),
    counter(
        "circuit_breaker_state_seconds_total",
        "How long the breaker was in each state, up to now.",
        breaker(|row, nth| seconds(*row.snapshot.history?.time.of(STATES[nth]))),
    )
    .by("state", STATE_WORDS),
    counter(
        "circuit_breaker_openings_total",
        "How often the breaker opened, by the reason.",
        breaker(|row, nth| {
            let openings = row.snapshot.history?.openings;
            count(
                [
                    openings.failure_rate,
                    openings.slow_call_rate,
                    openings.consecutive_failures,
                    openings.trip_if,
                    openings.verdict,
                    openings.probes_failed,
                    openings.probe_timed_out,
                    openings.forced,
                    openings.forced_for,
                ][nth],
            )
        }),
    )
    .by(
        "reason",
        &[
            "failure_rate",
            "slow_call_rate",
            "consecutive_failures",
            "trip_if",
            "verdict",
            "probes_failed",
            "probe_timed_out",
            "forced",
            "forced_for",
        ],
    ),
    counter(
        "circuit_breaker_recoveries_total",
        "Outages that are over: how often the breaker has closed after it had opened.",
        breaker(|row, _| count(row.snapshot.history?.recoveries)),
    ),
    gauge(
        "circuit_breaker_recovery_duration_seconds",
        "How long the last outage took, from leaving closed to closing. Absent before the first is over.",
        breaker(|row, _| row.snapshot.history?.last_recovery.and_then(seconds)),
    )
    .folded(Folding::Max),
    gauge(
        "circuit_breaker_window_calls",
        "Calls in the window.",
        breaker(|row, _| count(row.snapshot.window.calls)),
    ),
    gauge(
        "circuit_breaker_window_failures",
        "Failed calls in the window.",
        breaker(|row, _| count(row.snapshot.window.failures)),
    ),
    gauge(
        "circuit_breaker_window_slow_calls",
        "Slow calls in the window.",
        breaker(|row, _| count(row.snapshot.window.slow)),
    ),
    gauge(
        "circuit_breaker_failure_ratio",
        "Share of the calls in the window that failed, 0 to 1. Absent while the window is empty.",
        breaker(|row, _| ratio(row.snapshot.window.failures, row.snapshot.window.calls)),
    )
    .folded(Folding::None),
    gauge(
        "circuit_breaker_slow_call_ratio",
        "Share of the calls in the window that were slow, 0 to 1. Absent while the window is empty.",
        breaker(|row, _| ratio(row.snapshot.window.slow, row.snapshot.window.slow_of)),
    )
    .folded(Folding::None),
    gauge(
        "circuit_breaker_enforced_ratio",
        "Share of the calls to be rejected that are rejected: 1, less while a share is enforced, 0 while monitoring or disabled.",
        breaker(|row, _| Some(f64::from(row.snapshot.enforced_percent) / 100.0)),
    )
    .folded(Folding::None),
    gauge(
        "circuit_breaker_probe_due_seconds",
        "How long until an open breaker lets a call through as a probe. Absent of one that is not open.",
        breaker(|row, _| row.snapshot.probe_due_in.and_then(seconds)),
    )
    .folded(Folding::None),
    gauge(
        "circuit_breaker_keys",
        "Keys that have a breaker of their own. Absent of a breaker without keys.",
        breaker(|row, _| count(row.snapshot.keys?.held)),
    ),
    gauge(
        "circuit_breaker_keys_not_closed",
        "Of those keys, the ones that are open, half-open or forced open.",
        breaker(|row, _| count(row.snapshot.keys?.not_closed)),
    ),
    counter(
        "circuit_breaker_key_evictions_total",
        "Keys that lost their breaker to another one.",
        breaker(|row, _| count(row.snapshot.keys?.evicted)),
    ),
    counter(
        "circuit_breaker_key_overflows_total",
        "Calls that went to the overflow breaker, since no key could make room.",
        breaker(|row, _| count(row.snapshot.keys?.overflowed)),
    ),
    gauge(
        "circuit_breaker_key_state",
        "As circuit_breaker_state, of the keys that are not closed. Only where it was asked for.",
        Source::Key(Kind::CircuitBreaker),
    ),
    counter(
        "resilience_retry_retries_total",
        "Attempts beyond the first.",
        Source::Retry(|row, _| count(row.retries)),
    ),
    counter(
        "resilience_retry_recovered_total",
        "Calls that succeeded after their first attempt had failed.",
        Source::Retry(|row, _| count(row.recovered)),
    ),
    counter(
        "resilience_retry_gave_up_total",
        "Calls that failed in the end, by the reason why no other attempt followed. An error of a first attempt that is not worth another is not among them.",
        Source::Retry(|row, nth| {
            let gave_up = row.gave_up;
            count(
                [
                    gave_up.attempts,
                    gave_up.not_retryable,
                    gave_up.elapsed,
                    gave_up.asked_too_much,
                    gave_up.budget,
                    gave_up.circuit_open,
                    gave_up.turned_off,
                ][nth],
            )
        }),
    )
    .by(
        "why",
        &["attempts", "not_retryable", "elapsed", "asked_too_much", "budget", "circuit_open", "turned_off"],
    ),
    gauge(
        "resilience_retry_attempts_limit",
        "Attempts that a call has at most.",
        Source::Retry(|row, _| Some(f64::from(row.attempts))),
    )
    .folded(Folding::None),
    gauge(
        "resilience_retry_budget_ratio",
        "Share of all calls that may be retries. Absent without a budget.",
        Source::Retry(|row, _| row.budget.map(|percent| percent / 100.0)),
    )
    .folded(Folding::None),
    counter(
        "resilience_timeout_timeouts_total",
        "Calls that took too long and were dropped.",
        Source::Timeout(|row, _| count(row.timed_out)),
    ),
    gauge(
        "resilience_timeout_limit_seconds",
        "How long a call may take.",
        Source::Timeout(|row, _| seconds(row.after)),
    )
    .folded(Folding::None),
    gauge(
        "resilience_bulkhead_inside",
        "Calls inside the bulkhead.",
        Source::Bulkhead(|row, _| count(row.inside)),
    ),
    gauge(
        "resilience_bulkhead_waiting",
        "Calls that wait to be let in.",
        Source::Bulkhead(|row, _| count(row.waiting)),
    ),
    gauge(
        "resilience_bulkhead_limit",
        "Calls that may be inside at once.",
        Source::Bulkhead(|row, _| count(row.max_concurrent)),
    ),
    gauge(
        "resilience_bulkhead_queue_limit",
        "Calls that may wait.",
        Source::Bulkhead(|row, _| count(row.max_queue)),
    ),
    counter(
        "resilience_bulkhead_admitted_total",
        "Calls that were let in, at once or after waiting.",
        Source::Bulkhead(|row, _| count(row.admitted)),
    ),
    counter(
        "resilience_bulkhead_rejects_total",
        "Calls that were not let in, because the queue was full or because they had waited for max_wait.",
        Source::Bulkhead(|row, nth| count([row.rejected, row.timed_out][nth])),
    )
    .by("why", &["full", "max_wait"]),
    gauge(
        "resilience_bulkhead_keys",
        "Keys that have a bulkhead of their own. Absent of a bulkhead without keys.",
        Source::Bulkhead(|row, _| count(row.keys?.held)),
    ),
    gauge(
        "resilience_bulkhead_keys_full",
        "Of those keys, the ones that are full.",
        Source::Bulkhead(|row, _| count(row.keys?.not_closed)),
    ),
    counter(
        "resilience_bulkhead_key_evictions_total",
        "Keys that lost their bulkhead to another one.",
        Source::Bulkhead(|row, _| count(row.keys?.evicted)),
    ),
    counter(
        "resilience_bulkhead_key_overflows_total",
        "Calls that went to the bulkhead for all other keys, since no key could make room.",
        Source::Bulkhead(|row, _| count(row.keys?.overflowed)),
    ),
    counter(
        "resilience_bulkhead_key_rejects_total",
        "Calls that were not let in, of the keys that have turned away the most. Only where it was asked for.",
        Source::Key(Kind::Bulkhead),
    ),
    counter(
        "resilience_rate_limit_allowed_total",
        "Calls that have passed, at once or after waiting.",
        Source::RateLimit(|row, _| count(row.allowed)),
    ),
    counter(
        "resilience_rate_limit_waited_total",
        "Of the calls that have passed, the ones that have waited for their turn.",
        Source::RateLimit(|row, _| count(row.waited)),
    ),
    counter(
        "resilience_rate_limit_rejects_total",
        "Calls whose turn was too far away.",
        Source::RateLimit(|row, _| count(row.rejected)),
    ),
    gauge(
        "resilience_rate_limit_available",
        "Calls that would pass now, one after the other.",
        Source::RateLimit(|row, _| count(row.available)),
    ),
    gauge(
        "resilience_rate_limit_waiting",
        "Calls that wait for their turn.",
        Source::RateLimit(|row, _| count(row.waiting)),
    ),
    gauge(
        "resilience_rate_limit_limit_per_second",
        "Calls that may pass in a second, in the long run.",
        Source::RateLimit(|row, _| Some(f64::from(row.rate) / row.per.as_secs_f64())),
    )
    .folded(Folding::None),
    gauge(
        "resilience_rate_limit_keys",
        "Keys that have a rate limiter of their own. Absent of a rate limiter without keys.",
        Source::RateLimit(|row, _| count(row.keys?.held)),
    ),
    gauge(
        "resilience_rate_limit_keys_exhausted",
        "Of those keys, the ones whose next call would have to wait for its turn, or be rejected.",
        Source::RateLimit(|row, _| count(row.keys?.not_closed)),
    ),
    counter(
        "resilience_rate_limit_key_evictions_total",
        "Keys that lost their rate limiter to another one.",
        Source::RateLimit(|row, _| count(row.keys?.evicted)),
    ),
    counter(
        "resilience_rate_limit_key_overflows_total",
        "Calls that went to a rate limiter that all other keys share, since no key could make room.",
        Source::RateLimit(|row, _| count(row.keys?.overflowed)),
    ),
    counter(
        "resilience_rate_limit_key_rejects_total",
        "Calls whose turn was too far away, of the keys that have rejected the most. Only where it was asked for.",
        Source::Key(Kind::RateLimit),
    ),
    counter(
        "resilience_fallback_calls_total",
        "Calls for which the function's fallback was asked.",
        Source::Fallback(|operation, _| count(operation.fallbacks())),
    ),
    counter(
        "resilience_fallback_failures_total",
        "Calls for which the function's fallback failed too.",
        Source::Fallback(|operation, _| count(operation.failed_fallbacks())),
    ),
    gauge(
        "resilience_operation_info",
        "1 for each policy of each guarded function, to join by; layer 0 is the outermost, which may be a fallback.",
        Source::Layer,
    ),
    gauge("resilience_policies", "Policies in the registry.", Source::Observer(|seen, nth| count(seen.policies[nth])))
        .by("kind", KIND_WORDS),
    gauge(
        "resilience_folded_policies",
        "Policies beyond the bound, which are told together under the name (other).",
        Source::Observer(|seen, nth| count(seen.folded[nth])),
    )
    .by("kind", KIND_WORDS),
    counter(
        "resilience_config_conflicts_total",
        "Names that two places configure differently, since the observer was built.",
        Source::Observer(|seen, _| count(seen.conflicts)),
    ),
    counter(
        "resilience_config_refused_total",
        "Configurations that were refused, since the observer was built.",
        Source::Observer(|seen, _| count(seen.refused)),
    ),
    counter(
        "resilience_events_lost_total",
        "Conflicts and refused configurations that were told faster than anybody asked, and are in neither of the two.",
        Source::Observer(|seen, _| count(seen.lost)),
    ),
    gauge(
        "resilience_build_info",
        "1, with the version of the exporter.",
        Source::Observer(|_, _| Some(1.0)),
    )
    .by("version", &[env!("CARGO_PKG_VERSION")]),
];

#[cfg(test)]
mod tests {
    use super::*;
    use resilience_runtime::GaveUp;
    use std::collections::HashSet;

    #[test]
    fn every_name_is_one_that_prometheus_wants_and_there_once() {
        let (mut names, mut open_names, mut otel_names) = (HashSet::new(), HashSet::new(), HashSet::new());
        for family in families() {
            let name = family.name();
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{name}");
            assert!(name.starts_with("circuit_breaker_") || name.starts_with("resilience_"), "{name}");
            assert_eq!(name.ends_with("_total"), family.kind() == MetricKind::Counter, "{name}");
            assert!(!["_count", "_sum", "_bucket", "_created"].iter().any(|end| name.ends_with(end)), "{name}");
            assert!(names.insert(name), "{name} is there twice");
            let otel_name = family.otel_name();
            let is_one = |part: &str| part.chars().all(|c| c.is_ascii_lowercase() || c == '_') && !part.ends_with('_');
            assert!(otel_name.starts_with("resilience.") && otel_name.split('.').all(is_one), "{otel_name}");
            assert!(family.is_alias() || otel_names.insert(otel_name.clone()), "{otel_name} is there twice");
            assert!(open_names.insert(name.trim_end_matches("_total")), "{name}, without its end, is there twice");
        }
    }

    #[test]
    fn every_help_is_a_sentence_that_needs_no_escaping() {
        for family in families() {
            let help = family.help();
            assert!(help.ends_with(|c: char| c == '.' || c.is_ascii_lowercase()), "{}: {help}", family.name());
            assert!(!help.contains(['"', '\\', '\n']), "{}: {help}", family.name());
        }
    }

    #[test]
    fn words_are_a_closed_set_of_plain_ones() {
        for (label, values) in families().iter().filter_map(Family::words) {
            assert!(label.chars().all(|c| c.is_ascii_lowercase()), "{label}");
            let distinct: HashSet<_> = values.iter().collect();
            assert_eq!(distinct.len(), values.len(), "{label}: {values:?}");
        }
        let kept = Kind::ALL.iter().filter(|kind| **kind != Kind::Fallback).map(|kind| kind.as_str());
        assert_eq!(KIND_WORDS, kept.collect::<Vec<_>>(), "a new kind wants its families");
        let gave_up = families().iter().find(|family| family.name() == "resilience_retry_gave_up_total").unwrap();
        let reasons: Vec<_> = GaveUp::ALL.iter().map(|why| why.as_str()).collect();
        assert_eq!(gave_up.words().unwrap().1, reasons);
    }

    #[test]
    fn an_alias_has_the_name_of_none_that_stays_without_it() {
        assert!(families().iter().any(Family::is_alias));
        assert!(families().iter().filter(|family| family.is_alias()).all(|alias| alias.words().is_none()));
    }
}
