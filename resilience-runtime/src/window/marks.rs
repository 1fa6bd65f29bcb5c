//! Sums as they were at the beginning of a bucket, or of a generation.
//!
//! A bucket without outcomes needs no mark: the next one's says the same. So a window of ten buckets never needs more than ten
//! marks; the slot beyond that is for a writer that was held up in its own. A mark that finds no slot at all is left out:
//! what it would have cut off then leaves the window one bucket late.

use super::{BUCKETS, END_BITS, NO_END, Span, Tally};
use crate::seqlock::{BUSY, EMPTY, Tagged};

const SLOTS: usize = BUCKETS as usize + 1;

/// Sums, of all but the successes as much as fits into a breaker: `successes`, `failed << 32 | slow`, `dropped when they were slow << 32 | abandoned`.
/// The rest of each is that of the sums that it is compared with, of which fewer than two thousand millions have come since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark([u64; 3]);

impl Mark {
    fn of(tally: Tally) -> Self {
        let both = |first: u64, second: u64| first << 32 | second & u64::from(u32::MAX);
        Self([tally.ok, both(tally.failed, tally.slow), both(tally.dropped_slow, tally.abandoned)])
    }

    /// The sums that were marked, from those of a later moment.
    pub(super) fn before(self, later: &Tally) -> Tally {
        let Self([ok, calls, dropped]) = self;
        let before = |later: u64, marked: u64| {
            // One that is ahead by a little is from a sum that was taken meanwhile.
            let since = (later as u32).wrapping_sub(marked as u32) as i32;
            later.wrapping_sub(i64::from(since) as u64)
        };
        Tally {
            ok,
            failed: before(later.failed, calls >> 32),
            slow: before(later.slow, calls),
            dropped_slow: before(later.dropped_slow, dropped >> 32),
            abandoned: before(later.abandoned, dropped),
        }
    }
}

/// Slots tagged `generation << 40 | beginning in milliseconds`.
pub(super) struct Marks {
    slots: [Tagged<3>; SLOTS],
}

impl Marks {
    pub(super) fn new() -> Self {
        Self { slots: std::array::from_fn(|_| Tagged::new()) }
    }

    /// The earliest mark of the generation that is not before `reach`. Each failure asks: of all tags the one that lies least beyond the first that would do, which
    /// takes no comparison but one a slot.
    pub(super) fn oldest(&self, generation: u64, reach: u64) -> Option<Mark> {
        let first = generation << END_BITS | reach & NO_END;
        loop {
            let beyond = |slot: &Tagged<3>| slot.tag().wrapping_sub(first);
            let (slot, beyond) =
                self.slots.iter().map(|slot| (slot, beyond(slot))).min_by_key(|&(_, beyond)| beyond)?;
            let tag = first.wrapping_add(beyond);
            // What is nobody's is greater than any mark.
            if !belongs(tag, generation) || tag < first {
                return None;
            }
            if let Some(mark) = slot.read(tag) {
                return Some(Mark(mark));
            }
            // It was written over meanwhile, which happens to a mark once.
        }
    }

    /// Marks the beginning of the bucket of `now` with `tally`, unless a mark in or after that bucket is known already (of a
    /// window that was made longer). Whether it is the generation's first.
    pub(super) fn put(&self, generation: u64, now: u64, tally: Tally, span: Span) -> bool {
        let (start, reach) = (span.bucket(now).0, span.reach(now));
        let tags = self.slots.each_ref().map(Tagged::tag);
        let ours = || tags.iter().copied().filter(|&tag| belongs(tag, generation));
        if ours().any(|tag| beginning(tag) >= start) {
            return false;
        }
        let first = ours().next().is_none();
        // First what no window needs any more, then (of a window that was made longer) marks behind another of the same bucket.
        // One of these there always is: a window has fewer buckets than there are slots. Last of them what another generation has marked lately: of a call that was
        // held up until it is not the newest, that may be the newest.
        let needed = |slot: &usize| match tags[*slot] {
            EMPTY => 0,
            tag if beginning(tag) < reach => 1,
            tag if !belongs(tag, generation) => 2,
            tag => {
                let bucket = span.bucket(beginning(tag)).0;
                if ours().any(|other| other < tag && span.bucket(beginning(other)).0 == bucket) { 3 } else { 4 }
            }
        };
        let mut order: [usize; SLOTS] = std::array::from_fn(|slot| slot);
        order.sort_by_key(needed);
        // Without buckets a generation may have one mark after another, whenever it is resized; each wants a tag of its own.
        let beginning = if let Span::Time { .. } = span { start } else { now };
        let tag = generation << END_BITS | beginning & NO_END;
        let Mark(content) = Mark::of(tally);
        let _written =
            order.iter().any(|&slot| needed(&slot) < 4 && self.slots[slot].replace(tags[slot], tag, content));
        first
    }

    pub(super) fn clear(&self) {
        self.forget_before(u64::MAX);
    }

    pub(super) fn forget_before(&self, reach: u64) {
        for slot in &self.slots {
            let tag = slot.tag();
            if tag != BUSY && beginning(tag) < reach {
                slot.forget(tag);
            }
        }
    }
}

fn belongs(tag: u64, generation: u64) -> bool {
    tag != EMPTY && tag != BUSY && tag >> END_BITS == generation
}

fn beginning(tag: u64) -> u64 {
    tag & NO_END
}

#[cfg(all(test, not(resilience_loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_late_call_of_an_old_generation_takes_no_mark_from_the_new_one() {
        const SPAN: Span = Span::Time { millis: 1000 };
        let marks = Marks::new();
        let tally = |ok| Tally { ok, ..Tally::default() };
        // Slots are all taken, and the newest mark may be in any of them.
        for buckets in 11..22 {
            marks.clear();
            let now = |bucket: u64| 1_000_000 + bucket * 100;
            (0..buckets).for_each(|bucket| _ = marks.put(1, now(bucket), tally(bucket), SPAN));
            assert!(marks.put(2, now(buckets), tally(buckets), SPAN));
            // Admitted before the reset, held up since, and in a bucket without a mark of its own.
            marks.put(1, now(buckets) + 50, tally(99), SPAN);
            let reach = SPAN.reach(now(buckets) + 50);
            assert_eq!(marks.oldest(2, reach), Some(Mark::of(tally(buckets))));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Against a list of everything that was marked: of the buckets in the window, the first in which somebody came.
        #[test]
        fn what_is_in_a_window_begins_with_its_first_bucket_that_was_entered(
            millis in prop::sample::select(vec![10, 95, 1000, 10_007]),
            steps in prop::collection::vec(0..2500_u64, 1..60),
        ) {
            let (span, marks) = (Span::Time { millis }, Marks::new());
            let (mut now, mut entered): (u64, Vec<(u64, Tally)>) = (1_000_000, Vec::new());
            for (ok, step) in (1..).zip(steps) {
                // Up to a bucket at a time, or up to two windows.
                now += if step < 1000 { millis * step / 10_000 } else { millis * (step - 1000) / 750 };
                let (bucket, tally) = (span.bucket(now).0, Tally { ok, ..Tally::default() });
                let is_first = entered.last().is_none_or(|(last, _)| *last < bucket);
                prop_assert_eq!(marks.put(1, now, tally, span), entered.is_empty());
                if is_first {
                    entered.push((bucket, tally));
                }
                let reach = span.reach(now);
                let first = entered.iter().find(|(bucket, _)| *bucket >= reach).map(|(_, tally)| Mark::of(*tally));
                prop_assert_eq!(marks.oldest(1, reach), first);
            }
        }
    }

    #[test]
    fn a_window_that_is_made_longer_keeps_the_first_mark_of_each_of_its_buckets() {
        let (short, long) = (Span::Time { millis: 100 }, Span::Time { millis: 1000 });
        let (marks, tally) = (Marks::new(), |ok| Tally { ok, ..Tally::default() });
        let at = |millis: u64| 1_000_000 + millis;
        // As many as there are slots, of which all but the last are of one bucket of the longer window.
        (0..=10).for_each(|mark| _ = marks.put(1, at(mark * 10), tally(mark * 10), short));
        for bucket in 2..10 {
            marks.put(1, at(bucket * 100), tally(bucket * 100), long);
            for first in 0..=bucket {
                assert_eq!(marks.oldest(1, at(first * 100)), Some(Mark::of(tally(first * 100))), "{first} of {bucket}");
            }
        }
    }

    #[test]
    fn sums_are_what_they_were_when_a_later_one_is_known_also_beyond_32_bits() {
        let at = |sum: u64| Tally { ok: sum, failed: sum, slow: sum + 1, dropped_slow: sum + 2, abandoned: sum + 3 };
        for sum in [0, 7, u64::from(u32::MAX) - 1, 1 << 40] {
            for passed in [0, 1, 1_000_000, u64::from(u32::MAX) / 2] {
                assert_eq!(Mark::of(at(sum)).before(&at(sum + passed)), at(sum), "{sum} and {passed} more");
            }
        }
    }

    #[test]
    fn two_marks_of_a_count_window_that_was_resized_have_two_tags() {
        const SPAN: Span = Span::Count { calls: 10 };
        let marks = Marks::new();
        let tally = |ok| Tally { ok, ..Tally::default() };
        let tags = [1000, 2000].map(|now| {
            marks.clear();
            assert!(marks.put(1, now, tally(now), SPAN));
            assert!(!marks.put(1, now + 1, tally(0), SPAN), "it has one");
            assert_eq!(marks.oldest(1, SPAN.reach(now + 1)), Some(Mark::of(tally(now))));
            marks.slots[0].tag()
        });
        assert_ne!(tags[0], tags[1]);
    }
}
