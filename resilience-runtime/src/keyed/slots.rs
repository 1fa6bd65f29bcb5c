//! Where the instances of keys are kept.

use super::leases::Leases;
use crate::name::{FoundKey, Key};
use crate::overlay::KeyLines;
use crate::policy::Policy;
use crate::sync::{AtomicEpoch, AtomicSetting, Count, locked};
use once_cell::sync::OnceCell;
use std::sync::{Arc, Mutex, MutexGuard};

/// An instance that belongs to one key at a time.
pub(crate) struct Slot<P> {
    pub(crate) instance: Arc<P>,
    pub(crate) epoch: AtomicEpoch,
    /// When a key last used it, to the [unit](super::ByKey::unit_millis).
    pub(crate) last_used: AtomicSetting,
}

impl<P> Slot<P> {
    pub(crate) fn new(instance: Arc<P>, last_used: u64) -> Self {
        Self { instance, epoch: AtomicEpoch::new(), last_used: AtomicSetting::new(last_used) }
    }

    /// What `ask` gets for the key that was given the slot in that epoch; `None` where it is another key's by now, and what it got is taken back by `undo`.
    #[inline]
    pub(crate) fn ask<'s, T>(
        &'s self,
        epoch: u64,
        ask: impl FnOnce(&'s P) -> T,
        undo: impl FnOnce(&'s P, T),
    ) -> Option<T> {
        let asked = ask(&self.instance);
        if self.epoch.get() != epoch {
            undo(&self.instance, asked);
            return None;
        }
        Some(asked)
    }
}

/// Enough for the most `max_keys` there can be.
const CHUNKS: usize = 20;

type Chunk<P> = Box<[OnceCell<Slot<P>>]>;

/// The slots, in chunks of doubling size, so that growing moves none of them.
pub(super) struct Slots<P> {
    chunks: [OnceCell<Chunk<P>>; CHUNKS],
}

impl<P> Slots<P> {
    fn new() -> Self {
        Self { chunks: [const { OnceCell::new() }; CHUNKS] }
    }

    /// Chunk and index in it: 0 | 1 2 | 3 4 5 6 | …
    fn locate(index: usize) -> (usize, usize) {
        let chunk = (index + 1).ilog2() as usize;
        (chunk, index + 1 - (1 << chunk))
    }

    pub(super) fn get(&self, index: usize) -> Option<&Slot<P>> {
        let (chunk, within) = Self::locate(index);
        self.chunks.get(chunk)?.get()?[within].get()
    }

    pub(super) fn put(&self, index: usize, slot: Slot<P>) -> &Slot<P> {
        let (chunk, within) = Self::locate(index);
        let chunk = self.chunks[chunk].get_or_init(|| (0..1 << chunk).map(|_| OnceCell::new()).collect());
        chunk[within].get_or_init(|| slot)
    }
}

pub(crate) struct Keys<P: Policy> {
    pub(super) slots: Slots<P>,
    pub(super) leases: Leases,
    takings: Mutex<Takings>,
    /// What a file says of single keys.
    lines: Mutex<Arc<KeyLines<P::Keys>>>,
    pub(super) evicted: Count,
    pub(super) overflowed: Count,
}

/// A slot whose instance was idle when it was looked at. The least is the best to take.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Candidate {
    /// Something would be forgotten with its key.
    pub(super) is_missed: bool,
    pub(super) last_used: u64,
    /// Since when it is idle, as far as that is known: no slot is taken again and again.
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

impl<P: Policy> Keys<P> {
    pub(super) fn new() -> Self {
        Self {
            slots: Slots::new(),
            leases: Leases::new(),
            takings: Mutex::default(),
            lines: Mutex::default(),
            evicted: Count::new(),
            overflowed: Count::new(),
        }
    }

    pub(super) fn find(&self, key: FoundKey<'_>) -> Option<(&Slot<P>, u64)> {
        let (slot, epoch) = self.leases.read(key, |lease| (lease.slot, lease.epoch))?;
        Some((self.slots.get(slot)?, epoch))
    }

    pub(super) fn lines(&self) -> Arc<KeyLines<P::Keys>> {
        Arc::clone(&locked(&self.lines))
    }

    /// What was said before.
    pub(super) fn replace_lines(&self, lines: KeyLines<P::Keys>) -> Arc<KeyLines<P::Keys>> {
        std::mem::replace(&mut locked(&self.lines), Arc::new(lines))
    }

    pub(super) fn takings(&self) -> MutexGuard<'_, Takings> {
        locked(&self.takings)
    }
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
