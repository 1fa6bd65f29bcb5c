//! Which of the last N calls failed or were slow, without successes having to write anything: each failure stamps its
//! position among all calls into a ring, and one lies in the window when its stamp is within the last N.

use super::{Finished, Ordering, Span};
use crate::sync::AtomicU64;

pub(super) struct Stamps {
    failed: Ring,
    slow: Ring,
}

impl Stamps {
    pub(super) fn new(span: Span, slow_calls: bool) -> Self {
        let Span::Count { calls } = span else {
            return Self { failed: Ring::new(0), slow: Ring::new(0) };
        };
        Self { failed: Ring::new(calls), slow: Ring::new(if slow_calls { calls } else { 0 }) }
    }

    pub(super) fn fits(&self, span: Span, slow_calls: bool) -> bool {
        match span {
            Span::Count { calls } => self.slow.capacity() == if slow_calls { calls } else { 0 },
            Span::Time { .. } | Span::Unbounded => true,
        }
    }

    pub(super) fn stamp(&self, position: u64, finished: Finished) {
        if finished.failed {
            self.failed.push(position);
        }
        if finished.slow {
            self.slow.push(position);
        }
    }

    /// How many failures and slow calls there were after the call of that position.
    pub(super) fn after(&self, position: u64) -> (u64, u64) {
        (self.failed.after(position), self.slow.after(position))
    }

    /// Room for another window, with the newest stamps in it.
    pub(super) fn resized(&self, span: Span, slow_calls: bool) -> Self {
        let new = Self::new(span, slow_calls);
        self.failed.copy_newest(&new.failed);
        self.slow.copy_newest(&new.slow);
        new
    }
}

/// A ring of positions, growing with the head (to within the order in which racing failures stamp).
struct Ring {
    head: AtomicU64,
    slots: Box<[AtomicU64]>,
}

impl Ring {
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
            let stamp = self.head.fetch_add(1, Ordering::Relaxed);
            self.slot(stamp).store(position, Ordering::Relaxed);
        }
    }

    fn after(&self, position: u64) -> u64 {
        let head = self.head.load(Ordering::Relaxed);
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
        head - low
    }

    fn copy_newest(&self, to: &Self) {
        let head = self.head.load(Ordering::Relaxed);
        let kept = self.capacity().min(to.capacity()).min(head);
        for stamp in head - kept..head {
            to.push(self.slot(stamp).load(Ordering::Relaxed));
        }
    }
}
