//! What happens in the registry, told to whoever asked.
//!
//! Nobody asking costs one load an event; somebody asking costs the event and a slot of each reader's queue, and no lock. Nothing of a listener runs on a caller's
//! path: a listener has a thread of its own, so one that is slow or panics harms no call and no breaker. Changes take a turn, so that they are told in the order in
//! which they were made.
//!
//! # Where things are
//!
//! `bus` sends, to whoever wants to know; `order` is where a policy's events come from, and the turns in which changes are made and told; `queue` is what waits for one reader, with the
//! argument for its protocol, and `listener` a thread that reads one; `ring` keeps the last events of each policy, and `states` where each breaker has been; `steering` says who did something by hand, and why; `trap` what cannot work as it was written; `trace` hands on to `tracing`.

mod bus;
mod display;
mod listener;
#[cfg(all(test, resilience_loom))]
mod models;
mod order;
mod queue;
mod retry;
mod ring;
mod states;
mod steering;
#[cfg(feature = "tracing")]
pub(crate) mod trace;
mod trap;

pub use bus::EventFilter;
pub(crate) use bus::{Bus, outcomes_may_be_collected};
pub use listener::Listener;
pub use order::Order;
pub(crate) use order::{Audience, Emitter, Turn, Untold};
pub use queue::{EVENT_CAPACITY, Events};
pub use retry::{GaveUp, GaveUpCounts, RetryEvent};
pub use ring::RECENT_EVENTS;
pub(crate) use ring::Runs;
pub use states::{ByState, Openings, StateHistory};
pub(crate) use steering::TooLong;
pub use steering::{Act, Steering};
pub use trap::Trap;

use crate::cause::Cause;
use crate::error::{OpenReason, Rejection, RejectionKind};
use crate::kind::Kind;
use crate::name::{Key, Name};
use crate::state::State;
use crate::time::Timestamp;
use std::time::Duration;

/// Something that happened to a policy.
///
/// Printed, it is one line. In JSON it is one object, whose `type` is its [`Topic`]; its fields have the form that is told at
/// [`RegistrySnapshot`](crate::RegistrySnapshot), and those of its [`Order`] stand beside them.
///
/// # Examples
///
/// ```
/// use resilience_runtime::{CircuitBreaker, Event, registry};
///
/// let payment = CircuitBreaker::builder("payment").register()?;
/// let mut events = registry().subscribe();
/// payment.force_open();
/// let told: Vec<String> = std::iter::from_fn(|| events.try_recv()).map(|event| event.to_string()).collect();
/// assert_eq!(told, [
///     "circuit_breaker `payment`: force_open by hand",
///     "circuit_breaker `payment`: closed -> forced_open (forced open by hand)",
/// ]);
/// # Ok::<(), resilience_runtime::RegisterError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(tag = "type", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Event {
    /// A circuit breaker changed its state.
    Transition(Transition),
    /// An attempt failed and will be followed by another.
    Retry(RetryEvent),
    /// The last attempt of a call failed. Not told of a first one whose error is not worth another.
    RetriesEnded {
        /// Which retry.
        name: Name,
        /// How many attempts there were.
        attempts: u32,
        /// Since the first one began; since it failed, if nobody listened when the call began.
        #[cfg_attr(feature = "serde", serde(serialize_with = "crate::json::seconds"))]
        elapsed: Duration,
        /// Why no other one followed.
        why: GaveUp,
        /// The kind of rejection that the last one failed with, if it was one and not the function's own error.
        rejection: Option<RejectionKind>,
        /// What the function's own error said, where it was one that says something.
        cause: Option<Cause>,
        /// The kind of rejection that the attempt before it failed with, where there was one. When an open circuit ends the retries, this went before.
        before: Option<RejectionKind>,
        /// When.
        at: Timestamp,
        /// Where it belongs among the events of its policy.
        #[cfg_attr(feature = "serde", serde(flatten))]
        order: Order,
    },
    /// Two places configure one name differently; the first is in force. Said once a name.
    Conflict {
        /// The kind of policy, as its attribute is called.
        kind: Kind,
        /// The name that both claim.
        name: Name,
        /// `file:line` of the place whose configuration is in force.
        in_force: String,
        /// `file:line` of the place that was not heard.
        not_in_force: String,
        /// When.
        at: Timestamp,
        /// Where it belongs among the events of its policy.
        #[cfg_attr(feature = "serde", serde(flatten))]
        order: Order,
    },
    /// Something was written in a way that cannot work. Told once a policy and [`Trap`].
    Trap {
        /// The kind of policy, as its attribute is called.
        kind: Kind,
        /// Which policy.
        name: Name,
        /// Of which of its keys, where it is the instance of one.
        key: Option<Key>,
        /// What; printed, it says what to write in its place.
        trap: Trap,
        /// When.
        at: Timestamp,
        /// Where it belongs among the events of its policy.
        #[cfg_attr(feature = "serde", serde(flatten))]
        order: Order,
    },
    /// This reader was too slow and has lost so many events, the oldest first.
    Missed {
        /// How many.
        events: u64,
        /// When it was told.
        at: Timestamp,
    },
    /// A policy let a call not through: an open circuit, a full bulkhead, a rate limit. One event a call. A call that took too long is
    /// [`TimedOut`](Self::TimedOut).
    Rejected {
        /// The kind of policy, as its attribute is called.
        kind: Kind,
        /// Which policy.
        name: Name,
        /// Of which of its keys, where it is the instance of one.
        key: Option<Key>,
        /// What it said.
        rejection: RejectionKind,
        /// When it may be asked again, where it knows.
        #[cfg_attr(feature = "serde", serde(serialize_with = "crate::json::seconds"))]
        retry_after: Option<Duration>,
        /// `module::function`, where one guarded function alone has this policy.
        operation: Option<Name>,
        /// When.
        at: Timestamp,
        /// Where it belongs among the events of its policy.
        #[cfg_attr(feature = "serde", serde(flatten))]
        order: Order,
    },
    /// A call took too long and is dropped.
    TimedOut {
        /// Which timeout.
        name: Name,
        /// The limit that it passed.
        #[cfg_attr(feature = "serde", serde(serialize_with = "crate::json::seconds"))]
        after: Duration,
        /// `module::function`, where one guarded function alone has this timeout.
        operation: Option<Name>,
        /// When.
        at: Timestamp,
        /// Where it belongs among the events of its policy.
        #[cfg_attr(feature = "serde", serde(flatten))]
        order: Order,
    },
    /// A fallback is asked to answer for a call that failed or was rejected.
    Fallback {
        /// The guarded function: `module::function`.
        name: Name,
        /// The kind of rejection that it answers for; `None`: for the function's own error.
        rejection: Option<RejectionKind>,
        /// What the function's own error said, where it was one that says something.
        cause: Option<Cause>,
        /// When.
        at: Timestamp,
    },
    /// A fallback failed too: with several levels, the last one. Its error is what the call returns.
    FallbackFailed {
        /// The guarded function: `module::function`.
        name: Name,
        /// What its error said, where that says something.
        cause: Option<Cause>,
        /// When.
        at: Timestamp,
    },
    /// A call that a circuit breaker let through took longer than `slow_call`.
    SlowCall {
        /// Which breaker.
        name: Name,
        /// Of which of its keys, where it is the instance of one.
        key: Option<Key>,
        /// How long it took.
        #[cfg_attr(feature = "serde", serde(serialize_with = "crate::json::seconds"))]
        took: Duration,
        /// `slow_call`.
        #[cfg_attr(feature = "serde", serde(serialize_with = "crate::json::seconds"))]
        limit: Duration,
        /// When it ended.
        at: Timestamp,
        /// Where it belongs among the events of its policy.
        #[cfg_attr(feature = "serde", serde(flatten))]
        order: Order,
    },
    /// A call that a circuit breaker let through has ended. Off by default: see [`EventFilter`]. Told of every breaker in the registry,
    /// and of any other one that was built when somebody wanted to know already.
    Outcome {
        /// Which breaker.
        name: Name,
        /// Of which of its keys, where it is the instance of one.
        key: Option<Key>,
        /// How.
        ended: Ended,
        /// What it said, of a failure that says something.
        cause: Option<Cause>,
        /// When.
        at: Timestamp,
        /// Where it belongs among the events of its policy.
        #[cfg_attr(feature = "serde", serde(flatten))]
        order: Order,
    },
    /// A key lost its instance of a policy to another one, since `max_keys` are held.
    Evicted {
        /// The kind of policy, as its attribute is called.
        kind: Kind,
        /// The policy that has the keys.
        name: Name,
        /// The key that lost its own.
        key: Key,
        /// When.
        at: Timestamp,
        /// Where it belongs among the events of its policy.
        #[cfg_attr(feature = "serde", serde(flatten))]
        order: Order,
    },
    /// Another configuration is in force.
    Reconfigured {
        /// The kind of policy, as its attribute is called.
        kind: Kind,
        /// Which policy.
        name: Name,
        /// Of which of its keys, where it is the instance of one.
        key: Option<Key>,
        /// The keys that have another value now, where it came from outside of the program; a call of `reconfigure` replaces all of them, and says none.
        keys: Vec<&'static str>,
        /// The file that says so, `text` or `environment`; `None` of a call.
        source: Option<Name>,
        /// Who wanted it and why, where that was said.
        by: Option<Steering>,
        /// When.
        at: Timestamp,
        /// Where it belongs among the events of its policy.
        #[cfg_attr(feature = "serde", serde(flatten))]
        order: Order,
    },
    /// A configuration from outside of the program was refused, or a part of it that a policy registered meanwhile contradicts. What ran before keeps
    /// running.
    ConfigRefused {
        /// The file, `text`, `environment` or `registration`.
        source: Name,
        /// What is wrong, and where.
        error: String,
        /// When.
        at: Timestamp,
    },
    /// Something was done to a circuit breaker by hand. What follows from it comes after it.
    Steered {
        /// The kind of policy, as its attribute is called.
        kind: Kind,
        /// Which policy.
        name: Name,
        /// Of which of its keys, where it is the instance of one.
        key: Option<Key>,
        /// What.
        act: Act,
        /// Who did it and why, where that was said.
        by: Option<Steering>,
        /// When.
        at: Timestamp,
        /// Where it belongs among the events of its policy.
        #[cfg_attr(feature = "serde", serde(flatten))]
        order: Order,
    },
    /// So many events of one topic, told as one. Only among the [`recent_events`](crate::Registry::recent_events).
    Repeated {
        /// The kind of policy, as its attribute is called.
        kind: Kind,
        /// Which policy.
        name: Name,
        /// What happened.
        topic: Topic,
        /// How often.
        count: u64,
        /// After this moment …
        since: Timestamp,
        /// … and up to this one.
        at: Timestamp,
    },
}

/// What an [`Event`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Topic {
    /// [`Event::Transition`]
    Transition,
    /// [`Event::Retry`]
    Retry,
    /// [`Event::RetriesEnded`]
    RetriesEnded,
    /// [`Event::Conflict`]
    Conflict,
    /// [`Event::Trap`]
    Trap,
    /// [`Event::Missed`]: told to the reader that has missed them, whatever its filter.
    Missed,
    /// [`Event::Rejected`]
    Rejected,
    /// [`Event::TimedOut`]
    TimedOut,
    /// [`Event::Fallback`]
    Fallback,
    /// [`Event::FallbackFailed`]
    FallbackFailed,
    /// [`Event::SlowCall`]
    SlowCall,
    /// [`Event::Outcome`]
    Outcome,
    /// [`Event::Evicted`]
    Evicted,
    /// [`Event::Reconfigured`]
    Reconfigured,
    /// [`Event::ConfigRefused`]
    ConfigRefused,
    /// [`Event::Steered`]
    Steered,
    /// [`Event::Repeated`]: only among the recent events.
    Repeated,
}

impl Topic {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Transition,
        Self::Retry,
        Self::RetriesEnded,
        Self::Conflict,
        Self::Trap,
        Self::Missed,
        Self::Rejected,
        Self::TimedOut,
        Self::Fallback,
        Self::FallbackFailed,
        Self::SlowCall,
        Self::Outcome,
        Self::Evicted,
        Self::Reconfigured,
        Self::ConfigRefused,
        Self::Steered,
        Self::Repeated,
    ];

    /// The word used in events and spans: `transition`, `retry`, `retries_ended`, …
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transition => "transition",
            Self::Retry => "retry",
            Self::RetriesEnded => "retries_ended",
            Self::Conflict => "conflict",
            Self::Trap => "trap",
            Self::Missed => "missed",
            Self::Rejected => "rejected",
            Self::TimedOut => "timed_out",
            Self::Fallback => "fallback",
            Self::FallbackFailed => "fallback_failed",
            Self::SlowCall => "slow_call",
            Self::Outcome => "outcome",
            Self::Evicted => "evicted",
            Self::Reconfigured => "reconfigured",
            Self::ConfigRefused => "config_refused",
            Self::Steered => "steered",
            Self::Repeated => "repeated",
        }
    }

    /// Whether a policy is another one after it. What is none may come with every call.
    pub(crate) const fn is_change(self) -> bool {
        matches!(self, Self::Transition | Self::Conflict | Self::Trap | Self::Reconfigured | Self::Steered)
    }

    pub(crate) const fn bit(self) -> u64 {
        1 << self as u32
    }
}

/// A change of a circuit breaker's state.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Transition {
    /// Which breaker.
    pub name: Name,
    /// Of which of its keys, where it is the breaker of one.
    pub key: Option<Key>,
    /// The state that was left.
    pub from: State,
    /// The state that was entered.
    pub to: State,
    /// Why it opened, where it did.
    pub reason: Option<OpenReason>,
    /// What the failure said that opened it, where it says something. Where a success did, of which there were enough by then to take a rate: what the last failure said.
    pub cause: Option<Cause>,
    /// Whether the breaker only records what it would do (`mode = monitor`).
    pub monitored: bool,
    /// When. An opening by `half_open_timeout` is dated from that deadline.
    pub at: Timestamp,
    /// Where it belongs among the events of its breaker; the generation is the one that it begins.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub order: Order,
}

/// How a call ended that a circuit breaker let through: one for each of [`Totals`](crate::Totals) that an admitted call ends in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Ended {
    /// It succeeded.
    Succeeded,
    /// It failed.
    Failed,
    /// It says nothing about the dependency.
    Ignored,
    /// It was dropped before its end.
    Cancelled,
    /// It was dropped after its body had waited for `abandoned_after`.
    Abandoned,
    /// Its end came too late to count, or it is one that would have been rejected.
    Stale,
}

impl Ended {
    /// The word used in events: `succeeded`, `failed`, `ignored`, `cancelled`, `abandoned`, `stale`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Ignored => "ignored",
            Self::Cancelled => "cancelled",
            Self::Abandoned => "abandoned",
            Self::Stale => "stale",
        }
    }
}

/// A field that each of them has, read or written.
macro_rules! of_each {
    ($event:expr, $field:ident) => {
        match $event {
            Event::Transition(Transition { $field, .. })
            | Event::Retry(RetryEvent { $field, .. })
            | Event::RetriesEnded { $field, .. }
            | Event::Conflict { $field, .. }
            | Event::Trap { $field, .. }
            | Event::Missed { $field, .. }
            | Event::Rejected { $field, .. }
            | Event::TimedOut { $field, .. }
            | Event::Fallback { $field, .. }
            | Event::FallbackFailed { $field, .. }
            | Event::SlowCall { $field, .. }
            | Event::Outcome { $field, .. }
            | Event::Evicted { $field, .. }
            | Event::Reconfigured { $field, .. }
            | Event::ConfigRefused { $field, .. }
            | Event::Steered { $field, .. }
            | Event::Repeated { $field, .. } => $field,
        }
    };
}

/// Says on standard error what nobody can be told otherwise. That it cannot be written harms no call.
pub(crate) fn complain(what: impl std::fmt::Display) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "resilience: {what}");
}

impl Event {
    pub(crate) fn rejected(kind: Kind, rejection: &Rejection, operation: Option<Name>, order: Order) -> Self {
        let (name, key) = (rejection.name().clone(), rejection.key().cloned());
        let (retry_after, at) = (rejection.retry_after(), Timestamp::now());
        match *rejection {
            Rejection::TimedOut { after, .. } => Self::TimedOut { name, after, operation, at, order },
            _ => Self::Rejected { kind, name, key, rejection: rejection.kind(), retry_after, operation, at, order },
        }
    }

    pub(crate) fn config_refused(source: impl Into<Name>, error: String) -> Self {
        Self::ConfigRefused { source: source.into(), error, at: Timestamp::now() }
    }

    /// What it is about.
    pub fn topic(&self) -> Topic {
        match self {
            Self::Transition(_) => Topic::Transition,
            Self::Retry(_) => Topic::Retry,
            Self::RetriesEnded { .. } => Topic::RetriesEnded,
            Self::Conflict { .. } => Topic::Conflict,
            Self::Trap { .. } => Topic::Trap,
            Self::Missed { .. } => Topic::Missed,
            Self::Rejected { .. } => Topic::Rejected,
            Self::TimedOut { .. } => Topic::TimedOut,
            Self::Fallback { .. } => Topic::Fallback,
            Self::FallbackFailed { .. } => Topic::FallbackFailed,
            Self::SlowCall { .. } => Topic::SlowCall,
            Self::Outcome { .. } => Topic::Outcome,
            Self::Evicted { .. } => Topic::Evicted,
            Self::Reconfigured { .. } => Topic::Reconfigured,
            Self::ConfigRefused { .. } => Topic::ConfigRefused,
            Self::Steered { .. } => Topic::Steered,
            Self::Repeated { .. } => Topic::Repeated,
        }
    }

    /// The kind of policy that it happened to, as its attribute is called; `None` of [`Missed`](Self::Missed) and [`ConfigRefused`](Self::ConfigRefused).
    pub fn kind(&self) -> Option<Kind> {
        match self {
            Self::Transition(_) | Self::SlowCall { .. } | Self::Outcome { .. } => Some(Kind::CircuitBreaker),
            Self::Retry(_) | Self::RetriesEnded { .. } => Some(Kind::Retry),
            Self::TimedOut { .. } => Some(Kind::Timeout),
            Self::Fallback { .. } | Self::FallbackFailed { .. } => Some(Kind::Fallback),
            Self::Conflict { kind, .. }
            | Self::Trap { kind, .. }
            | Self::Evicted { kind, .. }
            | Self::Rejected { kind, .. }
            | Self::Reconfigured { kind, .. }
            | Self::Steered { kind, .. }
            | Self::Repeated { kind, .. } => Some(*kind),
            Self::Missed { .. } | Self::ConfigRefused { .. } => None,
        }
    }

    /// The name of the policy that it happened to; of a fallback, its function's path; `None` of [`Missed`](Self::Missed) and [`ConfigRefused`](Self::ConfigRefused).
    pub fn name(&self) -> Option<&Name> {
        match self {
            Self::Transition(Transition { name, .. })
            | Self::Retry(RetryEvent { name, .. })
            | Self::RetriesEnded { name, .. }
            | Self::Conflict { name, .. }
            | Self::Trap { name, .. }
            | Self::Rejected { name, .. }
            | Self::TimedOut { name, .. }
            | Self::Fallback { name, .. }
            | Self::FallbackFailed { name, .. }
            | Self::SlowCall { name, .. }
            | Self::Outcome { name, .. }
            | Self::Evicted { name, .. }
            | Self::Reconfigured { name, .. }
            | Self::Steered { name, .. }
            | Self::Repeated { name, .. } => Some(name),
            Self::Missed { .. } | Self::ConfigRefused { .. } => None,
        }
    }

    /// Of which of the policy's keys, where it happened to the instance of one.
    pub fn key(&self) -> Option<&Key> {
        match self {
            Self::Transition(Transition { key, .. })
            | Self::Rejected { key, .. }
            | Self::Trap { key, .. }
            | Self::SlowCall { key, .. }
            | Self::Outcome { key, .. }
            | Self::Reconfigured { key, .. }
            | Self::Steered { key, .. } => key.as_ref(),
            Self::Evicted { key, .. } => Some(key),
            _ => None,
        }
    }

    /// When.
    pub fn at(&self) -> Timestamp {
        *of_each!(self, at)
    }

    pub(crate) fn set_at(&mut self, to: Timestamp) {
        *of_each!(self, at) = to;
    }

    /// Where it belongs among the events of its policy; `None` of what happened to no single one, and of [`Repeated`](Self::Repeated), which stands for several.
    pub fn order(&self) -> Option<Order> {
        match self {
            Self::Transition(Transition { order, .. })
            | Self::Retry(RetryEvent { order, .. })
            | Self::RetriesEnded { order, .. }
            | Self::Conflict { order, .. }
            | Self::Trap { order, .. }
            | Self::Rejected { order, .. }
            | Self::TimedOut { order, .. }
            | Self::SlowCall { order, .. }
            | Self::Outcome { order, .. }
            | Self::Evicted { order, .. }
            | Self::Reconfigured { order, .. }
            | Self::Steered { order, .. } => Some(*order),
            Self::Missed { .. }
            | Self::Fallback { .. }
            | Self::FallbackFailed { .. }
            | Self::ConfigRefused { .. }
            | Self::Repeated { .. } => None,
        }
    }

    /// Without what a failure said, for whoever is not to read that.
    #[must_use]
    pub fn without_cause(mut self) -> Self {
        match &mut self {
            Self::Transition(Transition { cause, .. })
            | Self::Retry(RetryEvent { cause, .. })
            | Self::RetriesEnded { cause, .. }
            | Self::Fallback { cause, .. }
            | Self::FallbackFailed { cause, .. }
            | Self::Outcome { cause, .. } => *cause = None,
            _ => {}
        }
        self
    }

    /// What the failure said that it tells of, or that it has followed from.
    pub fn cause(&self) -> Option<&Cause> {
        match self {
            Self::Transition(Transition { cause, .. })
            | Self::Retry(RetryEvent { cause, .. })
            | Self::RetriesEnded { cause, .. }
            | Self::Fallback { cause, .. }
            | Self::FallbackFailed { cause, .. }
            | Self::Outcome { cause, .. } => cause.as_ref(),
            _ => None,
        }
    }

    /// Who did it and why, where it was done by hand and that was said.
    pub fn by(&self) -> Option<&Steering> {
        match self {
            Self::Reconfigured { by, .. } | Self::Steered { by, .. } => by.as_ref(),
            _ => None,
        }
    }
}
