//! Where the instances of keys are kept.

use super::index::{SlotIndex, Tag};
use crate::name::{FoundKey, INLINE_WORDS, Key, KeyHasher, KeyWord};
use crate::overlay::KeyLines;
use crate::policy::Policy;
use crate::sync::{AtomicEpoch, AtomicSetting, Count, Published, PublishedWord, locked};
use once_cell::sync::OnceCell;
use std::sync::{Arc, Mutex, MutexGuard};

/// An instance that belongs to one key at a time. What a call of a short key reads is on one line, in this order.
#[repr(C, align(64))]
pub(crate) struct Slot<P> {
    /// How often it was taken from a key or given to one: odd while it has one, or is about to.
    epoch: AtomicEpoch,
    /// What its key is found by, as far as it can be compared without touching anything else.
    shape: PublishedWord,
    pub(crate) instance: Arc<P>,
    /// When a key last used it, in milliseconds.
    pub(crate) last_used: AtomicSetting,
    words: [PublishedWord; INLINE_WORDS],
    key: Published<Option<Key>>,
}

impl<P> Slot<P> {
    /// No key's yet.
    pub(crate) fn new(instance: Arc<P>) -> Self {
        Self {
            instance,
            epoch: AtomicEpoch::new(),
            shape: PublishedWord::new(0),
            words: std::array::from_fn(|_| PublishedWord::new(0)),
            key: Published::new(None),
            last_used: AtomicSetting::new(0),
        }
    }

    /// In which epoch it is this key's, if it is.
    #[inline(always)]
    pub(crate) fn held_by(&self, key: FoundKey<'_>) -> Option<u64> {
        let epoch = self.held_by_words(key.shape(), key.words())?;
        (!key.is_long() || self.key().is_some_and(|held| key.is(&held))).then_some(epoch)
    }

    /// The same of a key that is not longer than its words.
    #[inline(always)]
    fn held_by_words(&self, shape: u64, words: &[u64]) -> Option<u64> {
        let epoch = self.epoch.get();
        let is_held = epoch % 2 == 1
            && self.shape.get() == shape
            && self.words.iter().zip(words).all(|(word, of_key)| word.get() == *of_key);
        is_held.then_some(epoch)
    }

    #[inline]
    pub(crate) fn in_epoch(&self, epoch: u64) -> Tenure<'_, P> {
        Tenure { slot: self, epoch }
    }

    /// Whose it is.
    pub(super) fn key(&self) -> Option<Key> {
        let key = Option::clone(&self.key.load());
        key.filter(|_| self.is_held())
    }

    pub(super) fn is_held(&self) -> bool {
        self.epoch.get() % 2 == 1
    }

    /// Takes it from its key, unless `begin_anew` says that it cannot begin anew.
    pub(crate) fn take(&self, begin_anew: impl FnOnce(&P) -> bool) -> bool {
        // The epoch first: whoever asks what is begun anew sees it, and so does whoever finds a word of the next key.
        self.epoch.raise();
        let is_taken = begin_anew(&self.instance);
        if !is_taken {
            self.epoch.raise();
        }
        is_taken
    }

    /// Gives it to this key, when no other has it and the instance is ready.
    pub(crate) fn give(&self, found: FoundKey<'_>, key: Key) {
        self.shape.set(found.shape());
        self.words.iter().zip(found.words()).for_each(|(word, of_key)| word.set(*of_key));
        self.key.swap(Arc::new(Some(key)));
        self.epoch.raise();
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

/// A slot, and the epoch in which it is a key's.
pub(crate) struct Tenure<'s, P> {
    slot: &'s Slot<P>,
    epoch: u64,
}

impl<P> Clone for Tenure<'_, P> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<P> Copy for Tenure<'_, P> {}

impl<'s, P> Tenure<'s, P> {
    #[inline]
    pub(crate) fn instance(&self) -> &'s Arc<P> {
        &self.slot.instance
    }

    /// It is used now.
    #[inline]
    pub(crate) fn used_at(&self, now: u64) {
        // Read first: most of those who come in one millisecond need not write it.
        if self.slot.last_used.get() != now {
            self.slot.last_used.set(now);
        }
    }

    /// Whether it is still that key's.
    pub(crate) fn lasts(&self) -> bool {
        self.slot.epoch.get() == self.epoch
    }
}

/// Enough for the most `max_keys` there can be.
const CHUNKS: usize = 20;

type Chunk<P> = Box<[OnceCell<Box<Slot<P>>>]>;

/// The slots, in chunks of doubling size, so that growing moves none of them.
pub(super) struct Slots<P> {
    chunks: [OnceCell<Chunk<P>>; CHUNKS],
}

impl<P> Slots<P> {
    fn new() -> Self {
        Self { chunks: [const { OnceCell::new() }; CHUNKS] }
    }

    /// Chunk and index in it: 0 | 1 2 | 3 4 5 6 | …
    #[inline]
    fn locate(index: usize) -> (usize, usize) {
        let chunk = (index + 1).ilog2() as usize;
        (chunk, index + 1 - (1 << chunk))
    }

    #[inline]
    pub(super) fn get(&self, index: usize) -> Option<&Slot<P>> {
        let (chunk, within) = Self::locate(index);
        Some(self.chunks.get(chunk)?.get()?[within].get()?)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Slot<P>> {
        (0..).map_while(|index| self.get(index))
    }

    pub(super) fn put(&self, index: usize, slot: Slot<P>) -> &Slot<P> {
        let (chunk, within) = Self::locate(index);
        let chunk = self.chunks[chunk].get_or_init(|| (0..1 << chunk).map(|_| OnceCell::new()).collect());
        chunk[within].get_or_init(|| Box::new(slot))
    }
}

pub(crate) struct Keys<P: Policy> {
    pub(super) slots: Slots<P>,
    pub(super) index: SlotIndex<Slot<P>>,
    hasher: KeyHasher,
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
    /// By what the key of each slot is found.
    pub(super) tags: Vec<Option<Tag>>,
    /// For each slot, how many keys had got one before its key did; and how many have by now.
    pub(super) given: Vec<u64>,
    pub(super) givings: u64,
    /// Slots without a key, after `max_keys` was lowered and raised again.
    pub(super) free: Vec<usize>,
    /// Slots that may be taken from their keys, as they were when last looked at; the best last.
    pub(super) candidates: Vec<Candidate>,
    /// The slot to look at next.
    pub(super) hand: usize,
    /// How many slots may be looked at beyond those that every new key may.
    pub(super) saved: usize,
}

impl<P: Policy> Keys<P> {
    pub(super) fn new() -> Self {
        Self {
            slots: Slots::new(),
            index: SlotIndex::new(),
            hasher: KeyHasher::new(),
            takings: Mutex::default(),
            lines: Mutex::default(),
            evicted: Count::new(),
            overflowed: Count::new(),
        }
    }

    /// Its slot, and the epoch in which it is the key's.
    #[inline(always)]
    pub(super) fn find(&self, key: FoundKey<'_>) -> Option<(&Slot<P>, u64)> {
        self.index.find(self.tag(key), |slot| Some((slot, slot.held_by(key)?)))
    }

    /// The same of a key of one word.
    #[inline(always)]
    pub(super) fn find_word(&self, key: KeyWord) -> Option<(&Slot<P>, u64)> {
        let tag = Tag::of(key.hash(&self.hasher));
        self.index.find(tag, |slot| Some((slot, slot.held_by_words(key.shape, &key.words)?)))
    }

    #[inline(always)]
    pub(super) fn tag(&self, key: FoundKey<'_>) -> Tag {
        Tag::of(key.hash(&self.hasher))
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
    use crate::name::PrintedKey;

    #[test]
    fn slots_lie_in_chunks_one_after_the_other() {
        let located: Vec<_> = (0..7).map(Slots::<()>::locate).collect();
        assert_eq!(located, [(0, 0), (1, 0), (1, 1), (2, 0), (2, 1), (2, 2), (2, 3)]);
        assert!(Slots::<()>::locate(999_999).0 < CHUNKS);
    }

    /// Whoever looks for a key comes here by a hash, which two may share.
    #[test]
    fn a_slot_is_held_by_no_key_but_its_own_however_alike_they_are() {
        let long = "k".repeat(8 * INLINE_WORDS);
        let texts = ["", "a", "b", "ab", &long, &format!("{long}a"), &format!("{long}b"), &format!("{long}ab")];
        let keys = texts.map(PrintedKey::print);
        for own in &keys {
            let slot = Slot::new(Arc::new(()));
            assert!(slot.held_by(own.found().unwrap()).is_none());
            slot.give(own.found().unwrap(), own.found().unwrap().to_key());
            for key in &keys {
                assert_eq!(slot.held_by(key.found().unwrap()).is_some(), std::ptr::eq(own, key));
            }
        }
    }
}
