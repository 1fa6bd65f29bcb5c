//! Which key has which slot: a map that a call reads without waiting, also while its thread ends.

use crate::caught::caught;
use crate::name::{FoundKey, Key};
use papaya::HashMap;
use std::cell::Cell;

/// Where a key's instance is, and since which taking.
#[derive(Clone)]
pub(super) struct Lease {
    pub(super) slot: usize,
    pub(super) epoch: u64,
}

pub(super) struct Leases {
    by_key: HashMap<Key, Lease>,
}

/// Where a thread is in its life, as far as the map's thread-local is concerned: once that is gone, the map panics where it needs it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It has read no map.
    New,
    Running,
    Ending,
}

/// Tells that the thread is ending.
struct Ends;

impl Drop for Ends {
    fn drop(&mut self) {
        STAGE.set(Stage::Ending);
    }
}

thread_local! {
    /// Without a destructor, so that reading it is one load at any time.
    static STAGE: Cell<Stage> = const { Cell::new(Stage::New) };
    static ENDS: Ends = const { Ends };
}

/// Reads the map, pinned for this thread; at the thread's end with a guard of its own, which is slower.
macro_rules! reading {
    ($leases:expr, |$map:ident| $read:expr) => {{
        if $leases.can_change() {
            let $map = $leases.by_key.pin();
            $read
        } else {
            let $map = $leases.by_key.pin_owned();
            $read
        }
    }};
}

impl Leases {
    pub(super) fn new() -> Self {
        Self { by_key: HashMap::new() }
    }

    /// Not while the thread ends: the map wants to know which thread it is that changes it.
    #[inline]
    pub(super) fn can_change(&self) -> bool {
        STAGE.get() == Stage::Running || self.begins_to_run()
    }

    #[cold]
    fn begins_to_run(&self) -> bool {
        if STAGE.get() == Stage::New {
            // Thread-locals are destroyed in the opposite order: what is there before ours is there until ours is gone. But somebody else who has such a map may have
            // used it before, on a thread that ends by now and whose first call this is. That the map's own is gone is then known to nobody who could be asked, and
            // asking the map is a panic.
            let runs = caught(|| drop(self.by_key.pin())).is_some() && ENDS.try_with(|_| {}).is_ok();
            STAGE.set(if runs { Stage::Running } else { Stage::Ending });
        }
        STAGE.get() == Stage::Running
    }

    #[inline]
    pub(super) fn read<R>(&self, key: FoundKey<'_>, read: impl FnOnce(&Lease) -> R) -> Option<R> {
        reading!(self, |by_key| by_key.get(&key).map(read))
    }

    /// The key itself, shared.
    pub(super) fn key(&self, key: FoundKey<'_>) -> Option<Key> {
        reading!(self, |by_key| by_key.get_key_value(&key).map(|(key, _)| key.clone()))
    }

    pub(super) fn insert(&self, key: Key, lease: Lease) {
        self.by_key.pin().insert(key, lease);
    }

    pub(super) fn remove(&self, key: &Key) -> Option<Lease> {
        self.by_key.pin().remove(key).cloned()
    }

    /// The keys and their slots.
    pub(super) fn all(&self) -> Vec<(Key, usize)> {
        reading!(self, |by_key| by_key.iter().map(|(key, lease)| (key.clone(), lease.slot)).collect())
    }

    pub(super) fn count(&self, mut of_slot: impl FnMut(usize) -> bool) -> u64 {
        reading!(self, |by_key| by_key.iter().filter(|(_, lease)| of_slot(lease.slot)).count() as u64)
    }

    pub(super) fn len(&self) -> u64 {
        self.by_key.len() as u64
    }
}
