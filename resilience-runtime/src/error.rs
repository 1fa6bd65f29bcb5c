//! What a policy answers in place of the function.

#[cfg(feature = "tracing")]
use crate::kind::Kind;
use crate::name::{Key, Name, Shown};
use std::fmt;
use std::time::Duration;

/// A policy's decision that stands in the place of the function's result.
///
/// The error type of a guarded function says how it carries one: `#[from] Rejection` on a variant of a thiserror enum,
/// `map_rejection = path` on an attribute, or nothing where a fallback answers for everything.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(tag = "type", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Rejection {
    /// A circuit breaker lets nothing through for now.
    #[error("circuit breaker `{}` is open: {reason}{}", Shown(.name, .key.as_ref()), TryAgain(*.retry_after))]
    CircuitOpen {
        /// Which breaker.
        name: Name,
        /// Of which of its keys; `None` of a breaker without keys, and of the one that keys share.
        key: Option<Key>,
        /// When the next call may be let through as a probe; counts down, rounded up. While probes are under way nobody can know: then it is as long as an
        /// opening lasts, counted from when they began. `None` where only a hand can close it.
        #[cfg_attr(feature = "serde", serde(serialize_with = "crate::json::seconds"))]
        retry_after: Option<Duration>,
        /// Why it opened.
        reason: OpenReason,
    },
    /// As many calls as allowed are inside a bulkhead, and its queue has no place or took too long.
    #[error("bulkhead `{}` is full", Shown(.name, .key.as_ref()))]
    BulkheadFull {
        /// Which bulkhead.
        name: Name,
        /// Of which of its keys; `None` of a bulkhead without keys, and of the one that keys share.
        key: Option<Key>,
    },
    /// The rate is used up for now.
    #[error("rate limit `{}` {}", Shown(.name, .key.as_ref()), Limit(*.retry_after))]
    RateLimited {
        /// Which rate limiter.
        name: Name,
        /// Of which of its keys; `None` of a limiter without keys, and of those that keys share.
        key: Option<Key>,
        /// When there is a turn again, as far as is known now. `None` where the call costs more than `burst` and can never pass, so that it is not tried again.
        #[cfg_attr(feature = "serde", serde(serialize_with = "crate::json::seconds"))]
        retry_after: Option<Duration>,
    },
    /// The call took too long and was dropped.
    #[error("`{name}` timed out after {after:?}")]
    TimedOut {
        /// Which timeout.
        name: Name,
        /// The limit that it passed.
        #[cfg_attr(feature = "serde", serde(serialize_with = "crate::json::seconds"))]
        after: Duration,
    },
    /// The call returned an `Ok` that `classify` takes for a failure. Only a fallback that takes the error meets it; without one, or where the
    /// fallback fails too, the caller gets that `Ok`.
    #[error("`{name}` returned an answer that is classified as a failure")]
    Unsuccessful {
        /// Which guarded function.
        name: Name,
    },
}

struct Limit(Option<Duration>);

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(_) => write!(f, "is reached{}", TryAgain(self.0)),
            None => f.write_str("never lets this call pass: it costs more than `burst`"),
        }
    }
}

struct TryAgain(Option<Duration>);

impl fmt::Display for TryAgain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(wait) => write!(f, "; try again in {wait:?}"),
            None => Ok(()),
        }
    }
}

impl Rejection {
    /// The name of the policy that decided.
    pub fn name(&self) -> &Name {
        match self {
            Self::CircuitOpen { name, .. }
            | Self::BulkheadFull { name, .. }
            | Self::RateLimited { name, .. }
            | Self::TimedOut { name, .. }
            | Self::Unsuccessful { name } => name,
        }
    }

    /// The key whose instance of the policy decided, where it has keys.
    pub fn key(&self) -> Option<&Key> {
        match self {
            Self::CircuitOpen { key, .. } | Self::BulkheadFull { key, .. } | Self::RateLimited { key, .. } => {
                key.as_ref()
            }
            Self::TimedOut { .. } | Self::Unsuccessful { .. } => None,
        }
    }

    /// How long to wait before another try, where that is known.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::CircuitOpen { retry_after, .. } | Self::RateLimited { retry_after, .. } => *retry_after,
            Self::BulkheadFull { .. } | Self::TimedOut { .. } | Self::Unsuccessful { .. } => None,
        }
    }

    /// Whether the same call would always be rejected.
    pub(crate) fn is_for_good(&self) -> bool {
        matches!(self, Self::RateLimited { retry_after: None, .. })
    }

    /// Which policy's kind of decision it is.
    pub fn kind(&self) -> RejectionKind {
        match self {
            Self::CircuitOpen { .. } => RejectionKind::CircuitOpen,
            Self::BulkheadFull { .. } => RejectionKind::BulkheadFull,
            Self::RateLimited { .. } => RejectionKind::RateLimited,
            Self::TimedOut { .. } => RejectionKind::TimedOut,
            Self::Unsuccessful { .. } => RejectionKind::Unsuccessful,
        }
    }
}

/// The kinds of [`Rejection`], as words without their data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum RejectionKind {
    /// [`Rejection::CircuitOpen`]
    CircuitOpen,
    /// [`Rejection::BulkheadFull`]
    BulkheadFull,
    /// [`Rejection::RateLimited`]
    RateLimited,
    /// [`Rejection::TimedOut`]
    TimedOut,
    /// [`Rejection::Unsuccessful`]
    Unsuccessful,
}

impl RejectionKind {
    /// All of them.
    pub const ALL: &'static [Self] =
        &[Self::CircuitOpen, Self::BulkheadFull, Self::RateLimited, Self::TimedOut, Self::Unsuccessful];

    /// The word used in attributes and metrics: `circuit_open`, `bulkhead_full`, `rate_limited`, `timed_out`, `unsuccessful`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CircuitOpen => "circuit_open",
            Self::BulkheadFull => "bulkhead_full",
            Self::RateLimited => "rate_limited",
            Self::TimedOut => "timed_out",
            Self::Unsuccessful => "unsuccessful",
        }
    }
}

#[cfg(feature = "tracing")]
impl RejectionKind {
    /// The kind of policy that says so; `classify` is none.
    pub(crate) const fn policy(self) -> Option<Kind> {
        match self {
            Self::CircuitOpen => Some(Kind::CircuitBreaker),
            Self::BulkheadFull => Some(Kind::Bulkhead),
            Self::RateLimited => Some(Kind::RateLimit),
            Self::TimedOut => Some(Kind::Timeout),
            Self::Unsuccessful => None,
        }
    }
}

impl fmt::Display for RejectionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why a circuit breaker opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(tag = "type", rename_all = "snake_case"))]
#[cfg_attr(feature = "persistence", derive(serde::Deserialize))]
#[non_exhaustive]
pub enum OpenReason {
    /// The share of failed calls in the window reached `failure_rate`.
    FailureRate {
        /// Failed calls in the window.
        failures: u64,
        /// Calls in the window.
        calls: u64,
    },
    /// The share of slow calls in the window reached `slow_call_rate`.
    SlowCallRate {
        /// Slow calls in the window, those among them that were dropped.
        slow: u64,
        /// Calls in the window, and those that were dropped when they were slow.
        calls: u64,
    },
    /// As many consecutive failures as `consecutive_failures` says, abandoned calls among them.
    ConsecutiveFailures {
        /// Failures in a row.
        failures: u64,
    },
    /// The function of `trip_if` said so.
    TripIf {
        /// Failed calls in the window.
        failures: u64,
        /// Calls in the window.
        calls: u64,
    },
    /// So many probes of a half-open breaker failed that it could not close any more.
    ProbesFailed {
        /// Failed probes.
        failures: u64,
    },
    /// A probe of a half-open breaker had not answered within `half_open_timeout`.
    ProbeTimedOut,
    /// It was forced open by hand.
    Forced,
    /// A verdict asked for it, for so long: see [`Verdict::opens_for`](crate::Verdict::opens_for).
    Verdict {
        /// For how long it opened.
        #[cfg_attr(feature = "serde", serde(serialize_with = "crate::json::seconds"))]
        #[cfg_attr(feature = "persistence", serde(deserialize_with = "crate::json::from_seconds"))]
        open_for: Duration,
    },
    /// It was forced open by hand, for so long.
    ForcedFor {
        /// For how long it opened.
        #[cfg_attr(feature = "serde", serde(serialize_with = "crate::json::seconds"))]
        #[cfg_attr(feature = "persistence", serde(deserialize_with = "crate::json::from_seconds"))]
        open_for: Duration,
    },
    /// It opened a moment ago, and the reason was not written down yet when this call was rejected.
    JustOpened,
}

impl OpenReason {
    /// The word used in metrics, spans and JSON: `failure_rate`, `slow_call_rate`, `consecutive_failures`, `trip_if`, `probes_failed`, `probe_timed_out`, `forced`,
    /// `verdict`, `forced_for`, `just_opened`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FailureRate { .. } => "failure_rate",
            Self::SlowCallRate { .. } => "slow_call_rate",
            Self::ConsecutiveFailures { .. } => "consecutive_failures",
            Self::TripIf { .. } => "trip_if",
            Self::ProbesFailed { .. } => "probes_failed",
            Self::ProbeTimedOut => "probe_timed_out",
            Self::Forced => "forced",
            Self::Verdict { .. } => "verdict",
            Self::ForcedFor { .. } => "forced_for",
            Self::JustOpened => "just_opened",
        }
    }
}

impl fmt::Display for OpenReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::FailureRate { failures, calls } => {
                write!(f, "{failures} of {calls} calls failed ({:.1} %)", percent(failures, calls))
            }
            Self::SlowCallRate { slow, calls } => {
                write!(f, "{slow} of {calls} calls were slow ({:.1} %)", percent(slow, calls))
            }
            Self::ConsecutiveFailures { failures: 1 } => write!(f, "1 consecutive failure"),
            Self::ConsecutiveFailures { failures } => write!(f, "{failures} consecutive failures"),
            Self::TripIf { failures, calls } => {
                write!(f, "its own rule said so, at {failures} failures of {calls} calls")
            }
            Self::ProbesFailed { failures: 1 } => write!(f, "a probe failed"),
            Self::ProbesFailed { failures } => write!(f, "{failures} probes failed"),
            Self::ProbeTimedOut => write!(f, "a probe did not answer in time"),
            Self::Forced => write!(f, "forced open by hand"),
            Self::Verdict { open_for: time } => write!(f, "a call's verdict opened it for {time:?}"),
            Self::ForcedFor { open_for: time } => write!(f, "forced open by hand for {time:?}"),
            Self::JustOpened => write!(f, "it has just opened"),
        }
    }
}

pub(crate) fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
}

/// How a guarded call failed: by itself, or by a policy's decision.
///
/// Later versions may know more ways: a `match` needs an arm for them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure<E> {
    /// The function's own error.
    #[error(transparent)]
    Call(E),
    /// A policy answered in its place.
    #[error(transparent)]
    Rejected(Rejection),
}

impl<E> From<Rejection> for Failure<E> {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl<E> Failure<E> {
    /// The rejection, if it is one.
    pub fn rejection(&self) -> Option<&Rejection> {
        match self {
            Self::Call(_) => None,
            Self::Rejected(rejection) => Some(rejection),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rejection_says_which_why_and_when() {
        let rejection = Rejection::CircuitOpen {
            name: "payment".into(),
            key: None,
            retry_after: Some(Duration::from_millis(1500)),
            reason: OpenReason::FailureRate { failures: 12, calls: 20 },
        };
        assert_eq!(
            rejection.to_string(),
            "circuit breaker `payment` is open: 12 of 20 calls failed (60.0 %); try again in 1.5s"
        );
        assert_eq!(rejection.kind().to_string(), "circuit_open");
    }

    #[test]
    fn a_share_of_nothing_is_nothing() {
        for (part, whole, expected) in [(0, 0, 0.0), (0, 1, 0.0), (1, 1, 100.0), (1, 4, 25.0)] {
            assert_eq!(percent(part, whole), expected, "{part} of {whole}");
        }
    }
}
