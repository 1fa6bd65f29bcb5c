//! The last events of a policy in a registry.
//!
//! What happens now and then is kept one by one. What may happen at every call (rejections, retries, …) is not written at all: the policy counts it anyway, and a
//! ring remembers what the counters showed at each entry. What was counted between two entries is told as one event when the ring is read. So a flood evicts
//! nothing, and costs whoever is in it nothing.

use super::{Event, Topic};
use crate::kind::Kind;
use crate::name::Name;
use crate::time::Timestamp;
use std::collections::VecDeque;

/// How many events [`Registry::recent_events`](crate::Registry::recent_events) keeps of each policy, the oldest going first.
pub const RECENT_EVENTS: usize = 64;

/// What a policy has counted of the events that may come with every call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Runs {
    pub(crate) rejected: u64,
    pub(crate) timed_out: u64,
    pub(crate) retries: u64,
    pub(crate) slow_calls: u64,
    pub(crate) evicted: u64,
}

impl Runs {
    fn by_topic(self) -> [(Topic, u64); 5] {
        [
            (Topic::Rejected, self.rejected),
            (Topic::TimedOut, self.timed_out),
            (Topic::Retry, self.retries),
            (Topic::SlowCall, self.slow_calls),
            (Topic::Evicted, self.evicted),
        ]
    }
}

/// What the counters showed, and when.
#[derive(Clone, Copy)]
struct CountersAt {
    runs: Runs,
    at: Timestamp,
}

struct RingEntry {
    event: Event,
    /// `None` where the policy could not say without waiting for somebody: the run goes on.
    mark: Option<CountersAt>,
}

pub(super) struct Ring {
    /// Before the oldest entry.
    before: CountersAt,
    kept: VecDeque<RingEntry>,
}

impl Ring {
    /// For a policy that comes into the registry.
    pub(super) fn new() -> Self {
        Self { before: CountersAt { runs: Runs::default(), at: Timestamp::now() }, kept: VecDeque::new() }
    }

    /// `runs` is what the policy has counted by now.
    pub(super) fn keep(&mut self, events: &[Event], runs: Option<Runs>) {
        for event in events.iter().filter(|event| event.topic().is_change()) {
            if self.kept.len() == RECENT_EVENTS
                && let Some(RingEntry { mark: Some(mark), .. }) = self.kept.pop_front()
            {
                self.before = mark;
            }
            let mark = runs.map(|runs| CountersAt { runs, at: event.at() });
            self.kept.push_back(RingEntry { event: event.clone(), mark });
        }
    }

    /// The entries, and between them what was counted; `now` is what the counters show.
    pub(super) fn recent(&self, kind: Kind, name: &Name, now: Runs) -> Vec<Event> {
        let mut events = Vec::new();
        let mut last = self.before;
        let between = |from: CountersAt, to: CountersAt| {
            let counted = from.runs.by_topic().into_iter().zip(to.runs.by_topic());
            counted.filter(|((_, before), (_, after))| after > before).map(move |((topic, before), (_, after))| {
                let count = after - before;
                Event::Repeated { kind, name: name.clone(), topic, count, since: from.at, at: to.at }
            })
        };
        for RingEntry { event, mark } in &self.kept {
            if let Some(mark) = *mark {
                events.extend(between(last, mark));
                last = mark;
            }
            events.push(event.clone());
        }
        // An entry may be dated a moment ahead, as a state is that was entered twice within a millisecond.
        let at = self.kept.back().map_or(last.at, |newest| newest.event.at()).max(Timestamp::now());
        events.extend(between(last, CountersAt { runs: now, at }));
        events
    }
}

#[cfg(all(test, not(resilience_loom)))]
mod tests {
    use super::*;
    use crate::event::{Act, Order};

    #[test]
    fn what_was_counted_last_is_told_no_earlier_than_the_entry_before_it() {
        let mut ring = Ring::new();
        let (kind, name) = (Kind::CircuitBreaker, Name::from("ring"));
        let now = Timestamp::now().as_millis();
        let steered = |at: u64| {
            let (name, at) = (name.clone(), Timestamp::from_millis(at));
            Event::Steered { kind, name, key: None, act: Act::Reset, by: None, at, order: Order::default() }
        };
        let once = Runs { rejected: 1, ..Runs::default() };
        ring.keep(&[steered(now - 60_000)], None);
        let recent = ring.recent(kind, &name, once);
        assert!(recent[1].at().as_millis() >= now, "what goes on has been going on until now: {recent:?}");
        ring.keep(&[steered(now + 60_000)], None);
        let recent = ring.recent(kind, &name, once);
        let topics = recent.iter().map(Event::topic);
        assert_eq!(topics.collect::<Vec<_>>(), [Topic::Steered, Topic::Steered, Topic::Repeated]);
        assert!(recent.is_sorted_by_key(Event::at), "{recent:?}");
    }
}
