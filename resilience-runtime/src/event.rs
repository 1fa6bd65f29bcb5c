//! What happens in the registry, told to whoever asked.
//!
//! One bounded channel stands behind [`Events`] and behind listeners, and nothing of a listener runs on a caller's path: a
//! listener has a thread of its own, so one that is slow or panics harms no call and no breaker. Nobody asking costs one
//! load an event.

use crate::error::{Name, OpenReason, RejectionKind};
use crate::retry::{GaveUp, RetryEvent};
use crate::time::Timestamp;
use once_cell::sync::OnceCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
use tokio::sync::broadcast::{self, error::RecvError, error::TryRecvError};

/// How many events wait for a reader before the oldest is lost to it.
pub const EVENT_CAPACITY: usize = 1024;

/// Something that happened to a policy.
#[derive(Clone, Debug, PartialEq)]
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
        /// Since the first one began.
        elapsed: Duration,
        /// Why no other one followed.
        why: GaveUp,
        /// The kind of rejection that the last one failed with, if it was one and not the function's own error.
        rejection: Option<RejectionKind>,
        /// The same of the attempt before it, where there was one. When an open circuit ends the retries, this went before.
        before: Option<RejectionKind>,
    },
    /// Two places configure one name differently; the first is in force. Said once a name.
    Conflict {
        /// The kind of policy, as its attribute is called.
        kind: &'static str,
        /// The name that both claim.
        name: Name,
        /// `file:line` of the place whose configuration is in force.
        in_force: String,
        /// `file:line` of the place that was not heard.
        not_in_force: String,
    },
    /// This reader was too slow and has lost so many events, the oldest first.
    Missed {
        /// How many.
        events: u64,
    },
    /// Configuration from outside of the program was put in force, in place of what was in force before.
    Reconfigured {
        /// The kind of policy, as its attribute is called.
        kind: &'static str,
        /// Which policy.
        name: Name,
        /// The keys whose values have changed.
        keys: Vec<&'static str>,
        /// The file, or `environment`.
        source: String,
    },
    /// Configuration from outside of the program has a mistake: nothing of it is in force, and what was stays so.
    ConfigRefused {
        /// The file, or `environment`; `registration` where it does not go together with what a builder said later.
        source: String,
        /// What is wrong and where.
        error: String,
    },
}

/// A change of a circuit breaker's state.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Transition {
    /// Which breaker.
    pub name: Name,
    /// The state that was left.
    pub from: crate::State,
    /// The state that was entered.
    pub to: crate::State,
    /// Why it opened, where it did.
    pub reason: Option<OpenReason>,
    /// Whether the breaker only records what it would do (`mode = monitor`).
    pub monitored: bool,
    /// When. An opening by `half_open_timeout` is dated from that deadline.
    pub at: Timestamp,
}

/// Where events are sent: a registry's, or that of a breaker that is in none.
#[derive(Default)]
pub struct Bus {
    sender: OnceCell<broadcast::Sender<Event>>,
}

impl Bus {
    /// Never under a lock of ours.
    pub(crate) fn emit(&self, event: impl FnOnce() -> Event) {
        if let Some(sender) = self.sender.get()
            && sender.receiver_count() > 0
        {
            // An error says that the last reader left just now.
            let _ = sender.send(event());
        }
    }

    pub(crate) fn subscribe(&self) -> Events {
        Events { receiver: self.sender.get_or_init(|| broadcast::Sender::new(EVENT_CAPACITY)).subscribe() }
    }

    pub(crate) fn on_event(&self, mut listener: impl FnMut(&Event) + Send + 'static) {
        let mut events = self.subscribe();
        let listen = move || {
            while let Some(event) = events.blocking_recv() {
                // A listener that panics has lost this event and gets the next one.
                let _ = catch_unwind(AssertUnwindSafe(|| listener(&event)));
            }
        };
        std::thread::Builder::new()
            .name("resilience-events".into())
            .spawn(listen)
            .map(drop)
            .unwrap_or_else(|error| eprintln!("resilience: no thread for a listener, it will hear nothing: {error}"));
    }
}

/// The events from now on, for one reader.
///
/// At most [`EVENT_CAPACITY`] of them wait; a reader that is slower loses the oldest and is told how many by [`Event::Missed`].
#[derive(Debug)]
pub struct Events {
    receiver: broadcast::Receiver<Event>,
}

impl Events {
    /// The next event; `None` once nobody can send any more, which for the global registry is never. Cancel-safe.
    pub async fn recv(&mut self) -> Option<Event> {
        Self::told(self.receiver.recv().await)
    }

    /// The next event, for a thread that is no part of a runtime.
    ///
    /// # Panics
    ///
    /// Inside an asynchronous task, as every blocking call of tokio does.
    pub fn blocking_recv(&mut self) -> Option<Event> {
        Self::told(self.receiver.blocking_recv())
    }

    /// The next event if there is one already.
    pub fn try_recv(&mut self) -> Option<Event> {
        match self.receiver.try_recv() {
            Ok(event) => Some(event),
            Err(TryRecvError::Lagged(events)) => Some(Event::Missed { events }),
            Err(TryRecvError::Empty | TryRecvError::Closed) => None,
        }
    }

    fn told(received: Result<Event, RecvError>) -> Option<Event> {
        match received {
            Ok(event) => Some(event),
            Err(RecvError::Lagged(events)) => Some(Event::Missed { events }),
            Err(RecvError::Closed) => None,
        }
    }
}
