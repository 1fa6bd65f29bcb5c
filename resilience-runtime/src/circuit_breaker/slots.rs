//! Where the breakers of keys are kept.
//!
//! What a slot holds is a parameter, so that a breaker can hold slots of breakers.

use super::leases::Leases;
use super::totals::Totals;
use crate::name::Key;
use crate::sync::{AtomicEpoch, AtomicSetting, Count, locked};
use once_cell::sync::OnceCell;
use std::sync::{Arc, Mutex, MutexGuard};

/// A breaker that belongs to one key at a time.
pub(super) struct Slot<B> {
    pub(super) breaker: Arc<B>,
    pub(super) epoch: AtomicEpoch,
    /// See [`Keys::unit_of_now`].
    pub(super) last_used: AtomicSetting,
}

/// Enough for the most `max_keys` there can be.
const CHUNKS: usize = 20;

type Chunk<B> = Box<[OnceCell<Slot<B>>]>;

/// The slots, in chunks of doubling size, so that growing moves none of them.
pub(super) struct Slots<B> {
    chunks: [OnceCell<Chunk<B>>; CHUNKS],
}

impl<B> Slots<B> {
    fn new() -> Self {
        Self { chunks: [const { OnceCell::new() }; CHUNKS] }
    }

    /// Chunk and index in it: 0 | 1 2 | 3 4 5 6 | …
    fn locate(index: usize) -> (usize, usize) {
        let chunk = (index + 1).ilog2() as usize;
        (chunk, index + 1 - (1 << chunk))
    }

    pub(super) fn get(&self, index: usize) -> Option<&Slot<B>> {
        let (chunk, within) = Self::locate(index);
        self.chunks.get(chunk)?.get()?[within].get()
    }

    pub(super) fn put(&self, index: usize, slot: Slot<B>) -> &Slot<B> {
        let (chunk, within) = Self::locate(index);
        let chunk = self.chunks[chunk].get_or_init(|| (0..1 << chunk).map(|_| OnceCell::new()).collect());
        chunk[within].get_or_init(|| slot)
    }
}

pub(super) struct Keys<B> {
    pub(super) slots: Slots<B>,
    pub(super) leases: Leases,
    takings: Mutex<Takings>,
    pub(super) evicted: Count,
    pub(super) overflowed: Count,
}

/// A slot whose breaker was closed when it was looked at. The least is the best to take.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Candidate {
    pub(super) has_failures: bool,
    pub(super) last_used: u64,
    /// When its key got it, or it last closed: no slot is taken again and again.
    pub(super) since: u64,
    /// How many keys had got one before: several of them begin in one millisecond.
    pub(super) given: u64,
    pub(super) slot: usize,
}

/// What only whoever gives a slot to a key needs.
#[derive(Default)]
pub(super) struct Takings {
    /// Slots that exist.
    pub(super) slots: usize,
    /// The key of each slot.
    pub(super) keys: Vec<Option<Key>>,
    /// For each slot, how many keys had got one before its key did; and how many have by now.
    pub(super) given: Vec<u64>,
    pub(super) givings: u64,
    /// Slots without a key, after `max_keys` was lowered and raised again.
    pub(super) free: Vec<usize>,
    /// Slots that may be taken from their keys, as they were when last looked at; the best last.
    pub(super) candidates: Vec<Candidate>,
    /// The slot to look at next.
    pub(super) hand: usize,
}

impl<B> Keys<B> {
    pub(super) fn new() -> Self {
        Self {
            slots: Slots::new(),
            leases: Leases::new(),
            takings: Mutex::default(),
            evicted: Count::new(),
            overflowed: Count::new(),
        }
    }

    pub(super) fn find(&self, key: &str) -> Option<(&Slot<B>, u64)> {
        let (slot, epoch) = self.leases.read(key, |lease| (lease.slot, lease.epoch))?;
        Some((self.slots.get(slot)?, epoch))
    }

    pub(super) fn takings(&self) -> MutexGuard<'_, Takings> {
        locked(&self.takings)
    }
}

/// What was counted by a slot before its key had it.
#[derive(Default)]
pub(super) struct SlotPast {
    pub(super) totals: Totals,
    pub(super) key: Option<Key>,
}

#[cfg(all(test, not(resilience_loom)))]
mod tests {
    use super::*;

    #[test]
    fn slots_lie_in_chunks_one_after_the_other() {
        let located: Vec<_> = (0..7).map(Slots::<()>::locate).collect();
        assert_eq!(located, [(0, 0), (1, 0), (1, 1), (2, 0), (2, 1), (2, 2), (2, 3)]);
        assert!(Slots::<()>::locate(999_999).0 < CHUNKS);
    }
}
