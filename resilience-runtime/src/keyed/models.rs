//! Finding a slot, and a slot that changes hands, in every interleaving (loom). Run with
//! `RUSTFLAGS="--cfg resilience_loom" cargo test -p resilience-runtime --lib --release models`.

use super::index::{SlotIndex, Tag};
use super::slots::Slot;
use crate::name::PrintedKey;
use crate::sync::model;
use loom::{sync::Arc as Shared, thread};

/// Tags that want the same place of any table.
const TAGS: [Tag; 3] = [Tag(0), Tag(1 << 10), Tag(1 << 11)];

/// Of which an index knows where they are.
static SLOTS: [usize; 3] = [0, 1, 2];

fn insert(index: &SlotIndex<usize>, tag: Tag, slot: usize) {
    // SAFETY: they are statics.
    #[allow(unsafe_code)]
    unsafe {
        index.insert(tag, &SLOTS[slot]);
    }
}

/// Were a place passed after the key is put behind it, or freed after it is not passed any more, or were keys moved when one goes, a key that is there all the time
/// could be missed, and its call would wait for the lock.
#[test]
fn a_key_that_stays_is_found_whoever_comes_and_goes() {
    model(|| {
        let [before, stays, after] = TAGS;
        let index = SlotIndex::new();
        index.grow(2);
        insert(&index, before, 0);
        insert(&index, stays, 1);
        let index = Shared::new(index);
        let changing = {
            let index = Shared::clone(&index);
            thread::spawn(move || {
                insert(&index, after, 2);
                index.remove(before, &SLOTS[0]);
                index.remove(after, &SLOTS[2]);
            })
        };
        assert_eq!(index.find(stays, |slot| (*slot == 1).then_some(slot)), Some(&1));
        changing.join().unwrap();
        assert_eq!(index.find(after, Some), None);
    });
}

/// Were another table in use before all are in it, one could be missed.
#[test]
fn a_key_that_stays_is_found_while_the_table_grows() {
    model(|| {
        let [first, second, third] = TAGS;
        let index = SlotIndex::new();
        index.grow(2);
        insert(&index, first, 0);
        insert(&index, second, 1);
        let index = Shared::new(index);
        let growing = {
            let index = Shared::clone(&index);
            thread::spawn(move || {
                index.grow(3);
                insert(&index, third, 2);
            })
        };
        assert_eq!(index.find(second, |slot| (*slot == 1).then_some(slot)), Some(&1));
        growing.join().unwrap();
        assert_eq!(index.find(third, |slot| (*slot == 2).then_some(slot)), Some(&2));
    });
}

/// Of two keys of which one follows the other a third can be read. Without the look at the epoch after it, or with words that are written before it is raised, that third one would
/// be let in.
#[test]
fn a_key_that_nobody_has_is_never_let_in() {
    model(|| {
        let print = |key: &str| PrintedKey::print(key);
        let slot = Shared::new(Slot::new(std::sync::Arc::new(())));
        let before = print("11111111 1");
        slot.give(before.found().unwrap(), "11111111 1".into());
        let changing = {
            let slot = Shared::clone(&slot);
            thread::spawn(move || {
                assert!(slot.take(|()| true));
                slot.give(print("22222222 2").found().unwrap(), "22222222 2".into());
            })
        };
        let ask = |key: &str| {
            let printed = print(key);
            let epoch = slot.held_by(printed.found().unwrap())?;
            slot.ask(epoch, |()| (), |(), ()| ())
        };
        assert_eq!((ask("11111111 2"), ask("22222222 1")), (None, None));
        changing.join().unwrap();
        assert_eq!((ask("11111111 1"), ask("22222222 2")), (None, Some(())));
    });
}
