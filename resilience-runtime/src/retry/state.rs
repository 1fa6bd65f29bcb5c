//! The budget: how many retries the calls of the last ten seconds allow.
//!
//! Calls and granted retries are numbers that only grow. What they were at the beginning of each second is a mark; the
//! window is the difference to the oldest mark of the last ten seconds, this one included. A second has a mark if
//! anything happened in it: whoever comes first in a second puts it down, before counting itself. So a second without a
//! mark had no calls and no retries, and the next one's mark says the same.
//!
//! # Never above the budget
//!
//! A retry is granted by exchanging the number of granted ones for the next, from the number that the decision was made
//! on. Two that race for the last one cannot both have it.
//!
//! A mark must hold no retry of its own second or a later one, or a window that begins there would miss it. Whoever puts
//! one down reads the numbers, then looks whether a second as late has been entered in the meantime; if so, it leaves the mark
//! alone. A retry is only granted after its second was entered, so one that got into the numbers shows.
//!
//! Where no mark is to be read (somebody is just putting down the first one after a pause), no retry is granted.
//!
//! # Orderings
//!
//! `granted` is exchanged with `AcqRel` and read with `Acquire`, so whoever reads a number sees the seconds that were entered before it was
//! granted. `second` is raised with `Release` after its mark is written ([`crate::seqlock`]). Calls are `Relaxed`: one
//! that is counted late is missing from a window, which allows less.

use crate::seqlock::{BUSY, EMPTY, Tagged};
use crate::sync::{AtomicU64, Ordering};
use crate::window::Shard;

/// Seconds in the window.
const WINDOW: u64 = if cfg!(resilience_loom) { 2 } else { 10 };
/// More than there are in the window, so that none of them is overwritten while it is read.
const MARKS: usize = if cfg!(resilience_loom) { 3 } else { 16 };
const LANES: usize = if cfg!(resilience_loom) { 1 } else { 8 };
/// Retries that are free, each second: a service with few calls could not retry at all otherwise.
const FREE: u64 = if cfg!(resilience_loom) { 1 } else { 10 };
/// 100 % in millionths of a percent.
const WHOLE: u128 = 100_000_000;

pub(super) struct Budget {
    calls: [Lane; LANES],
    granted: AtomicU64,
    /// The latest second that has a mark.
    second: AtomicU64,
    /// Calls and granted retries at the beginning of a second, which is the tag.
    marks: [Tagged<2>; MARKS],
}

/// Whether so many retries are within the budget of so many calls.
fn allows(millionths: u64, calls: u64, retries: u64) -> bool {
    let not_free = retries.saturating_sub(FREE * WINDOW);
    u128::from(not_free) * WHOLE <= u128::from(calls) * u128::from(millionths)
}

fn millionths(percent: f64) -> u64 {
    // A cast of a float saturates.
    (percent * 1e6).round() as u64
}

/// Calls that threads of one shard began; a cache line.
#[repr(align(64))]
struct Lane(AtomicU64);

impl Budget {
    pub(super) fn new() -> Self {
        Self {
            calls: std::array::from_fn(|_| Lane(AtomicU64::new(0))),
            granted: AtomicU64::new(0),
            second: AtomicU64::new(0),
            marks: std::array::from_fn(|_| Tagged::new()),
        }
    }

    /// A call begins.
    #[inline]
    pub(super) fn count_call(&self, Shard(shard): Shard, second: u64) {
        self.enter(second);
        self.calls[shard % LANES].0.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether one more retry is within `percent` of the calls, and the free ones.
    pub(super) fn spend(&self, second: u64, percent: f64) -> bool {
        let millionths = millionths(percent);
        self.enter(second);
        loop {
            let granted = self.granted.load(Ordering::Acquire);
            let Some([calls, retries]) = self.oldest_mark(second) else {
                return false;
            };
            let calls = self.calls().saturating_sub(calls);
            if !allows(millionths, calls, granted.saturating_sub(retries) + 1) {
                return false;
            }
            if self.granted.compare_exchange(granted, granted + 1, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                return true;
            }
        }
    }

    /// Whether [`spend`](Self::spend) would grant one, as far as can be seen without taking part.
    pub(super) fn has_left(&self, second: u64, percent: f64) -> bool {
        let granted = self.granted.load(Ordering::Acquire);
        // Nothing has happened in the window, and whoever comes puts a mark down first.
        let Some([calls, retries]) = self.oldest_mark(second) else { return true };
        let calls = self.calls().saturating_sub(calls);
        allows(millionths(percent), calls, granted.saturating_sub(retries) + 1)
    }

    #[inline]
    fn enter(&self, second: u64) {
        if self.second.load(Ordering::Acquire) < second {
            self.put_mark(second);
        }
    }

    #[cold]
    fn put_mark(&self, second: u64) {
        let numbers = [self.calls(), self.granted.load(Ordering::Acquire)];
        let mark = &self.marks[second as usize % MARKS];
        let seen = mark.tag();
        let is_older = seen == EMPTY || seen != BUSY && seen < second;
        if is_older && self.second.load(Ordering::Acquire) < second && mark.replace(seen, second, numbers) {
            self.second.fetch_max(second, Ordering::AcqRel);
        }
    }

    fn calls(&self) -> u64 {
        self.calls.iter().map(|lane| lane.0.load(Ordering::Relaxed)).sum()
    }

    fn oldest_mark(&self, now: u64) -> Option<[u64; 2]> {
        ((now + 1).saturating_sub(WINDOW)..=now).find_map(|second| {
            let mark = &self.marks[second as usize % MARKS];
            if mark.tag() == second { mark.read(second) } else { None }
        })
    }
}

#[cfg(all(test, not(resilience_loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HERE: Shard = Shard(0);
    const NOW: u64 = 5000;

    fn spend_all(budget: &Budget, second: u64) -> usize {
        (0..).take_while(|_| budget.spend(second, 10.0)).count()
    }

    #[test]
    fn a_share_of_the_calls_and_ten_a_second() {
        let budget = Budget::new();
        assert_eq!(spend_all(&budget, NOW), 100);
        (0..1000).for_each(|call| budget.count_call(Shard(call), NOW + 9));
        assert_eq!(spend_all(&budget, NOW + 9), 100);
        // The first second's retries leave the window, and those of the last one, with their calls, stay.
        assert_eq!(spend_all(&budget, NOW + 10), 100);
        assert_eq!(spend_all(&budget, NOW + 18), 0);
        assert_eq!(spend_all(&budget, NOW + 3600), 100, "ten seconds on, all is forgotten");
    }

    #[test]
    fn a_percentage_is_the_number_that_was_written() {
        for hundredths in 1..=10_000_u32 {
            assert_eq!(millionths(f64::from(hundredths) / 100.0), u64::from(hundredths) * 10_000);
        }
    }

    #[test]
    fn racing_retries_never_pass_the_bound() {
        let budget = &Budget::new();
        // Those whose clock reading is a second old among them.
        let spend = move |nth: u64| (0..10_000).filter(|call| budget.spend(NOW + (nth + call) % 2, 20.0)).count();
        let spent: usize = std::thread::scope(|scope| {
            let threads = [0, 1, 2, 3].map(|nth| scope.spawn(move || spend(nth)));
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(spent, 100);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 50, failure_persistence: None, ..ProptestConfig::default() })]

        /// Against the plain rule over a list of everything that happened.
        #[test]
        fn as_the_rule_says(steps in prop::collection::vec((0..5_u64, 0..60_u64, 0..150_u64), 1..40)) {
            let budget = Budget::new();
            let (mut now, mut calls, mut retries) = (NOW, Vec::new(), Vec::new());
            for (pause, new_calls, wanted) in steps {
                now += pause;
                for _ in 0..new_calls {
                    budget.count_call(HERE, now);
                    calls.push(now);
                }
                let in_window = |times: &[u64]| times.iter().filter(|second| **second + 9 >= now).count() as u64;
                for _ in 0..wanted {
                    let allowed = (in_window(&retries) + 1).saturating_sub(100) * 10 <= in_window(&calls);
                    prop_assert_eq!((budget.has_left(now, 10.0), budget.spend(now, 10.0)), (allowed, allowed));
                    if allowed {
                        retries.push(now);
                    }
                }
            }
        }
    }
}
