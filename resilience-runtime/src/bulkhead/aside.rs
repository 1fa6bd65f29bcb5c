//! Who leaves a bulkhead for which nobody waits: counted aside, by each thread in a line of its own, so that of entering and leaving only one takes an exchange that other cores
//! have to wait for.
//!
//! Whoever leaves so hands its place to nobody, so nobody may wait. Before the first one joins the queue, counting aside is ended for good: whoever leaves afterwards finds that out, either before
//! it counts or when it looks once more. Between counting and that look stands the light side of a [`barrier`], between ending and counting up what was counted the heavy one: so
//! one of the two sees the other.

use crate::barrier;
use crate::sync::{AtomicSetting, Mutex, MutexGuard, exclusive};
use crate::window::{Shard, Total};

pub(super) struct Aside {
    /// Not 0: nobody is counted aside any more.
    has_ended: AtomicSetting,
    /// `None` where nobody ever is.
    left: Option<Box<Total>>,
    /// After the end, how many of those who left are not inside any more, by the word.
    settled: Mutex<u64>,
}

/// What has become of one who leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaving {
    /// It is counted aside, and that is all.
    Aside,
    /// It was counted aside while that ended: what was is to be [settled](Aside::settle).
    Late,
    /// It is to leave by the word.
    ByTheWord,
}

impl Aside {
    pub(super) fn new(counts_aside: bool) -> Self {
        let left = counts_aside.then(|| Box::new(Total::new()));
        Self { has_ended: AtomicSetting::new(u64::from(!counts_aside)), left, settled: Mutex::new(0) }
    }

    #[inline(always)]
    pub(super) fn leave(&self, shard: Shard) -> Leaving {
        let Some(left) = self.left.as_ref().filter(|_| self.has_ended.get() == 0) else {
            return Leaving::ByTheWord;
        };
        left.release(shard);
        barrier::light();
        if self.has_ended.get() == 0 { Leaving::Aside } else { Leaving::Late }
    }

    /// How many have left aside; what they did before they left is seen then. To be asked after the word was loaded: all whom that counts are among them, and others who have left
    /// since.
    pub(super) fn left(&self) -> u64 {
        self.left.as_ref().map_or(0, |left| left.released())
    }

    /// Ends it, if it has not ended yet, with what makes the word count all who have left; that says how many they are.
    #[cold]
    pub(super) fn end(&self, count: impl FnOnce() -> u64) {
        let mut settled = exclusive(&self.settled);
        if self.has_ended.get() == 0 {
            self.has_ended.set(1);
            barrier::heavy();
            *settled = count();
        }
    }

    /// How many have left aside since it ended, and are inside by the word until what this returns is dropped.
    pub(super) fn settle(&self) -> (u64, MutexGuard<'_, u64>) {
        let mut settled = exclusive(&self.settled);
        let left = self.left();
        let late = left - *settled;
        *settled = left;
        (late, settled)
    }

    #[cfg(all(test, not(resilience_loom)))]
    pub(super) fn count_for_test(&self, shard: Shard) {
        self.left.as_ref().unwrap().release(shard);
    }
}
