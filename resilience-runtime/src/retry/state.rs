//! A retry's budget: how many of the calls of the last ten seconds were retries, in one word a second.
//!
//! # Orderings
//!
//! A second's word is changed by compare-and-swap alone and says nothing about other memory, so `Relaxed` will do. Whoever wants
//! to retry adds itself before it sums and takes itself back where that was too much: of two that race for the last place, at
//! least one sees both, and both may give up; neither passes the bound.

use crate::sync::{AtomicU64, Ordering};

const SECONDS: u64 = 10;
/// Retries that are free, each second: a service with few calls could not retry at all otherwise.
const FREE: u64 = 10;

/// `second (20) << 44 | retries (20) << 24 | calls (24)`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Second(u64);

const CALLS_BITS: u32 = 24;
const RETRIES_BITS: u32 = 20;

impl Second {
    fn new(second: u64, retries: u64, calls: u64) -> Self {
        let most = |bits: u32| (1 << bits) - 1;
        Self(
            (second & most(20)) << (RETRIES_BITS + CALLS_BITS)
                | retries.min(most(RETRIES_BITS)) << CALLS_BITS
                | calls.min(most(CALLS_BITS)),
        )
    }

    /// Retries and calls, if the word is of that second.
    fn of(self, second: u64) -> (u64, u64) {
        let Self(empty) = Self::new(second, 0, 0);
        if self.0 >> (RETRIES_BITS + CALLS_BITS) != empty >> (RETRIES_BITS + CALLS_BITS) {
            return (0, 0);
        }
        (self.0 >> CALLS_BITS & ((1 << RETRIES_BITS) - 1), self.0 & ((1 << CALLS_BITS) - 1))
    }
}

/// The calls and retries of the last ten seconds.
pub(super) struct Budget([AtomicU64; SECONDS as usize]);

impl Budget {
    pub(super) fn new() -> Self {
        // Of a second that is long gone, whatever the clock says.
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }

    pub(super) fn count_call(&self, second: u64) {
        self.change(second, |retries, calls| (retries, calls + 1));
    }

    /// Whether one more retry is within `percent` of the calls, and the free ones.
    pub(super) fn spend(&self, second: u64, percent: f64) -> bool {
        self.change(second, |retries, calls| (retries + 1, calls));
        let (retries, calls) = self.sums(second);
        if retries as f64 <= (SECONDS * FREE) as f64 + calls as f64 * percent / 100.0 {
            return true;
        }
        self.change(second, |retries, calls| (retries.saturating_sub(1), calls));
        false
    }

    fn sums(&self, now: u64) -> (u64, u64) {
        (now.saturating_sub(SECONDS - 1)..=now)
            .map(|second| Second(self.word(second).load(Ordering::Relaxed)).of(second))
            .fold((0, 0), |sum, (retries, calls)| (sum.0 + retries, sum.1 + calls))
    }

    fn change(&self, second: u64, change: impl Fn(u64, u64) -> (u64, u64)) {
        let word = self.word(second);
        let mut seen = word.load(Ordering::Relaxed);
        loop {
            let (retries, calls) = Second(seen).of(second);
            let (retries, calls) = change(retries, calls);
            let Second(next) = Second::new(second, retries, calls);
            match word.compare_exchange_weak(seen, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return,
                Err(newer) => seen = newer,
            }
        }
    }

    fn word(&self, second: u64) -> &AtomicU64 {
        &self.0[(second % SECONDS) as usize]
    }
}

#[cfg(all(test, not(resilience_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_calls_and_ten_a_second() {
        let budget = Budget::new();
        (0..1000).for_each(|_| budget.count_call(50));
        // 20 % of 1000, and 100 free ones.
        let spent = (0..1000).filter(|_| budget.spend(51, 20.0)).count();
        assert_eq!(spent, 300);
        assert!(!budget.spend(59, 20.0), "the calls of second 50 are still among the last ten");
        let spent = (0..1000).filter(|_| budget.spend(61, 20.0)).count();
        assert_eq!(spent, 100, "ten seconds on, all is forgotten");
    }

    #[test]
    fn racing_retries_never_pass_the_bound() {
        let budget = Budget::new();
        let spent: usize = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..4).map(|_| scope.spawn(|| (0..10_000).filter(|_| budget.spend(50, 20.0)).count())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert!(spent <= 100, "{spent}");
    }
}
