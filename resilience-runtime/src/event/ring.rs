//! The last events of each policy in a registry.
//!
//! What happens now and then is kept one by one. What may happen at every call (rejections, retries, …) is not written at all: the policy counts it anyway, and a
//! ring remembers what the counters showed at each entry. What was counted between two entries is told as one event when the ring is read. So a flood evicts
//! nothing, and costs whoever is in it nothing.

use super::{Event, Topic};
use crate::error::Name;
use crate::sync::locked;
use crate::time::Timestamp;
use dashmap::DashMap;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

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
struct Mark {
    runs: Runs,
    at: Timestamp,
}

struct Kept {
    event: Event,
    /// `None` where the policy could not say without waiting for somebody: the run goes on.
    mark: Option<Mark>,
}

struct Ring {
    /// Before the oldest entry.
    before: Mark,
    kept: VecDeque<Kept>,
}

#[derive(Default)]
pub(crate) struct Rings {
    rings: DashMap<(&'static str, Name), Arc<Mutex<Ring>>>,
}

impl Rings {
    /// For a policy that comes into the registry.
    pub(crate) fn open(&self, kind: &'static str, name: &Name) {
        let before = Mark { runs: Runs::default(), at: Timestamp::now() };
        let ring = || Arc::new(Mutex::new(Ring { before, kept: VecDeque::new() }));
        self.rings.entry((kind, name.clone())).or_insert_with(ring);
    }

    fn find(&self, kind: &'static str, name: &Name) -> Option<Arc<Mutex<Ring>>> {
        self.rings.get(&(kind, name.clone())).map(|ring| Arc::clone(&ring))
    }

    /// `runs` is asked under the ring's lock, so that the marks are in the order of the entries.
    pub(crate) fn keep(&self, kind: &'static str, name: &Name, event: &Event, runs: impl FnOnce() -> Option<Runs>) {
        let Some(ring) = self.find(kind, name) else { return };
        let mut ring = locked(&ring);
        let mark = runs().map(|runs| Mark { runs, at: event.at() });
        if ring.kept.len() == RECENT_EVENTS
            && let Some(Kept { mark: Some(mark), .. }) = ring.kept.pop_front()
        {
            ring.before = mark;
        }
        ring.kept.push_back(Kept { event: event.clone(), mark });
    }

    /// The entries, and between them what was counted; `now` is what the counters show.
    pub(crate) fn recent(&self, kind: &'static str, name: &Name, now: impl FnOnce() -> Runs) -> Vec<Event> {
        let Some(ring) = self.find(kind, name) else { return Vec::new() };
        let ring = locked(&ring);
        let mut events = Vec::new();
        let mut last = ring.before;
        let between = |from: Mark, to: Mark| {
            let counted = from.runs.by_topic().into_iter().zip(to.runs.by_topic());
            counted.filter(|((_, before), (_, after))| after > before).map(move |((topic, before), (_, after))| {
                let count = after - before;
                Event::Repeated { kind, name: name.clone(), topic, count, since: from.at, at: to.at }
            })
        };
        for Kept { event, mark } in &ring.kept {
            if let Some(mark) = *mark {
                events.extend(between(last, mark));
                last = mark;
            }
            events.push(event.clone());
        }
        events.extend(between(last, Mark { runs: now(), at: Timestamp::now() }));
        events
    }
}
