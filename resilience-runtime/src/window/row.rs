//! Failures in a row, without successes having to write anything: the run, and how many successes there were before it.

use super::Ordering;
use crate::sync::AtomicU64;

const RUN_BITS: u32 = 20;
const MAX_RUN: u64 = (1 << RUN_BITS) - 1;

/// `successes so far << 20 | failures since`. The sum of successes is kept to 44 bits.
pub(super) struct Row(AtomicU64);

impl Row {
    pub(super) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    pub(super) fn restart(&self, ok: u64) {
        self.0.store(ok << RUN_BITS, Ordering::Relaxed);
    }

    /// One more failure, with `ok` successes counted so far: the length of the row.
    pub(super) fn failed(&self, ok: u64) -> u64 {
        let ok = ok & (u64::MAX >> RUN_BITS);
        let mut row = self.0.load(Ordering::Relaxed);
        loop {
            let (before, run) = (row >> RUN_BITS, row & MAX_RUN);
            // A sum below the one that is known comes from a failure that raced with a success and belongs before it.
            let next = if ok <= before { (before, (run + 1).min(MAX_RUN)) } else { (ok, 1) };
            match self.0.compare_exchange_weak(row, next.0 << RUN_BITS | next.1, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return next.1,
                Err(newer) => row = newer,
            }
        }
    }

    pub(super) fn length(&self, ok: u64) -> u64 {
        let row = self.0.load(Ordering::Relaxed);
        if ok & (u64::MAX >> RUN_BITS) <= row >> RUN_BITS { row & MAX_RUN } else { 0 }
    }
}
