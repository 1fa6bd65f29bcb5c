//! The line of those who wait, as the gate knows it: tokio's semaphore, or a counter in models.

use crate::caught::caught;
use tokio::sync::Semaphore;

/// First come, first served. It holds tickets, each for a place that is counted as taken already; usually none, or on its way to a waiter.
pub(super) trait Line {
    fn hand(&self, tickets: u64);

    /// Whether there was a ticket that nobody has got yet.
    fn take_back(&self) -> bool;
}

impl Line for Semaphore {
    fn hand(&self, tickets: u64) {
        // One by one: what wakes a waiter is not ours, and a panic of it is to end here and keep nobody else's ticket back.
        (0..tickets).for_each(|_| _ = caught(|| self.add_permits(1)));
    }

    fn take_back(&self) -> bool {
        self.try_acquire().map(|ticket| ticket.forget()).is_ok()
    }
}
