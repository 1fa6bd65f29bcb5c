//! What a breaker counts, as sums that only grow.

use crate::event::Runs;
use crate::keyed::Sums;

/// All that a breaker has counted. See the table at [`CircuitBreaker`](crate::CircuitBreaker): every admitted call ends in exactly one of
/// `successes`, `failures`, `ignored`, `cancelled`, `abandoned` and `stale`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Totals {
    /// Calls that succeeded.
    pub successes: u64,
    /// Calls that failed.
    pub failures: u64,
    /// Calls that took longer than `slow_call`: of those two, and of those that were dropped.
    pub slow: u64,
    /// Calls whose end says nothing about the dependency.
    pub ignored: u64,
    /// Calls that were dropped before their end.
    pub cancelled: u64,
    /// Calls that were dropped after their body had waited for `abandoned_after`.
    pub abandoned: u64,
    /// Of the failures, those by a panic. Stale ones are counted too.
    pub panicked: u64,
    /// Ends that came too late to count, and those of calls that were let pass and would have been rejected.
    pub stale: u64,
    /// Calls that were rejected.
    pub rejected: u64,
    /// Calls that a monitoring breaker, or one that enforces a share, let pass and would have rejected.
    pub would_reject: u64,
}

impl Totals {
    /// What was counted since `earlier`.
    pub fn since(&self, earlier: &Self) -> Self {
        Sums::since(self, earlier)
    }
}

impl Sums for Totals {
    fn pair(&self, other: &Self, with: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            successes: with(self.successes, other.successes),
            failures: with(self.failures, other.failures),
            slow: with(self.slow, other.slow),
            ignored: with(self.ignored, other.ignored),
            cancelled: with(self.cancelled, other.cancelled),
            abandoned: with(self.abandoned, other.abandoned),
            panicked: with(self.panicked, other.panicked),
            stale: with(self.stale, other.stale),
            rejected: with(self.rejected, other.rejected),
            would_reject: with(self.would_reject, other.would_reject),
        }
    }

    fn runs(&self, evicted: u64) -> Runs {
        Runs { rejected: self.rejected, slow_calls: self.slow, evicted, ..Runs::default() }
    }
}
