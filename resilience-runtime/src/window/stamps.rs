//! Which of the last N calls failed, were slow or were abandoned, without successes having to write anything: each failure stamps its
//! position among all calls into a ring, and one lies in the window when its stamp is within the last N. What was dropped is no call: it has its
//! position among the calls and its like.
//!
//! Whoever looks may be held up for as long as others need for thousands of calls. So the [`Heads`] are read before the sums of all calls: stamps that come
//! after them are not counted, as their calls may not be among the sums. And stamps whose places have been taken meanwhile are not counted, since later ones
//! stand there. Either way there may be a failure too few, never one too many; whoever stamped it looks after that.
//!
//! # Orderings
//!
//! * `head` is raised with `Release` after the sums for a stamp were read, and read with `Acquire` before the sums that stamps are compared with: those are not
//!   below any of the stamps.
//! * A stamp is stored with `Release`, and an `Acquire` fence stands between reading stamps and reading `head` again: whoever has read a later stamp sees
//!   that its place was taken.

use super::shards::{Positions, Tally};
use super::{Counter, EndedCall, Ordering, Span};
use crate::sync::{AtomicU64, fence};

pub(super) struct Stamps {
    failed: StampRing,
    slow: StampRing,
    abandoned: StampRing,
}

impl Stamps {
    /// Only of a window of calls.
    pub(super) fn new(span: Span, slow_calls: bool) -> Option<Self> {
        let Span::Count { calls } = span else { return None };
        let slow = StampRing::new(if slow_calls { calls } else { 0 });
        Some(Self { failed: StampRing::new(calls), slow, abandoned: StampRing::new(calls) })
    }

    /// Whether slow calls have room.
    pub(super) fn takes_slow_calls(&self) -> bool {
        self.slow.capacity() != 0
    }

    /// The sums are those after it.
    pub(super) fn stamp(&self, tally: &Tally, finished: EndedCall) {
        let positions = tally.positions();
        match finished.counter {
            Counter::Failed => self.failed.push(positions.calls),
            Counter::Abandoned => self.abandoned.push(positions.abandoned),
            _ => {}
        }
        if finished.slow {
            self.slow.push(positions.timed);
        }
    }

    /// To be read before the sums that say which position is the last.
    pub(super) fn heads(&self) -> Heads {
        let head = |ring: &StampRing| ring.head.load(Ordering::Acquire);
        Heads { failed: head(&self.failed), slow: head(&self.slow), abandoned: head(&self.abandoned) }
    }

    /// How many failures, slow calls and abandoned calls before those heads were after those positions.
    pub(super) fn after(&self, heads: Heads, positions: Positions) -> Heads {
        Heads {
            failed: self.failed.after(heads.failed, positions.calls),
            slow: self.slow.after(heads.slow, positions.timed),
            abandoned: self.abandoned.after(heads.abandoned, positions.abandoned),
        }
    }

    /// The newest stamps, as many as there is room for, and which were the newest.
    pub(super) fn copy_to(&self, new: &Self) -> Heads {
        let heads = self.heads();
        self.copy(Heads::NONE, heads, new);
        heads
    }

    /// What has come since those, once nobody stamps these any more.
    pub(super) fn copy_later(&self, copied: Heads, to: &Self) {
        self.copy(copied, self.heads(), to);
    }

    fn copy(&self, from: Heads, until: Heads, to: &Self) {
        self.failed.copy(from.failed, until.failed, &to.failed);
        self.slow.copy(from.slow, until.slow, &to.slow);
        self.abandoned.copy(from.abandoned, until.abandoned, &to.abandoned);
    }
}

/// How many failures, slow calls and abandoned calls were stamped.
#[derive(Clone, Copy)]
pub(super) struct Heads {
    pub(super) failed: u64,
    pub(super) slow: u64,
    pub(super) abandoned: u64,
}

impl Heads {
    pub(super) const NONE: Self = Self { failed: 0, slow: 0, abandoned: 0 };
}

/// A ring of positions, growing with the head (to within the order in which racing failures stamp).
struct StampRing {
    head: AtomicU64,
    slots: Box<[AtomicU64]>,
}

impl StampRing {
    fn new(capacity: u64) -> Self {
        Self { head: AtomicU64::new(0), slots: (0..capacity).map(|_| AtomicU64::new(0)).collect() }
    }

    fn capacity(&self) -> u64 {
        self.slots.len() as u64
    }

    fn slot(&self, stamp: u64) -> &AtomicU64 {
        &self.slots[(stamp % self.capacity()) as usize]
    }

    fn push(&self, position: u64) {
        if !self.slots.is_empty() {
            let stamp = self.head.fetch_add(1, Ordering::AcqRel);
            self.slot(stamp).store(position, Ordering::Release);
        }
    }

    fn after(&self, head: u64, position: u64) -> u64 {
        let (mut low, mut high) = (head.saturating_sub(self.capacity()), head);
        // The first stamp after the position.
        while low < high {
            let middle = low + (high - low) / 2;
            if self.slot(middle).load(Ordering::Relaxed) > position {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        fence(Ordering::Acquire);
        let oldest = self.head.load(Ordering::Relaxed).saturating_sub(self.capacity());
        head.saturating_sub(low.max(oldest))
    }

    /// The stamps between those two, as far as they are still there and wanted.
    fn copy(&self, from: u64, until: u64, to: &Self) {
        let kept = self.capacity().min(to.capacity()).min(until - from);
        for stamp in until - kept..until {
            to.push(self.slot(stamp).load(Ordering::Relaxed));
        }
    }
}

#[cfg(all(test, not(resilience_loom)))]
mod tests {
    use super::*;

    const SPAN: Span = Span::Count { calls: 8 };
    const KINDS: [(Counter, bool); 3] = [(Counter::Failed, false), (Counter::Ok, true), (Counter::Abandoned, false)];

    /// A call that ended so, as the last of so many.
    fn stamp(stamps: &Stamps, (counter, slow): (Counter, bool), at: u64) {
        let tally = match counter {
            Counter::Abandoned => Tally { abandoned: at, ..Tally::default() },
            _ => Tally { ok: at, ..Tally::default() },
        };
        stamps.stamp(&tally, EndedCall { counter, slow, took: EndedCall::NOT_TIMED });
    }

    /// Failures, slow and abandoned calls after that position.
    fn after(stamps: &Stamps, position: u64) -> [u64; 3] {
        let positions = Positions { calls: position, timed: position, abandoned: position };
        let Heads { failed, slow, abandoned } = stamps.after(stamps.heads(), positions);
        [failed, slow, abandoned]
    }

    #[test]
    fn only_a_window_of_calls_has_room_for_stamps_and_for_slow_ones_where_there_are_some() {
        let room = |stamps: Stamps| [stamps.failed, stamps.slow, stamps.abandoned].map(|ring| ring.capacity());
        for slow_calls in [false, true] {
            for span in [Span::Time { millis: 1000 }, Span::Unbounded] {
                assert!(Stamps::new(span, slow_calls).is_none());
            }
            let stamps = Stamps::new(SPAN, slow_calls).unwrap();
            assert_eq!(stamps.takes_slow_calls(), slow_calls);
            assert_eq!(room(stamps), [8, if slow_calls { 8 } else { 0 }, 8]);
        }
    }

    #[test]
    fn each_kind_of_end_is_counted_by_its_own_stamps_from_the_position_on() {
        for (which, kind) in KINDS.into_iter().enumerate() {
            let stamps = Stamps::new(SPAN, true).unwrap();
            let stamped = [3, 4, 7, 20];
            stamped.iter().for_each(|at| stamp(&stamps, kind, *at));
            for position in 0..25 {
                let mut expected = [0; 3];
                expected[which] = stamped.iter().filter(|at| **at > position).count() as u64;
                assert_eq!(after(&stamps, position), expected, "{kind:?} after {position}");
            }
        }
    }

    #[test]
    fn the_newest_stamps_go_along_into_another_window_and_those_follow_that_come_meanwhile() {
        for (which, kind) in KINDS.into_iter().enumerate() {
            for (calls, kept) in [(3, 3), (8, 8), (20, 8)] {
                let old = Stamps::new(SPAN, true).unwrap();
                (1..=10).for_each(|at| stamp(&old, kind, at));
                let new = Stamps::new(Span::Count { calls }, true).unwrap();
                let copied = old.copy_to(&new);
                let mut expected = [0; 3];
                expected[which] = kept;
                assert_eq!(after(&new, 0), expected, "{kind:?}, {calls} calls");
                assert_eq!(after(&new, 10 - kept), expected, "{kind:?}, {calls} calls");
                (11..=12).for_each(|at| stamp(&old, kind, at));
                old.copy_later(copied, &new);
                expected[which] = 2;
                assert_eq!(after(&new, 10), expected, "{kind:?}, {calls} calls");
                expected[which] = calls.min(kept + 2);
                assert_eq!(after(&new, 0), expected, "{kind:?}, {calls} calls");
            }
        }
    }
}
