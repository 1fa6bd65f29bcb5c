//! What a retry tells of its attempts.

use super::Order;
use crate::cause::Cause;
use crate::error::RejectionKind;
use crate::name::Name;
use crate::time::Timestamp;
use std::time::Duration;

/// An attempt failed and will be followed by another.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RetryEvent {
    /// Which retry.
    pub name: Name,
    /// The attempt that failed; the first is 1.
    pub attempt: u32,
    /// The wait before the next one.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::json::seconds"))]
    pub wait: Duration,
    /// Since the first attempt began; since it failed, if nobody listened when the call began.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::json::seconds"))]
    pub elapsed: Duration,
    /// The kind of rejection that it failed with, if it was one and not the function's own error.
    pub rejection: Option<RejectionKind>,
    /// What the function's own error said, where it was one that says something. Made only where somebody is told of it.
    pub cause: Option<Cause>,
    /// When it failed.
    pub at: Timestamp,
    /// Where it belongs among the events of its retry.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub order: Order,
}

/// Why no attempt followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum GaveUp {
    /// `attempts` were made.
    Attempts,
    /// The error is none that is worth another try.
    NotRetryable,
    /// `max_elapsed` would have passed before the next attempt.
    Elapsed,
    /// The error asked for a longer wait than `max_delay`.
    AskedTooMuch,
    /// The budget is spent.
    Budget,
    /// The circuit breaker below will still be open when the wait is over.
    CircuitOpen,
    /// The retry was turned off after the attempts so far (`enabled = false`).
    TurnedOff,
}

impl GaveUp {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Attempts,
        Self::NotRetryable,
        Self::Elapsed,
        Self::AskedTooMuch,
        Self::Budget,
        Self::CircuitOpen,
        Self::TurnedOff,
    ];

    /// The word used in events and metrics: `attempts`, `not_retryable`, `elapsed`, `asked_too_much`, `budget`, `circuit_open`, `turned_off`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Attempts => "attempts",
            Self::NotRetryable => "not_retryable",
            Self::Elapsed => "elapsed",
            Self::AskedTooMuch => "asked_too_much",
            Self::Budget => "budget",
            Self::CircuitOpen => "circuit_open",
            Self::TurnedOff => "turned_off",
        }
    }
}

/// How many calls of a retry failed in the end, by the reason why no other attempt followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct GaveUpCounts {
    /// [`GaveUp::Attempts`]
    pub attempts: u64,
    /// [`GaveUp::NotRetryable`], after the first attempt: the error of a first one is an ordinary one, as far as a retry goes.
    pub not_retryable: u64,
    /// [`GaveUp::Elapsed`]
    pub elapsed: u64,
    /// [`GaveUp::AskedTooMuch`]
    pub asked_too_much: u64,
    /// [`GaveUp::Budget`]
    pub budget: u64,
    /// [`GaveUp::CircuitOpen`]
    pub circuit_open: u64,
    /// [`GaveUp::TurnedOff`], after the first attempt.
    pub turned_off: u64,
}

impl GaveUpCounts {
    pub(crate) fn each(mut count: impl FnMut(GaveUp) -> u64) -> Self {
        Self {
            attempts: count(GaveUp::Attempts),
            not_retryable: count(GaveUp::NotRetryable),
            elapsed: count(GaveUp::Elapsed),
            asked_too_much: count(GaveUp::AskedTooMuch),
            budget: count(GaveUp::Budget),
            circuit_open: count(GaveUp::CircuitOpen),
            turned_off: count(GaveUp::TurnedOff),
        }
    }
}
