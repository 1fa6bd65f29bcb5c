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
    use resilience_runtime::testing::Scope;
    use resilience_runtime::{Bulkhead, CircuitBreaker, GaveUp, KeyCounts, Rate, RateLimiter, Retry, Timeout};
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

    fn keys(first: u64) -> Option<KeyCounts> {
        let mut keys = KeyCounts::default();
        (keys.held, keys.not_closed, keys.evicted, keys.overflowed) = (first, first + 1, first + 2, first + 3);
        Some(keys)
    }

    /// One of each, in which no two numbers are the same.
    fn one_of_each() -> (BreakerRow, RetrySnapshot, TimeoutSnapshot, BulkheadSnapshot, RateLimiterSnapshot) {
        let scope = Scope::new();
        let _entered = scope.enter();
        // Only one in a registry has a history.
        let mut breaker = CircuitBreaker::builder("one").register().unwrap().snapshot();
        (breaker.state, breaker.decided, breaker.enforced_percent) = (State::HalfOpen, State::Open, 30);
        breaker.probe_due_in = Some(Duration::from_millis(33_500));
        breaker.keys = keys(70);
        let totals = &mut breaker.totals;
        (totals.successes, totals.failures, totals.ignored, totals.cancelled) = (1, 2, 4, 8);
        (totals.abandoned, totals.stale, totals.rejected) = (16, 32, 64);
        (totals.would_reject, totals.slow, totals.panicked) = (128, 256, 512);
        let window = &mut breaker.window;
        (window.calls, window.failures, window.slow, window.slow_of) = (80, 20, 12, 96);
        let history = breaker.history.as_mut().unwrap();
        let (entered, time, openings) = (&mut history.entered, &mut history.time, &mut history.openings);
        (entered.closed, entered.open, entered.half_open) = (101, 102, 103);
        (entered.forced_open, entered.disabled, entered.monitoring) = (104, 105, 106);
        let second = Duration::from_secs(1);
        (time.closed, time.open, time.half_open) = (111 * second, 112 * second, 113 * second);
        (time.forced_open, time.disabled, time.monitoring) = (114 * second, 115 * second, 116 * second);
        (openings.failure_rate, openings.slow_call_rate, openings.consecutive_failures) = (121, 122, 123);
        (openings.trip_if, openings.verdict, openings.probes_failed) = (124, 125, 126);
        (openings.probe_timed_out, openings.forced, openings.forced_for) = (127, 129, 130);
        (history.recoveries, history.last_recovery) = (131, Some(132 * second));
        let mut retry = Retry::builder("one").attempts(7).budget(12.5).build().unwrap().snapshot();
        (retry.retries, retry.recovered) = (201, 202);
        let gave_up = &mut retry.gave_up;
        (gave_up.attempts, gave_up.not_retryable, gave_up.elapsed, gave_up.asked_too_much) = (203, 204, 205, 206);
        (gave_up.budget, gave_up.circuit_open, gave_up.turned_off) = (207, 208, 209);
        let mut timeout = Timeout::builder("one").after(Duration::from_millis(2500)).build().unwrap().snapshot();
        timeout.timed_out = 301;
        let mut bulkhead = Bulkhead::builder("one").max_concurrent(401).max_queue(402).build().unwrap().snapshot();
        (bulkhead.inside, bulkhead.waiting, bulkhead.keys) = (403, 404, keys(410));
        (bulkhead.admitted, bulkhead.rejected, bulkhead.timed_out) = (405, 406, 407);
        let rate = Rate::new(30, Duration::from_secs(60));
        let mut limiter = RateLimiter::builder("one").rate(rate).build().unwrap().snapshot();
        (limiter.allowed, limiter.waited, limiter.rejected) = (501, 502, 503);
        (limiter.available, limiter.waiting, limiter.keys) = (504, 505, keys(510));
        (BreakerRow { snapshot: breaker, fallbacks: 1024, answered_fallbacks: 2048 }, retry, timeout, bulkhead, limiter)
    }

    #[test]
    fn every_number_is_the_one_that_its_name_says() {
        let (breaker, retry, timeout, bulkhead, limiter) = one_of_each();
        let seen = Seen {
            policies: [601, 602, 603, 604, 605],
            folded: [611, 612, 613, 614, 615],
            conflicts: 621,
            refused: 622,
            lost: 623,
        };
        let told = families().iter().filter_map(|family| {
            let values = |of: &dyn Fn(usize) -> Option<f64>| {
                let values = (0..family.words().map_or(1, |(_, words)| words.len())).map(of);
                let values = values.map(|value| value.map_or("-".to_owned(), |value| value.to_string()));
                Some(format!("{} {}", family.name(), values.collect::<Vec<_>>().join(" ")))
            };
            match family.source {
                Source::CircuitBreaker(of) => values(&|nth| of(&breaker, nth)),
                Source::Retry(of) => values(&|nth| of(&retry, nth)),
                Source::Timeout(of) => values(&|nth| of(&timeout, nth)),
                Source::Bulkhead(of) => values(&|nth| of(&bulkhead, nth)),
                Source::RateLimit(of) => values(&|nth| of(&limiter, nth)),
                Source::Observer(of) => values(&|nth| of(&seen, nth)),
                // Others look at what is counted when a program runs.
                Source::CallTimes(_) | Source::Key(_) | Source::Fallback(_) | Source::Layer => None,
            }
        });
        let expected = "\
circuit_breaker_state 2
circuit_breaker_current_state 0 0 1 0 0 0
circuit_breaker_decided_state 1
circuit_breaker_requests_total 127
circuit_breaker_calls_total 1 2 4 8 16 32 64
circuit_breaker_successes_total 1
circuit_breaker_requests_success_total 1
circuit_breaker_failures_total 2
circuit_breaker_requests_failed_total 2
circuit_breaker_rejects_total 64
circuit_breaker_would_rejects_total 128
circuit_breaker_slow_calls_total 256
circuit_breaker_panics_total 512
circuit_breaker_fallbacks_total 1024
circuit_breaker_fallback_success_total 2048
circuit_breaker_state_changes_total 101 102 103 104 105 106
circuit_breaker_state_seconds_total 111 112 113 114 115 116
circuit_breaker_openings_total 121 122 123 124 125 126 127 129 130
circuit_breaker_recoveries_total 131
circuit_breaker_recovery_duration_seconds 132
circuit_breaker_window_calls 80
circuit_breaker_window_failures 20
circuit_breaker_window_slow_calls 12
circuit_breaker_failure_ratio 0.25
circuit_breaker_slow_call_ratio 0.125
circuit_breaker_enforced_ratio 0.3
circuit_breaker_probe_due_seconds 33.5
circuit_breaker_keys 70
circuit_breaker_keys_not_closed 71
circuit_breaker_key_evictions_total 72
circuit_breaker_key_overflows_total 73
resilience_retry_retries_total 201
resilience_retry_recovered_total 202
resilience_retry_gave_up_total 203 204 205 206 207 208 209
resilience_retry_attempts_limit 7
resilience_retry_budget_ratio 0.125
resilience_timeout_timeouts_total 301
resilience_timeout_limit_seconds 2.5
resilience_bulkhead_inside 403
resilience_bulkhead_waiting 404
resilience_bulkhead_limit 401
resilience_bulkhead_queue_limit 402
resilience_bulkhead_admitted_total 405
resilience_bulkhead_rejects_total 406 407
resilience_bulkhead_keys 410
resilience_bulkhead_keys_full 411
resilience_bulkhead_key_evictions_total 412
resilience_bulkhead_key_overflows_total 413
resilience_rate_limit_allowed_total 501
resilience_rate_limit_waited_total 502
resilience_rate_limit_rejects_total 503
resilience_rate_limit_available 504
resilience_rate_limit_waiting 505
resilience_rate_limit_limit_per_second 0.5
resilience_rate_limit_keys 510
resilience_rate_limit_keys_exhausted 511
resilience_rate_limit_key_evictions_total 512
resilience_rate_limit_key_overflows_total 513
resilience_policies 601 602 603 604 605
resilience_folded_policies 611 612 613 614 615
resilience_config_conflicts_total 621
resilience_config_refused_total 622
resilience_events_lost_total 623
resilience_build_info 1";
        assert_eq!(told.collect::<Vec<_>>().join("\n"), expected);
    }

    #[test]
    fn what_is_not_there_has_no_number() {
        let (mut breaker, mut retry, ..) = one_of_each();
        let snapshot = &mut breaker.snapshot;
        (snapshot.keys, snapshot.history, snapshot.probe_due_in) = (None, None, None);
        (snapshot.window.calls, snapshot.window.slow_of, retry.budget) = (0, 0, None);
        let is_absent = |family: &&Family| match family.source {
            Source::CircuitBreaker(of) => of(&breaker, 0).is_none(),
            Source::CallTimes(of) => of(&breaker, 0).is_none(),
            Source::Retry(of) => of(&retry, 0).is_none(),
            _ => false,
        };
        let absent: Vec<_> = families().iter().filter(is_absent).map(Family::name).collect();
        let expected = [
            "circuit_breaker_call_duration_seconds",
            "circuit_breaker_state_changes_total",
            "circuit_breaker_state_seconds_total",
            "circuit_breaker_openings_total",
            "circuit_breaker_recoveries_total",
            "circuit_breaker_recovery_duration_seconds",
            "circuit_breaker_failure_ratio",
            "circuit_breaker_slow_call_ratio",
            "circuit_breaker_probe_due_seconds",
            "circuit_breaker_keys",
            "circuit_breaker_keys_not_closed",
            "circuit_breaker_key_evictions_total",
            "circuit_breaker_key_overflows_total",
            "resilience_retry_budget_ratio",
        ];
        assert_eq!(absent, expected);
    }

    #[test]
    fn every_state_has_a_number_that_alerts_compare() {
        let told = STATES.map(|state| (state.as_str(), state_number(state)));
        let expected = [
            ("closed", 0.0),
            ("open", 1.0),
            ("half_open", 2.0),
            ("forced_open", 1.0),
            ("disabled", 0.0),
            ("monitoring", 0.0),
        ];
        assert_eq!(told, expected);
    }

    /// The form of each family: its kind, its labels, and what it is called elsewhere.
    #[test]
    fn labels_and_names_follow_from_where_the_numbers_come_from() {
        let form = |name: &str| {
            let family = families().iter().find(|family| family.name() == name).unwrap();
            (family.kind().as_str(), family.labels("service").join(" "), family.otel_name(), family.unit())
        };
        for (name, kind, labels, otel_name, unit) in [
            ("circuit_breaker_state", "gauge", "service", "circuit_breaker.state", None),
            ("circuit_breaker_current_state", "gauge", "service state", "circuit_breaker.current_state", None),
            (
                "circuit_breaker_call_duration_seconds",
                "histogram",
                "service outcome le",
                "circuit_breaker.call.time",
                { Some("seconds") },
            ),
            ("circuit_breaker_state_seconds_total", "counter", "service state", "circuit_breaker.state_time", {
                Some("seconds")
            }),
            ("circuit_breaker_failure_ratio", "gauge", "service", "circuit_breaker.failure", Some("ratio")),
            ("circuit_breaker_key_state", "gauge", "service key", "circuit_breaker.key_state", None),
            ("resilience_retry_gave_up_total", "counter", "service why", "retry.gave_up", None),
            ("resilience_timeout_limit_seconds", "gauge", "service", "timeout.limit", Some("seconds")),
            ("resilience_fallback_calls_total", "counter", "operation", "fallback.calls", None),
            ("resilience_operation_info", "gauge", "operation kind service layer", "operation_info", None),
            ("resilience_policies", "gauge", "kind", "policies", None),
            ("resilience_build_info", "gauge", "version", "build_info", None),
        ] {
            let expected = (kind, labels.to_owned(), format!("resilience.{otel_name}"), unit);
            assert_eq!(form(name), expected, "{name}");
        }
    }

    /// Of a number that means nothing for several there is none for the policies beyond the bound.
    #[test]
    fn numbers_are_folded_as_a_sum_unless_it_would_say_nothing() {
        let of = |folding: Folding| {
            let those = families().iter().filter(move |family| family.folding == folding).map(Family::name);
            those.collect::<Vec<_>>()
        };
        let worst =
            ["circuit_breaker_state", "circuit_breaker_decided_state", "circuit_breaker_recovery_duration_seconds"];
        assert_eq!(of(Folding::Max), worst);
        let not_at_all = [
            "circuit_breaker_failure_ratio",
            "circuit_breaker_slow_call_ratio",
            "circuit_breaker_enforced_ratio",
            "circuit_breaker_probe_due_seconds",
            "resilience_retry_attempts_limit",
            "resilience_retry_budget_ratio",
            "resilience_timeout_limit_seconds",
            "resilience_rate_limit_limit_per_second",
        ];
        assert_eq!(of(Folding::None), not_at_all);
    }
}
