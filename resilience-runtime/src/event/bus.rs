//! From whom to whom: who wants which events, and the rings of those that are kept.

use super::queue::{Events, Reader};
use super::ring::{Rings, Runs};
use super::{Event, Steering, Topic};
use crate::error::{Name, Rejection};
use crate::registry::{Pattern, Policy, operation_of};
use crate::sync::{ArcSwap, Count, Flag, Switches, locked};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

/// Which events a reader gets.
///
/// # Examples
///
/// ```
/// use resilience_runtime::{EventFilter, Topic, registry};
///
/// let transitions = EventFilter::of([Topic::Transition, Topic::Steered]).named("payment*".parse()?);
/// let mut events = registry().subscribe_with(transitions);
/// assert!(events.try_recv().is_none());
/// // All that is told anyway, and the end of every call besides.
/// let mut events = registry().subscribe_with(EventFilter::default().and(Topic::Outcome));
/// # Ok::<(), resilience_runtime::InvalidPattern>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventFilter {
    topics: u64,
    /// Any of them; all names where there is none.
    names: Vec<Pattern>,
}

impl Default for EventFilter {
    /// Every topic but [`Topic::Outcome`], of every name.
    fn default() -> Self {
        Self::of(Topic::ALL.into_iter().filter(|topic| *topic != Topic::Outcome))
    }
}

impl EventFilter {
    /// These topics and no other, of every name.
    pub fn of(topics: impl IntoIterator<Item = Topic>) -> Self {
        Self { topics: topics.into_iter().fold(0, |bits, topic| bits | topic.bit()), names: Vec::new() }
    }

    /// This topic as well.
    #[must_use]
    pub fn and(mut self, topic: Topic) -> Self {
        self.topics |= topic.bit();
        self
    }

    /// Without this topic.
    #[must_use]
    pub fn without(mut self, topic: Topic) -> Self {
        self.topics &= !topic.bit();
        self
    }

    /// Only of names that match; given several times, any of the patterns will do. A key's breaker is called `name/key`. The name of a
    /// fallback is its function's path.
    #[must_use]
    pub fn named(mut self, pattern: Pattern) -> Self {
        self.names.push(pattern);
        self
    }

    pub(crate) fn wants(&self, topic: Topic) -> bool {
        self.topics & topic.bit() != 0
    }

    fn lets_through(&self, event: &Event) -> bool {
        self.wants(event.topic())
            && (self.names.is_empty()
                || event.name().is_some_and(|name| self.names.iter().any(|pattern| pattern.matches(name))))
    }
}

/// Where events are sent: a registry's, or that of a breaker that is in none.
pub struct Bus {
    /// The topics that some reader wants: all that an event costs which nobody wants.
    wanted: Switches,
    readers: ArcSwap<Vec<Arc<Reader>>>,
    one_change_at_a_time: Mutex<()>,
    rings: Rings,
}

impl Default for Bus {
    fn default() -> Self {
        Self {
            wanted: Switches::new(0),
            readers: ArcSwap::default(),
            one_change_at_a_time: Mutex::default(),
            rings: Rings::default(),
        }
    }
}

impl Bus {
    /// Whether somebody wants to know of it.
    #[inline]
    pub(crate) fn wants(&self, topic: Topic) -> bool {
        #[cfg(feature = "tracing")]
        if super::trace::wants(topic) {
            return true;
        }
        self.wanted.get() & topic.bit() != 0
    }

    /// Never under a lock of ours.
    #[inline]
    pub(crate) fn emit(&self, topic: Topic, event: impl FnOnce() -> Event) {
        if self.wants(topic) {
            self.send(&event());
        }
    }

    /// A rejection of the policy that the registry knows by `policy`, where somebody wants to know of it; a key's breaker has a name of its
    /// own besides. Out of the way of those to whom nobody listens: an event is large.
    #[cold]
    #[inline(never)]
    pub(crate) fn send_rejected(&self, kind: &'static str, rejection: &Rejection, policy: &Name) {
        self.send(&Event::rejected(kind, rejection, operation_of(kind, policy)));
    }

    #[cold]
    fn send(&self, event: &Event) {
        #[cfg(feature = "tracing")]
        super::trace::tell(event);
        for reader in self.readers.load().iter().filter(|reader| reader.filter.lets_through(event)) {
            reader.send(event.clone());
        }
    }

    pub(crate) fn subscribe(self: &Arc<Self>, filter: EventFilter) -> Events {
        let reader = Arc::new(Reader::new(filter));
        self.change_readers(|readers| readers.push(Arc::clone(&reader)));
        Events::new(reader, Arc::downgrade(self))
    }

    pub(super) fn leave(&self, reader: &Arc<Reader>) {
        self.change_readers(|readers| readers.retain(|other| !Arc::ptr_eq(other, reader)));
    }

    fn change_readers(&self, change: impl FnOnce(&mut Vec<Arc<Reader>>)) {
        let _guard = locked(&self.one_change_at_a_time);
        let mut readers = Vec::clone(&self.readers.load());
        change(&mut readers);
        let wanted = Topic::ALL.into_iter().filter(|topic| readers.iter().any(|reader| reader.filter.wants(*topic)));
        let wanted = wanted.fold(0, |bits, topic| bits | topic.bit());
        self.readers.store(Arc::new(readers));
        self.wanted.set(wanted);
    }

    pub(crate) fn on_event(self: &Arc<Self>, filter: EventFilter, mut listener: impl FnMut(&Event) + Send + 'static) {
        let mut events = self.subscribe(filter);
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

    pub(crate) fn rings(&self) -> &Rings {
        &self.rings
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        self.readers.load().iter().for_each(|reader| reader.close());
    }
}

/// Where a policy's events go, and whether its registry keeps the last of them.
pub(crate) struct Source {
    bus: Arc<Bus>,
    in_registry: Flag,
}

impl Source {
    pub(crate) fn new(bus: Arc<Bus>) -> Self {
        Self { bus, in_registry: Flag::new() }
    }

    pub(crate) fn enter_registry(&self) {
        self.in_registry.raise();
    }

    /// Of an event that is kept nowhere.
    #[inline]
    pub(crate) fn emit(&self, topic: Topic, event: impl FnOnce() -> Event) {
        self.bus.emit(topic, event);
    }

    /// Counts a rejection, tells it, and makes it: written down where the caller wants it, and once more where somebody listens.
    #[inline]
    pub(crate) fn rejected<P: Policy>(
        &self,
        topic: Topic,
        count: &Count,
        rejection: impl Fn() -> Rejection,
    ) -> Rejection {
        // Asked before the count, behind which a load would have to wait for it.
        let wanted = self.bus.wants(topic);
        count.increment();
        if wanted {
            let rejection = rejection();
            self.bus.send_rejected(P::KIND, &rejection, rejection.name());
        }
        rejection()
    }

    /// That another configuration is in force: kept in the registry's ring.
    pub(crate) fn reconfigured<P: Policy>(&self, policy: &P, by: Option<Steering>) {
        let name = policy.name();
        let event = Event::reconfigured(P::KIND, name.clone(), by);
        keep(&self.bus, self.in_registry.is_raised().then_some(name), &event, || Some(policy.runs()));
    }
}

/// Sends the event, and keeps it in the ring of that name.
pub(crate) fn keep(bus: &Bus, ring: Option<&Name>, event: &Event, runs: impl FnOnce() -> Option<Runs>) {
    if let (Some(name), Some(kind)) = (ring, event.kind()) {
        bus.rings.keep(kind, name, event, runs);
    }
    if bus.wants(event.topic()) {
        bus.send(event);
    }
}

#[cfg(all(test, not(resilience_loom)))]
mod tests {
    use super::*;

    #[test]
    fn an_event_that_nobody_wants_any_more_costs_what_it_did_before() {
        let bus = Arc::new(Bus::default());
        let wanted = || Topic::ALL.map(|topic| bus.wanted.get() & topic.bit() != 0);
        let [one, other] = [Topic::Outcome, Topic::Retry].map(|topic| bus.subscribe(EventFilter::of([topic])));
        assert_eq!(wanted(), Topic::ALL.map(|topic| [Topic::Outcome, Topic::Retry].contains(&topic)));
        drop(one);
        assert_eq!(wanted(), Topic::ALL.map(|topic| topic == Topic::Retry));
        drop(other);
        assert_eq!(wanted(), Topic::ALL.map(|_| false));
    }
}
