//! The line of those who wait, as the gate knows it: tokio's semaphore, or a counter in models.

use tokio::sync::Semaphore;

/// First come, first served. It holds tickets, each for a place that is counted as taken already; usually none, or on its way to a waiter.
pub(super) trait Line {
    fn hand(&self, tickets: u64);

    /// Whether there was a ticket that nobody has got yet.
    fn take_back(&self) -> bool;
}

impl Line for Semaphore {
    fn hand(&self, tickets: u64) {
        // At most a million: a limit.
        self.add_permits(tickets as usize);
    }

    fn take_back(&self) -> bool {
        self.try_acquire().map(|ticket| ticket.forget()).is_ok()
    }
}
