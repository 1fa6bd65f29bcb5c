//! In which slot to look for a key: words that a call reads without waiting. They are a hint, since a slot itself says whose it is.
//!
//! A table of words with linear probing, at most half full. A word holds a slot, the tag of its key (a part of the key's hash), and how many keys have passed
//! this place because it was taken: whoever looks for a key goes on until he comes to a place that nobody has passed. So nothing is moved when a key goes, and
//! a key that is there is found whatever happens to others meanwhile: places are passed before the key is put behind them, and as long as it is there.
//!
//! It is changed by one thread at a time. A table that has become too small stays, for whoever is reading it: all of them together are no larger than the
//! last one twice. Who reads an old one does not find what came later, and looks again under the lock.
//!
//! Orderings: `Release` where a word is written and `Acquire` where it is read, so that whoever finds a slot's number finds the slot.

use crate::sync::PublishedWord;
use once_cell::sync::OnceCell;

/// Places of the first table, of which the next ones have twice as many. In models there is no room for more.
const LEAST: usize = if cfg!(resilience_loom) { 4 } else { 16 };
/// Enough for twice the most slots there can be.
const TABLES: usize = 18;

pub(super) struct SlotIndex {
    tables: [OnceCell<Box<[PublishedWord]>>; TABLES],
    /// Which one is in use.
    current: PublishedWord,
}

/// A part of a key's hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag(pub(super) u64);

impl Tag {
    pub(super) const fn of(hash: u64) -> Self {
        Self(hash >> IndexWord::TAG_SHIFT)
    }
}

/// A word: the slot's number and one, 20 bits; how many have passed, 8; the tag, 36, of which 21 are the most that a table's size takes.
#[derive(Clone, Copy)]
struct IndexWord(u64);

impl IndexWord {
    const TAG_SHIFT: u32 = 28;
    const PASSED_SHIFT: u32 = 20;
    const SLOT: u64 = (1 << Self::PASSED_SHIFT) - 1;
    /// So many or more: it is not known any more, and stays.
    const MANY: u64 = 0xff;

    fn slot(self) -> Option<usize> {
        (self.0 & Self::SLOT).checked_sub(1).map(|slot| slot as usize)
    }

    const fn tag(self) -> Tag {
        Tag::of(self.0)
    }

    const fn passed(self) -> u64 {
        self.0 >> Self::PASSED_SHIFT & Self::MANY
    }

    const fn taken(self, tag: Tag, slot: usize) -> Self {
        Self(tag.0 << Self::TAG_SHIFT | self.passed() << Self::PASSED_SHIFT | (slot as u64 + 1))
    }

    const fn free(self) -> Self {
        Self(self.passed() << Self::PASSED_SHIFT)
    }

    const fn passed_once_more(self) -> Self {
        Self(if self.passed() < Self::MANY { self.0 + (1 << Self::PASSED_SHIFT) } else { self.0 })
    }

    const fn passed_once_less(self) -> Self {
        Self(if self.passed() < Self::MANY { self.0 - (1 << Self::PASSED_SHIFT) } else { self.0 })
    }
}

impl SlotIndex {
    pub(super) fn new() -> Self {
        Self { tables: [const { OnceCell::new() }; TABLES], current: PublishedWord::new(0) }
    }

    /// What `held_by` says of the first slot that it says something of, among those that the key may have.
    #[inline]
    pub(super) fn find<R>(&self, tag: Tag, held_by: impl Fn(usize) -> Option<R>) -> Option<R> {
        let table = self.table()?;
        for at in places_of(tag, table) {
            let place = IndexWord(table[at].get());
            if place.tag() == tag
                && let Some(slot) = place.slot()
                && let Some(found) = held_by(slot)
            {
                return Some(found);
            }
            if place.passed() == 0 {
                break;
            }
        }
        None
    }

    #[inline]
    fn table(&self) -> Option<&[PublishedWord]> {
        Some(self.tables.get(self.current.get() as usize)?.get()?)
    }

    /// Makes room for the keys of so many slots.
    pub(super) fn grow(&self, slots: usize) {
        let places = (2 * slots).next_power_of_two().max(LEAST);
        if self.table().is_some_and(|table| table.len() >= places) {
            return;
        }
        let level = (places / LEAST).ilog2() as usize;
        self.tables[level].get_or_init(|| {
            let table: Box<[PublishedWord]> = (0..places).map(|_| PublishedWord::new(0)).collect();
            for place in self.table().into_iter().flatten().map(|place| IndexWord(place.get())) {
                if let Some(slot) = place.slot() {
                    put(&table, place.tag(), slot);
                }
            }
            table
        });
        self.current.set(level as u64);
    }

    /// There has to be room.
    pub(super) fn insert(&self, tag: Tag, slot: usize) {
        if let Some(table) = self.table() {
            put(table, tag, slot);
        }
    }

    pub(super) fn remove(&self, tag: Tag, slot: usize) {
        let Some(table) = self.table() else { return };
        let is_its = |&at: &usize| IndexWord(table[at].get()).slot() == Some(slot);
        let Some(own) = places_of(tag, table).find(is_its) else { return };
        change(&table[own], IndexWord::free);
        places_of(tag, table)
            .take_while(|&at| at != own)
            .for_each(|at| change(&table[at], IndexWord::passed_once_less));
    }
}

/// Where a key with that tag may be, the likeliest place first.
#[inline]
fn places_of(tag: Tag, table: &[PublishedWord]) -> impl Iterator<Item = usize> {
    let mask = table.len() - 1;
    (0..table.len()).map(move |passed| (tag.0 as usize + passed) & mask)
}

fn change(place: &PublishedWord, to: impl FnOnce(IndexWord) -> IndexWord) {
    place.set(to(IndexWord(place.get())).0);
}

fn put(table: &[PublishedWord], tag: Tag, slot: usize) {
    for at in places_of(tag, table) {
        if IndexWord(table[at].get()).slot().is_none() {
            return change(&table[at], |place| place.taken(tag, slot));
        }
        change(&table[at], IndexWord::passed_once_more);
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

    proptest! {
        #[test]
        fn who_is_there_is_found_and_nothing_is_left_of_those_who_go(turns in prop::collection::vec(0..40_usize, 0..200)) {
            let (index, mut held) = (SlotIndex::new(), Vec::new());
            for slot in turns {
                match held.iter().position(|other| *other == slot) {
                    Some(at) => index.remove(tag(held.swap_remove(at)), slot),
                    None => {
                        index.grow(slot + 1);
                        index.insert(tag(slot), slot);
                        held.push(slot);
                    }
                }
                for slot in 0..40 {
                    let found = index.find(tag(slot), |found| (found == slot).then_some(()));
                    prop_assert_eq!(found.is_some(), held.contains(&slot));
                }
            }
            held.into_iter().for_each(|slot| index.remove(tag(slot), slot));
            prop_assert!(index.table().into_iter().flatten().all(|place| place.get() == 0));
        }
    }

    #[test]
    fn more_than_can_be_counted_may_pass() {
        let index = SlotIndex::new();
        let slots = 0..1000;
        index.grow(slots.len());
        let same = Tag::of(0);
        slots.clone().for_each(|slot| index.insert(same, slot));
        slots.clone().filter(|slot| *slot != 999).for_each(|slot| index.remove(same, slot));
        assert_eq!(index.find(same, Some), Some(999));
        index.remove(same, 999);
        assert_eq!(index.find(same, Some), None);
    }

    #[test]
    fn there_is_room_for_the_most_slots() {
        let most = 1_000_000;
        let place = IndexWord(0).taken(Tag::of(u64::MAX), most - 1).passed_once_more();
        assert_eq!((place.slot(), place.tag(), place.passed()), (Some(most - 1), Tag::of(u64::MAX), 1));
        assert!((2 * most).next_power_of_two() / LEAST <= 1 << (TABLES - 1));
    }
}
