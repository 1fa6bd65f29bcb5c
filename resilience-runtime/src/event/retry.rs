//! What a retry tells of its attempts.

use super::Order;
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
    /// Since the first attempt began.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::json::seconds"))]
    pub elapsed: Duration,
    /// The kind of rejection that it failed with, if it was one and not the function's own error.
    pub rejection: Option<RejectionKind>,
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
