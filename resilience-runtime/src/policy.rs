//! What every kind of policy is to the rest of the crate: how it is defined, configured, counted and shown.

use crate::event::{Emitter, Event, Order, Runs, Steering, Topic, Trap, Turn};
use crate::kind::Kind;
use crate::name::{Key, Name};
use crate::overlay::{KeyLines, Setting};
use crate::state::State;
use crate::time::Timestamp;
use resilience_config::{ConfigError, Configurable};
use std::fmt::{self, Debug};
use std::sync::Arc;

/// For how many of those who wait there is room: in the policy itself, and then in the instances of its keys, slot by slot; nothing where nobody waits.
pub(crate) type Room = Vec<u64>;

/// A kind of policy that has a name and can be configured.
pub trait Policy: Sized + Send + Sync + 'static {
    /// The keys that can be written at the attribute and outside of the program.
    type Keys: Configurable + Debug;

    /// A rule of the user's own beside them; [`Infallible`](std::convert::Infallible) where there is none.
    type Rule: Copy + PartialEq + Debug + Send + Sync + 'static;

    /// What it shows of itself.
    type Snapshot;

    /// Which kind it is.
    const KIND: Kind;

    /// The key without which at the attribute its function never waits.
    const WAITS_WITH: Option<&'static str> = None;

    /// Keys and rule together.
    fn define(keys: Self::Keys, rule: Option<Self::Rule>) -> Definition<Self> {
        Definition { keys, rule }
    }

    /// The rule as it was written, where it was.
    fn rule_text(_rule: &Self::Rule) -> Option<&'static str> {
        None
    }

    /// Another one of that name, for keys that [break no rule](Configurable::broken_rules).
    fn new(name: Name, definition: &Definition<Self>, emitter: Emitter) -> Self;

    fn name(&self) -> &Name;

    /// The settings as they are in force.
    fn in_force(&self) -> <Self::Keys as Configurable>::Settings;

    /// What follows from it is told with the turn.
    fn put_in_force(&self, keys: Self::Keys, turn: &mut Turn<'_>) -> Result<Room, ConfigError>;

    /// Wakes those for whom there is room, which is the user's code: under no lock.
    fn go_on(&self, _room: &[u64]) {}

    /// Puts other keys in force by hand, and tells it.
    fn reconfigure_by(&self, keys: Self::Keys, by: Option<Steering>) -> Result<(), ConfigError> {
        let mut turn = self.emitter().turn();
        let room = self.put_in_force(keys, &mut turn)?;
        turn.push_cause(Topic::Reconfigured, self.generation(), |order| {
            let (name, key, at) = (self.name().clone(), self.key(), Timestamp::now());
            Event::Reconfigured { kind: Self::KIND, name, key, keys: Vec::new(), source: None, by, at, order }
        });
        let untold = turn.end(|| Some(self.runs()));
        self.go_on(&room);
        untold.tell();
        Ok(())
    }

    /// Tells what somebody should mend; where it is none of `tracing`'s events, for which whoever collects those decides where it is written, on standard error too. This may
    /// run code of the user's: never under a lock.
    fn warn(&self, event: impl FnOnce(Order) -> Event) {
        let mut turn = self.emitter().turn();
        turn.push_warning(self.generation(), event);
        let untold = turn.end(|| Some(self.runs()));
        #[cfg(not(feature = "tracing"))]
        untold.events().for_each(crate::event::complain);
        untold.tell();
    }

    /// Tells of the trap where it `is_met`, which is asked only while that would be news. Likewise.
    fn look_for_trap(&self, trap: Trap, is_met: impl FnOnce() -> bool) {
        if self.emitter().is_news(trap) && is_met() {
            self.tell_trap(trap);
        }
    }

    /// Tells once that this was written in a way that cannot work. Likewise.
    #[cold]
    fn tell_trap(&self, trap: Trap) {
        if self.emitter().begin_to_tell(trap) {
            let (kind, name, key, at) = (Self::KIND, self.name().clone(), self.key(), Timestamp::now());
            self.warn(|order| Event::Trap { kind, name, key, trap, at, order });
        }
    }

    /// Whether [`put_in_force`](Self::put_in_force) would accept the keys.
    fn check(&self, keys: &Self::Keys) -> Result<(), ConfigError> {
        ConfigError::unless_none(keys.broken_rules())
    }

    /// Whether what is written of `other` is written of it.
    fn is_configured_as(&self, other: &Self) -> bool {
        // One of a key is configured as all of them.
        std::ptr::eq(self, other) || self.key().is_some() && self.emitter().is(other.emitter())
    }

    /// Nobody has called it yet.
    fn begin_forced_open(&self) {}

    /// The state in which a circuit breaker comes into its registry.
    fn comes_in(&self) -> Option<State> {
        None
    }

    /// What a file says of single keys, from before the first call.
    fn begin_with_key_lines(&self, _: KeyLines<Self::Keys>) {}

    /// What a file says of single keys, in place of what it said before. Tells what that changes for those that have an instance, and wakes those who wait with
    /// [`go_on`](Self::go_on).
    #[cfg(feature = "config")]
    fn put_key_lines(&self, _: KeyLines<Self::Keys>, _source: &Name, _: &mut Turn<'_>) -> Room {
        Room::new()
    }

    fn set_forced_open(&self, _forced: bool, _: &mut Turn<'_>) {}

    /// Those of its keys, by key.
    fn instances(&self) -> Vec<Arc<Self>> {
        Vec::new()
    }

    /// Of which key it is the instance.
    fn key(&self) -> Option<Key> {
        None
    }

    /// Which of its states it is in, as its events count them.
    fn generation(&self) -> u64 {
        0
    }

    fn emitter(&self) -> &Emitter;

    /// What it has counted of the events that its registry does not keep one by one.
    fn runs(&self) -> Runs;

    /// The policy as it is now. Whoever knows where its settings came from says so.
    fn snapshot_with(&self, settings: Vec<Setting>) -> Self::Snapshot;
}

/// What the program says of a policy: what must be equal where a name is shared.
pub struct Definition<P: Policy> {
    pub(crate) keys: P::Keys,
    pub(crate) rule: Option<P::Rule>,
}

impl<P: Policy> Clone for Definition<P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P: Policy> Copy for Definition<P> {}

impl<P: Policy> PartialEq for Definition<P> {
    fn eq(&self, other: &Self) -> bool {
        self.keys == other.keys && self.rule == other.rule
    }
}

impl<P: Policy> Debug for Definition<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Definition").field("keys", &self.keys).field("rule", &self.rule).finish()
    }
}
