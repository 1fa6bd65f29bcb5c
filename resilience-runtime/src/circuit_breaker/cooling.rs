//! The permits of probes that were cancelled early, and are not free yet: callers who give up must not put more calls on a dependency than callers who wait.
//!
//! Such a permit stays among those in flight. All of one half-open state become free at one moment, that of the last: which is at most as late as if one of them had hung.
//!
//! ```text
//! bits  0..30       30..38  38..64
//!       generation  count   free at (milliseconds since the generation began)
//! ```

use super::state::{Phase, Word};
use crate::sync::AtomicSetting;

const GENERATION: u64 = (1 << 30) - 1;
const COUNT_AT: u32 = 30;
const COUNT: u64 = 0xff;
const FREE_AT: u32 = 38;
const LATEST: u64 = u64::MAX >> FREE_AT;

pub(super) struct Cooling(AtomicSetting);

fn count(cooling: u64, generation: u64) -> u64 {
    if cooling & GENERATION == generation { cooling >> COUNT_AT & COUNT } else { 0 }
}

impl Cooling {
    pub(super) fn new() -> Self {
        Self(AtomicSetting::new(0))
    }

    /// Of those in flight.
    pub(super) fn count(&self, word: Word) -> u64 {
        if word.phase() == Phase::HalfOpen { count(self.0.get(), word.generation()) } else { 0 }
    }

    /// A probe of this half-open state was cancelled, and its permit is free at that moment.
    pub(super) fn add(&self, half_open: Word, now: u64, free_at: u64) {
        let generation = half_open.generation();
        let free_at = free_at.saturating_sub(half_open.since(now)).min(LATEST);
        self.0.change(|cooling| {
            let (before, latest) = match count(cooling, generation) {
                0 => (0, 0),
                before => (before, cooling >> FREE_AT),
            };
            latest.max(free_at) << FREE_AT | (before + 1).min(COUNT) << COUNT_AT | generation
        });
    }

    /// Whether some are to be had.
    pub(super) fn is_due(&self, half_open: Word, now: u64) -> bool {
        is_due(self.0.get(), half_open, now)
    }

    /// So many of this half-open state are free from now on, and whoever is told so frees them.
    pub(super) fn take(&self, half_open: Word, now: u64) -> u64 {
        let before = self.0.change(|cooling| if is_due(cooling, half_open, now) { 0 } else { cooling });
        if is_due(before, half_open, now) { count(before, half_open.generation()) } else { 0 }
    }
}

fn is_due(cooling: u64, half_open: Word, now: u64) -> bool {
    let passed = now.saturating_sub(half_open.since(now));
    count(cooling, half_open.generation()) > 0 && passed >= cooling >> FREE_AT
}

#[cfg(all(test, not(resilience_loom)))]
mod tests {
    use super::*;

    #[test]
    fn permits_of_one_state_become_free_together_and_those_of_another_are_unknown() {
        let (cooling, now) = (Cooling::new(), 5_000_000_000);
        let half_open = Word::open(now - 10, 0, 0, false).transition_to_half_open(now);
        cooling.add(half_open, now + 10, now + 1000);
        cooling.add(half_open, now + 20, now + 1500);
        cooling.add(half_open, now + 30, now + 1200);
        assert_eq!((cooling.count(half_open), cooling.take(half_open, now + 1499)), (3, 0));
        assert!(cooling.is_due(half_open, now + 1500));
        let other = Word::open(now, 0, 0, false).transition_to_half_open(now + 1);
        assert_eq!((cooling.count(other), cooling.take(other, now + 9999)), (0, 0));
        assert_eq!(cooling.take(half_open, now + 1500), 3);
        assert_eq!((cooling.count(half_open), cooling.take(half_open, now + 1500)), (0, 0), "once");
    }

    #[test]
    fn no_number_and_no_time_is_too_large_and_no_other_state_has_any() {
        let (cooling, now) = (Cooling::new(), 1000);
        let open = Word::open(now, 0, 0, false);
        let half_open = open.transition_to_half_open(now);
        assert_eq!(open.generation(), half_open.generation());
        for cancelled in 1..=300 {
            cooling.add(half_open, now, now + 10 * LATEST);
            assert_eq!((cooling.count(half_open), cooling.count(open)), (cancelled.min(COUNT), 0));
        }
        let due = [LATEST - 1, LATEST].map(|passed| cooling.is_due(half_open, now + passed));
        assert_eq!((due, cooling.take(half_open, now + LATEST)), ([false, true], COUNT));
        // What is free already is free at once.
        cooling.add(half_open, now + 10, now - 10);
        assert!(cooling.is_due(half_open, now));
    }
}
