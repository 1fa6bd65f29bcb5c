//! In which slot to look for a key: places that a call reads without waiting. They are a hint, since a slot itself says whose it is.
//!
//! A table of places with linear probing, at most a quarter full, so that a key is nearly always where it is first looked for. A place has the address of a slot, the tag of its key (a part of
//! the key's hash), and how many keys have passed it because it was taken: whoever looks for a key goes on until he comes to a place that nobody has passed. So nothing is moved when a key goes,
//! and a key that is there is found whatever happens to others meanwhile: places are passed before the key is put behind them, and as long as it is there.
//!
//! It is changed by one thread at a time. A table that has become too small stays, for whoever is reading it: all of them together are no larger than the
//! last one twice. Who reads an old one does not find what came later, and looks again under the lock.
//!
//! Orderings: `Release` where a word or an address is written and `Acquire` where it is read, so that whoever finds a slot finds what is in it. The address is written before the word, and may
//! already be that of the next slot when it is read after it.

use crate::sync::{Address, PublishedWord};
use once_cell::sync::OnceCell;

/// Places of the first table, of which the next ones have twice as many. In models there is no room for more.
const LEAST: usize = if cfg!(resilience_loom) { 4 } else { 64 };
/// Places for each slot, at least.
const FOR_EACH: usize = if cfg!(resilience_loom) { 2 } else { 4 };
/// Enough for the most slots there can be.
const TABLES: usize = 18;

pub(super) struct SlotIndex<S> {
    tables: [OnceCell<Box<[IndexPlace<S>]>>; TABLES],
    /// Which one is in use.
    current: PublishedWord,
}

/// A part of a key's hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag(pub(super) u64);

impl Tag {
    #[inline]
    pub(super) const fn of(hash: u64) -> Self {
        Self(hash >> IndexWord::TAG_SHIFT)
    }
}

struct IndexPlace<S> {
    word: PublishedWord,
    slot: Address<S>,
}

/// How many have passed, 8 bits; whether it is taken; the tag, 55, of which 22 are the most that a table's size takes.
#[derive(Clone, Copy)]
struct IndexWord(u64);

impl IndexWord {
    const TAG_SHIFT: u32 = 9;
    const TAKEN_SHIFT: u32 = 8;
    /// So many or more: it is not known any more, and stays.
    const MANY: u64 = 0xff;

    #[inline]
    const fn is_taken(self) -> bool {
        self.0 >> Self::TAKEN_SHIFT & 1 != 0
    }

    #[inline]
    const fn is_taken_by(self, tag: Tag) -> bool {
        self.0 >> Self::TAKEN_SHIFT == tag.0 << 1 | 1
    }

    const fn tag(self) -> Tag {
        Tag::of(self.0)
    }

    #[inline]
    const fn passed(self) -> u64 {
        self.0 & Self::MANY
    }

    const fn taken(self, tag: Tag) -> Self {
        Self(tag.0 << Self::TAG_SHIFT | 1 << Self::TAKEN_SHIFT | self.passed())
    }

    const fn free(self) -> Self {
        Self(self.passed())
    }

    const fn passed_once_more(self) -> Self {
        Self(if self.passed() < Self::MANY { self.0 + 1 } else { self.0 })
    }

    const fn passed_once_less(self) -> Self {
        Self(if self.passed() < Self::MANY { self.0 - 1 } else { self.0 })
    }
}

impl<S> IndexPlace<S> {
    fn new() -> Self {
        Self { word: PublishedWord::new(0), slot: Address::new() }
    }

    #[inline]
    fn word(&self) -> IndexWord {
        IndexWord(self.word.get())
    }

    #[inline]
    fn its_slot(&self) -> Option<&S> {
        // SAFETY: an address is that of a slot that is there as long as this index, or of nothing: see `insert`.
        #[allow(unsafe_code)]
        unsafe {
            self.slot.get().as_ref()
        }
    }

    fn change(&self, to: impl FnOnce(IndexWord) -> IndexWord) {
        self.word.set(to(self.word()).0);
    }
}

impl<S> SlotIndex<S> {
    pub(super) fn new() -> Self {
        Self { tables: [const { OnceCell::new() }; TABLES], current: PublishedWord::new(0) }
    }

    /// What comes first of the slots that a key with that tag may have, the likeliest of them before the others.
    #[inline(always)]
    pub(super) fn find<'i, T>(&'i self, tag: Tag, is_it: impl Fn(&'i S) -> Option<T>) -> Option<T> {
        let table = self.table()?;
        for passed in 0..table.len() {
            let place = &table[(tag.0 as usize + passed) & (table.len() - 1)];
            let word = place.word();
            if word.is_taken_by(tag)
                && let Some(found) = place.its_slot().and_then(&is_it)
            {
                return Some(found);
            }
            if word.passed() == 0 {
                return None;
            }
        }
        None
    }

    #[inline]
    fn table(&self) -> Option<&[IndexPlace<S>]> {
        Some(self.tables.get(self.current.get() as usize)?.get()?)
    }

    /// Makes room for the keys of so many slots.
    pub(super) fn grow(&self, slots: usize) {
        let places = (FOR_EACH * slots).next_power_of_two().max(LEAST);
        if self.table().is_some_and(|table| table.len() >= places) {
            return;
        }
        let level = (places / LEAST).ilog2() as usize;
        self.tables[level].get_or_init(|| {
            let table: Box<[_]> = (0..places).map(|_| IndexPlace::new()).collect();
            for place in self.table().into_iter().flatten().filter(|place| place.word().is_taken()) {
                put(&table, place.word().tag(), place.slot.get());
            }
            table
        });
        self.current.set(level as u64);
    }

    /// There has to be room.
    ///
    /// # Safety
    ///
    /// The slot stays where it is for as long as anything is looked for in this index.
    #[allow(unsafe_code)]
    pub(super) unsafe fn insert(&self, tag: Tag, slot: &S) {
        if let Some(table) = self.table() {
            put(table, tag, slot);
        }
    }

    pub(super) fn remove(&self, tag: Tag, slot: &S) {
        let Some(table) = self.table() else { return };
        let is_its = |&at: &usize| table[at].word().is_taken() && std::ptr::eq(table[at].slot.get(), slot);
        let Some(own) = places_of(tag, table).find(is_its) else { return };
        table[own].change(IndexWord::free);
        places_of(tag, table).take_while(|&at| at != own).for_each(|at| table[at].change(IndexWord::passed_once_less));
    }
}

/// Where a key with that tag may be, the likeliest place first.
#[inline]
fn places_of<S>(tag: Tag, table: &[IndexPlace<S>]) -> impl Iterator<Item = usize> {
    let mask = table.len() - 1;
    (0..table.len()).map(move |passed| (tag.0 as usize + passed) & mask)
}

fn put<S>(table: &[IndexPlace<S>], tag: Tag, slot: *const S) {
    for at in places_of(tag, table) {
        let place = &table[at];
        if !place.word().is_taken() {
            place.slot.set(slot);
            return place.change(|word| word.taken(tag));
        }
        place.change(IndexWord::passed_once_more);
    }
}

#[cfg(all(test, not(resilience_loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Of which half want one place, and half the next.
    fn tag(slot: usize) -> Tag {
        Tag((slot as u64 % 2) | ((slot as u64 / 2) << 30))
    }

    fn slots(number: usize) -> Vec<usize> {
        (0..number).collect()
    }

    fn insert(index: &SlotIndex<usize>, tag: Tag, slot: &usize) {
        // SAFETY: the slots of each test are made before its index.
        #[allow(unsafe_code)]
        unsafe {
            index.insert(tag, slot);
        }
    }

    proptest! {
        #[test]
        fn who_is_there_is_found_and_nothing_is_left_of_those_who_go(turns in prop::collection::vec(0..40_usize, 0..200)) {
            let slots = slots(40);
            let (index, mut held) = (SlotIndex::new(), Vec::new());
            for slot in turns {
                match held.iter().position(|other| *other == slot) {
                    Some(at) => index.remove(tag(held.swap_remove(at)), &slots[slot]),
                    None => {
                        index.grow(slot + 1);
                        insert(&index, tag(slot), &slots[slot]);
                        held.push(slot);
                    }
                }
                for slot in 0..40 {
                    let found = index.find(tag(slot), |found| (*found == slot).then_some(()));
                    prop_assert_eq!(found.is_some(), held.contains(&slot));
                }
            }
            held.into_iter().for_each(|slot| index.remove(tag(slot), &slots[slot]));
            prop_assert!(index.table().into_iter().flatten().all(|place| place.word.get() == 0));
        }
    }

    #[test]
    fn more_than_can_be_counted_may_pass() {
        let slots = slots(1000);
        let index = SlotIndex::new();
        index.grow(slots.len());
        let same = Tag::of(0);
        slots.iter().for_each(|slot| insert(&index, same, slot));
        slots[..999].iter().for_each(|slot| index.remove(same, slot));
        assert_eq!(index.find(same, Some), Some(&999));
        index.remove(same, &slots[999]);
        assert_eq!(index.find(same, Some), None);
    }

    #[test]
    fn there_is_room_for_the_most_slots() {
        let most = (FOR_EACH * 1_000_000).next_power_of_two();
        let word = IndexWord(0).taken(Tag::of(u64::MAX)).passed_once_more();
        assert!(word.is_taken_by(Tag::of(u64::MAX)) && !word.is_taken_by(Tag::of(u64::MAX >> 1)));
        assert_eq!((word.tag(), word.passed()), (Tag::of(u64::MAX), 1));
        assert!(most / LEAST <= 1 << (TABLES - 1) && most as u64 <= Tag::of(u64::MAX).0);
    }
}
