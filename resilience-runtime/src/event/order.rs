//! The order in which what happens to one policy is told: the order in which it happened, to every reader and among its recent events.
//!
//! Whoever changes something takes a [`Turn`], which is a lock of the policy's own: under it the change is made, and its events get their places in the queues of the
//! readers and in the ring. Whatever is the user's runs after it: a turn ends in what is [`Untold`], which wakes readers and hands on to `tracing`.
//!
//! Successes, rejections and whatever else changes nothing take no turn. Their events carry the generation that they were decided in, and a number between those of
//! the changes before and after; they may reach a reader later than the next change.
//!
//! # Why the numbers sort
//!
//! A turn raises the number by two **before** anything is changed, and whoever sees the change (it is published by a release, and seen by an acquire) sees that number. So what is
//! decided after a change has a number above the change's: the last one, made odd.

use super::ring::{Ring, Runs};
use super::states::Historian;
use super::{Bus, Event, StateHistory, Topic, Trap};
use crate::cause::Cause;
use crate::error::Rejection;
use crate::kind::Kind;
use crate::name::Name;
use crate::state::State;
use crate::sync::{AtomicSetting, Mutex, MutexGuard, exclusive};
use crate::time::Timestamp;
use once_cell::race::OnceBox;
use std::sync::Arc;

/// Where an event belongs in the history of its policy: sorted by it (and otherwise left as they come), events are in the order in which they happened.
///
/// Changes (transitions, what is done by hand, reconfigurations, conflicts, traps) reach every reader in this order anyway. What changes nothing (rejections, outcomes, slow calls,
/// retries, timeouts, evictions) may reach one a little later than the change that comes after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Order {
    /// Of a circuit breaker: the millisecond in which the state began that it was decided in, or that it begins. It never falls; states that begin in one millisecond have the same, and there
    /// what was decided at the very moment of a change may have a number above the change's. Each key's breaker has its own; other policies have one only, 0.
    pub generation: u64,
    /// Even of a change, and the same for all that one act has changed; odd of what happened between two changes. It grows, and may skip numbers.
    pub sequence: u64,
}

/// Where a policy's events go. Clones are the same: a breaker with keys and the breakers of those keys have one history.
#[derive(Clone)]
pub struct Emitter {
    bus: Arc<Bus>,
    history: Arc<History>,
}

struct History {
    /// `module::function`, where one guarded function alone has this policy.
    operation: OnceBox<Name>,
    /// That of the last turn.
    sequence: AtomicSetting,
    /// The traps that were told of.
    traps: AtomicSetting,
    told: Mutex<Told>,
}

struct Told {
    /// When the last change was, as it was told.
    latest: Timestamp,
    /// What a registry keeps of it.
    kept: Option<Box<RegistryRecord>>,
}

struct RegistryRecord {
    ring: Ring,
    /// Of a circuit breaker besides.
    historian: Option<Historian>,
}

impl Emitter {
    pub(crate) fn new(bus: Arc<Bus>) -> Self {
        let told = Mutex::new(Told { latest: Timestamp::from_millis(0), kept: None });
        let (sequence, traps) = (AtomicSetting::new(0), AtomicSetting::new(0));
        Self { bus, history: Arc::new(History { operation: OnceBox::new(), sequence, traps, told }) }
    }

    /// Its registry keeps its last events from now on, and knows which guarded function alone has it, if one has. A circuit breaker says in which state it
    /// comes.
    pub(crate) fn enter_registry(&self, operation: Option<Name>, state: Option<State>) {
        if let Some(operation) = operation {
            let _ = self.history.operation.set(Box::new(operation));
        }
        let mut told = exclusive(&self.history.told);
        let kept = told.kept.get_or_insert_with(|| Box::new(RegistryRecord { ring: Ring::new(), historian: None }));
        kept.historian = state.map(|state| Historian::new(state, Timestamp::now()));
    }

    /// Nothing is kept of it from now on.
    pub(crate) fn leave_registry(&self) {
        let mut told = exclusive(&self.history.told);
        let kept = told.kept.take();
        drop(told);
        drop(kept);
    }

    /// Where a circuit breaker of a registry has been so far.
    pub(crate) fn state_history(&self) -> Option<StateHistory> {
        let mut told = exclusive(&self.history.told);
        Some(told.kept.as_mut()?.historian.as_mut()?.read(Timestamp::now()))
    }

    /// Whether both have one history.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.history, &other.history)
    }

    /// See [`Bus::wants`].
    #[inline]
    pub(crate) fn wants(&self, topic: Topic) -> bool {
        self.bus.wants(topic)
    }

    /// Of something that is decided now, in that generation, and changes nothing.
    pub(crate) fn order(&self, generation: u64) -> Order {
        Order { generation, sequence: self.history.sequence.get() | 1 }
    }

    /// Of something that changes nothing.
    #[inline]
    pub(crate) fn emit(&self, topic: Topic, generation: u64, event: impl FnOnce(Order) -> Event) {
        self.bus.emit(topic, || event(self.order(generation)));
    }

    /// A rejection, where somebody wants to know of it. Out of the way of those to whom nobody listens: an event is large.
    #[cold]
    #[inline(never)]
    pub(crate) fn send_rejected(&self, kind: Kind, rejection: &Rejection, generation: u64) {
        let operation = self.history.operation.get().cloned();
        self.bus.send(&Event::rejected(kind, rejection, operation, self.order(generation)));
    }

    /// Counts a rejection, tells it, and makes it. Inlined, so that it is written where it is wanted; and once more where somebody listens.
    #[inline(always)]
    pub(crate) fn rejected(
        &self,
        kind: Kind,
        topic: Topic,
        count: impl FnOnce(),
        rejection: impl Fn() -> Rejection + Copy,
    ) -> Rejection {
        // Asked before the count, behind which a load would have to wait for it.
        let wanted = self.wants(topic);
        count();
        if wanted {
            self.tell_rejected(kind, rejection);
        }
        rejection()
    }

    #[cold]
    #[inline(never)]
    fn tell_rejected(&self, kind: Kind, rejection: impl Fn() -> Rejection) {
        self.send_rejected(kind, &rejection(), 0);
    }

    /// See [`Bus::tells_causes`].
    pub(crate) fn tells_causes(&self) -> bool {
        self.bus.tells_causes()
    }

    /// Whether nobody was told of this trap yet.
    pub(crate) fn is_news(&self, trap: Trap) -> bool {
        self.history.traps.get() & trap.bit() == 0
    }

    /// The same, and from now on somebody is.
    pub(crate) fn begin_to_tell(&self, trap: Trap) -> bool {
        self.is_news(trap) && self.history.traps.change(|told| told | trap.bit()) & trap.bit() == 0
    }

    /// Whether a reader wants to know of it: one load, under whatever lock.
    pub(crate) fn is_read(&self, topic: Topic) -> bool {
        self.bus.is_read(topic)
    }

    /// See [`Bus::may_tell_attempts`].
    #[inline(always)]
    pub(crate) fn may_tell_attempts(&self) -> bool {
        self.bus.may_tell_attempts()
    }

    /// Waits for the changes that are being made. Nothing of the user's may run before it ends.
    pub(crate) fn turn(&self) -> Turn<'_> {
        self.turn_told(Audience::now())
    }

    /// As [`turn`](Self::turn), for whoever holds a lock already.
    pub(crate) fn turn_told(&self, Audience { collected }: Audience) -> Turn<'_> {
        let told = exclusive(&self.history.told);
        let sequence = self.history.sequence.add(2) + 2;
        Turn { emitter: self, collected, told, sequence, cause: None, events: Vec::new() }
    }

    /// The last changes, oldest first; nothing where no registry keeps them. `runs` is what the policy has counted.
    pub(crate) fn recent(&self, kind: Kind, name: &Name, runs: impl FnOnce() -> Runs) -> Vec<Event> {
        let told = exclusive(&self.history.told);
        told.kept.as_ref().map_or_else(Vec::new, |kept| kept.ring.recent(kind, name, runs()))
    }
}

/// Whether `tracing` is to be told of changes: asked before any lock is taken, since what collects is the user's. One answer does for all of them, since whoever
/// collects is asked for each again when it is told.
#[derive(Clone, Copy)]
pub(crate) struct Audience {
    collected: bool,
}

impl Audience {
    pub(crate) fn now() -> Self {
        #[cfg(feature = "tracing")]
        let collected = super::trace::wants_changes();
        #[cfg(not(feature = "tracing"))]
        let collected = false;
        Self { collected }
    }

    pub(crate) const fn nobody() -> Self {
        Self { collected: false }
    }
}

/// The right to change a policy, held while it is changed.
#[must_use = "what it has changed has to be told"]
pub struct Turn<'s> {
    emitter: &'s Emitter,
    /// Whether `tracing` is to be told.
    collected: bool,
    told: MutexGuard<'s, Told>,
    sequence: u64,
    /// What the failure said that is behind it.
    cause: Option<Cause>,
    events: Vec<Event>,
}

impl Turn<'_> {
    pub(crate) fn because(mut self, cause: Option<Cause>) -> Self {
        self.cause = cause;
        self
    }

    pub(crate) fn cause(&self) -> Option<Cause> {
        self.cause.clone()
    }

    /// Something was changed, in that generation.
    pub(crate) fn push(&mut self, topic: Topic, generation: u64, event: impl FnOnce(Order) -> Event) {
        if self.told.kept.is_some() || self.collected || self.emitter.bus.is_read(topic) {
            self.events.push(event(Order { generation, sequence: self.sequence }));
        }
    }

    /// Something that somebody should mend, to be told of whether anybody has asked for it or not.
    pub(crate) fn push_warning(&mut self, generation: u64, event: impl FnOnce(Order) -> Event) {
        self.events.push(event(Order { generation, sequence: self.sequence }));
    }

    /// What everything that was pushed so far has followed from.
    pub(crate) fn push_cause(&mut self, topic: Topic, generation: u64, event: impl FnOnce(Order) -> Event) {
        let following = self.events.len();
        self.push(topic, generation, event);
        if self.events.len() > following {
            self.events.rotate_right(1);
        }
    }

    /// Lets the next one have its turn. `runs` is what the policy has counted, where it can say so without waiting for anybody.
    pub(crate) fn end(self, runs: impl FnOnce() -> Option<Runs>) -> Untold {
        let Self { emitter, mut told, mut events, .. } = self;
        if events.is_empty() {
            return Untold::default();
        }
        // From the last to the first: what has followed is no earlier than what it followed from. From the first to the last: never back.
        let mut at = Timestamp::from_millis(u64::MAX);
        for event in events.iter_mut().rev() {
            at = event.at().min(at);
            event.set_at(at);
        }
        for event in &mut events {
            told.latest = event.at().max(told.latest);
            event.set_at(told.latest);
        }
        if let Some(kept) = &mut told.kept {
            kept.ring.keep(&events, runs());
            if let Some(historian) = &mut kept.historian {
                events.iter().for_each(|event| historian.write(event));
            }
        }
        events.iter().for_each(|event| emitter.bus.put(event));
        drop(told);
        Untold(vec![Telling::Events(Arc::clone(&emitter.bus), events)])
    }
}

/// What has happened and is told once no lock is held.
#[derive(Default)]
#[must_use = "somebody waits to be told"]
pub(crate) struct Untold(Vec<Telling>);

enum Telling {
    Events(Arc<Bus>, Vec<Event>),
    Other(Box<dyn FnOnce() + Send>),
}

impl Untold {
    /// Whatever else runs the user's code.
    pub(crate) fn and(&mut self, tell: impl FnOnce() + Send + 'static) {
        self.0.push(Telling::Other(Box::new(tell)));
    }

    #[cfg(feature = "config")]
    pub(crate) fn append(&mut self, Self(later): Self) {
        self.0.extend(later);
    }

    /// What has happened, for whoever says it in another way besides.
    #[cfg(not(feature = "tracing"))]
    pub(crate) fn events(&self) -> impl Iterator<Item = &Event> {
        self.0.iter().flat_map(|telling| match telling {
            Telling::Events(_, events) => &events[..],
            Telling::Other(_) => &[],
        })
    }

    /// Under no lock.
    pub(crate) fn tell(self) {
        for telling in self.0 {
            match telling {
                Telling::Events(bus, events) => events.iter().for_each(|event| bus.tell(event)),
                Telling::Other(tell) => tell(),
            }
        }
    }
}

#[cfg(all(test, not(resilience_loom)))]
mod tests {
    use super::*;
    use crate::event::{Act, EventFilter, RECENT_EVENTS};
    use crate::time::precise_millis;

    fn steered(at: u64, order: Order) -> Event {
        let (kind, name) = (Kind::CircuitBreaker, Name::from("order"));
        Event::Steered { kind, name, key: None, act: Act::Reset, by: None, at: Timestamp::from_millis(at), order }
    }

    #[test]
    fn whoever_changes_in_any_order_is_told_in_one_to_every_reader_and_in_the_ring() {
        const THREADS: u64 = 8;
        const TURNS: u64 = 60;
        let bus = Arc::new(Bus::default());
        let emitter = Emitter::new(Arc::clone(&bus));
        emitter.enter_registry(None, None);
        let mut readers = [bus.subscribe(EventFilter::default()), bus.subscribe(EventFilter::default())];
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let emitter = &emitter;
                scope.spawn(move || {
                    for nth in 0..TURNS {
                        let mut turn = emitter.turn();
                        // From a clock that some read late.
                        turn.push(Topic::Steered, 0, |order| steered(precise_millis() - thread * nth % 7, order));
                        turn.end(|| None).tell();
                    }
                });
            }
        });
        let [one, other] =
            readers.each_mut().map(|reader| std::iter::from_fn(|| reader.try_recv()).collect::<Vec<_>>());
        assert_eq!(one.len() as u64, THREADS * TURNS);
        assert_eq!(one, other);
        assert!(one.is_sorted_by_key(|event| event.order()) && one.is_sorted_by_key(Event::at));
        let recent = emitter.recent(Kind::CircuitBreaker, &"order".into(), Runs::default);
        assert_eq!(recent, one[one.len() - RECENT_EVENTS..]);
    }

    #[test]
    fn a_cause_goes_before_what_follows_from_it_and_no_time_falls() {
        let bus = Arc::new(Bus::default());
        let mut reader = bus.subscribe(EventFilter::default());
        let emitter = Emitter::new(bus);
        let mut turn = emitter.turn();
        turn.push(Topic::Steered, 2, |order| steered(50, order));
        turn.push_cause(Topic::Steered, 1, |order| steered(60, order));
        turn.end(|| None).tell();
        let between = emitter.order(2);
        let mut turn = emitter.turn();
        turn.push(Topic::Steered, 2, |order| steered(40, order));
        turn.end(|| None).tell();
        let told: Vec<_> = std::iter::from_fn(|| reader.try_recv()).collect();
        let told: Vec<_> = told.iter().map(|event| (event.order().unwrap(), event.at().as_millis())).collect();
        assert_eq!(
            told.iter().map(|(order, at)| (order.generation, *at)).collect::<Vec<_>>(),
            [(1, 50), (2, 50), (2, 50)]
        );
        assert!(told[0].0 < told[1].0 && told[1].0 < between && between < told[2].0, "{told:?} {between:?}");
    }

    #[test]
    fn what_changes_nothing_is_kept_by_no_ring() {
        let emitter = Emitter::new(Arc::default());
        emitter.enter_registry(None, None);
        let mut turn = emitter.turn();
        turn.push(Topic::Evicted, 0, |order| Event::Evicted {
            kind: Kind::CircuitBreaker,
            name: "order".into(),
            key: "key".into(),
            at: Timestamp::now(),
            order,
        });
        turn.end(|| None).tell();
        assert_eq!(emitter.recent(Kind::CircuitBreaker, &"order".into(), Runs::default), []);
    }
}
