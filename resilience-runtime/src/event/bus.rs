//! From whom to whom: who wants which events.

use super::listener::{Listener, listen};
use super::queue::{Events, Reader};
use super::{Event, Topic};
use crate::name::{Pattern, Shown};
use crate::sync::{ArcSwap, Switches, locked};
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
        Self::of(Topic::ALL.iter().copied().filter(|topic| *topic != Topic::Outcome))
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

    /// Only of names that match; given several times, any of the patterns will do. What happened to the instance of a key also matches by
    /// `name[key]`, as it is shown. The name of a fallback is its function's path.
    #[must_use]
    pub fn named(mut self, pattern: Pattern) -> Self {
        self.names.push(pattern);
        self
    }

    pub(crate) fn wants(&self, topic: Topic) -> bool {
        self.topics & topic.bit() != 0
    }

    fn lets_through(&self, event: &Event) -> bool {
        let is_named = |text: &str| self.names.iter().any(|pattern| pattern.matches(text));
        self.wants(event.topic())
            && (self.names.is_empty()
                || event.name().is_some_and(|name| {
                    let key = event.key();
                    is_named(name) || key.is_some() && is_named(&Shown(name, key).to_string())
                }))
    }
}

/// Where events are sent: a registry's, or that of a breaker that is in none.
pub(crate) struct Bus {
    /// The topics that some reader wants: all that an event costs which nobody wants.
    wanted: Switches,
    readers: ArcSwap<Vec<Arc<Reader>>>,
    /// Not 0: nobody is told what a failure said.
    keeps_causes: Switches,
    one_change_at_a_time: Mutex<()>,
}

/// What is told of a retry says how long the call has taken.
const TOPICS_OF_ATTEMPTS: u64 = Topic::Retry.bit() | Topic::RetriesEnded.bit();

/// Whether what collects for `tracing` may want outcomes: one load, which every success of a closed breaker makes, and none without the feature.
#[inline(always)]
pub(crate) fn outcomes_may_be_collected() -> bool {
    #[cfg(feature = "tracing")]
    return super::trace::may_want_outcomes();
    #[cfg(not(feature = "tracing"))]
    false
}

impl Default for Bus {
    fn default() -> Self {
        Self {
            wanted: Switches::new(0),
            readers: ArcSwap::default(),
            keeps_causes: Switches::new(0),
            one_change_at_a_time: Mutex::default(),
        }
    }
}

impl Bus {
    /// Whether somebody wants to know of it. A collector of `tracing` may be asked, which is the user's code: never under a lock.
    #[inline]
    pub(crate) fn wants(&self, topic: Topic) -> bool {
        #[cfg(feature = "tracing")]
        if super::trace::wants(topic) {
            return true;
        }
        self.is_read(topic)
    }

    /// Whether a reader wants to know of it: one load, under whatever lock.
    #[inline]
    pub(crate) fn is_read(&self, topic: Topic) -> bool {
        self.wanted.get() & topic.bit() != 0
    }

    /// Whether somebody may be told how long the attempts of a call took, as far as it is known without asking anybody: a load, and one more with `tracing`.
    #[inline(always)]
    pub(crate) fn may_tell_attempts(&self) -> bool {
        #[cfg(feature = "tracing")]
        if super::trace::may_want_attempts() {
            return true;
        }
        self.wanted.get() & TOPICS_OF_ATTEMPTS != 0
    }

    /// Whether what failures say may be told.
    pub(crate) fn tells_causes(&self) -> bool {
        self.keeps_causes.get() == 0
    }

    #[cfg(feature = "config")]
    pub(crate) fn tell_causes(&self, told: bool) {
        self.keeps_causes.set(u64::from(!told));
    }

    /// Of what changes nothing, and has therefore no place in an order. Never under a lock.
    #[inline]
    pub(crate) fn emit(&self, topic: Topic, event: impl FnOnce() -> Event) {
        if self.wants(topic) {
            self.send(&event());
        }
    }

    #[cold]
    pub(super) fn send(&self, event: &Event) {
        self.put(event);
        self.tell(event);
    }

    /// Gives it its place in the queues of those who want it, and wakes nobody: under whatever lock.
    pub(super) fn put(&self, event: &Event) {
        for reader in self.readers.load().iter().filter(|reader| reader.filter.lets_through(event)) {
            reader.put(event.clone());
        }
    }

    /// Wakes those who want it, which find it in their queues, and hands it on to `tracing`. Both are the user's code: never under a lock.
    pub(super) fn tell(&self, event: &Event) {
        #[cfg(feature = "tracing")]
        super::trace::tell(event);
        // Held without a lock; but wakers may take their time, and a list that is held blocks a slot of this thread.
        let readers = self.readers.load_full();
        readers.iter().filter(|reader| reader.filter.lets_through(event)).for_each(|reader| reader.wake());
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
        let wanted =
            Topic::ALL.iter().copied().filter(|topic| readers.iter().any(|reader| reader.filter.wants(*topic)));
        let wanted = wanted.fold(0, |bits, topic| bits | topic.bit());
        self.readers.store(Arc::new(readers));
        self.wanted.set(wanted);
    }

    pub(crate) fn on_event(
        self: &Arc<Self>,
        filter: EventFilter,
        listener: impl FnMut(&Event) + Send + 'static,
    ) -> Listener {
        listen(self.subscribe(filter), listener)
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        self.readers.load().iter().for_each(|reader| reader.close());
    }
}

#[cfg(all(test, not(resilience_loom)))]
mod tests {
    use super::*;

    #[test]
    fn an_event_that_nobody_wants_any_more_costs_what_it_did_before() {
        let bus = Arc::new(Bus::default());
        let wanted = || -> Vec<Topic> {
            Topic::ALL.iter().copied().filter(|topic| bus.wanted.get() & topic.bit() != 0).collect()
        };
        let [one, other] = [Topic::Outcome, Topic::Retry].map(|topic| bus.subscribe(EventFilter::of([topic])));
        assert_eq!(wanted(), [Topic::Retry, Topic::Outcome]);
        drop(one);
        assert_eq!(wanted(), [Topic::Retry]);
        drop(other);
        assert_eq!(wanted(), []);
    }
}
