//! What a policy would do with the next call, for snapshots.

use crate::error::{OpenReason, Rejection};
use std::fmt;
use std::time::Duration;

/// What a policy would do with the next call, if it came now and nothing happened before it.
///
/// It is printed as a sentence about the call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(tag = "type", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum NextCall {
    /// It passes.
    Admitted,
    /// It passes, and is neither judged nor counted, because the policy is turned off.
    Unguarded,
    /// It passes as a probe: its outcome helps to decide whether the circuit breaker closes.
    Probe {
        /// Why the breaker had opened.
        reason: OpenReason,
    },
    /// It passes because the circuit breaker only monitors, or enforces a share to which it does not belong; otherwise it would be rejected.
    WouldReject(#[cfg_attr(feature = "serde", serde(serialize_with = "crate::json::rejection"))] Rejection),
    /// It waits for a place or for its turn.
    Waits {
        /// Callers that wait already and go first.
        ahead: u64,
        /// How long it waits at most; of a rate limit, until its turn comes.
        #[cfg_attr(feature = "serde", serde(serialize_with = "crate::json::seconds"))]
        at_most: Option<Duration>,
    },
    /// A retry calls up to so many times.
    Attempts {
        /// The first one included; one where the budget is spent.
        at_most: u32,
        /// Whether the budget allows no retry for now.
        budget_spent: bool,
    },
    /// A timeout lets it take so long.
    Limited {
        /// How long.
        #[cfg_attr(feature = "serde", serde(serialize_with = "crate::json::seconds"))]
        to: Duration,
    },
    /// It is rejected, with this.
    Rejected(#[cfg_attr(feature = "serde", serde(serialize_with = "crate::json::rejection"))] Rejection),
}

impl fmt::Display for NextCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Admitted => f.write_str("it passes"),
            Self::Unguarded => f.write_str("it passes uncounted, because the policy is turned off"),
            Self::Probe { reason } => write!(f, "it passes as a probe; the breaker had opened because {reason}"),
            Self::WouldReject(rejection) => {
                write!(f, "it passes because the breaker only monitors, or enforces a share; otherwise: {rejection}")
            }
            Self::Waits { ahead, at_most } => {
                f.write_str("it waits")?;
                if *ahead > 0 {
                    write!(f, " behind {ahead}")?;
                }
                at_most.map_or(Ok(()), |time| write!(f, ", for at most {time:?}"))
            }
            Self::Attempts { budget_spent: true, .. } => {
                f.write_str("it is tried once, because the budget for retries is spent")
            }
            Self::Attempts { at_most: 1, .. } => f.write_str("it is tried once"),
            Self::Attempts { at_most, .. } => write!(f, "it is tried up to {at_most} times"),
            Self::Limited { to } => write!(f, "it may take {to:?}"),
            Self::Rejected(rejection) => write!(f, "it is rejected: {rejection}"),
        }
    }
}
