//! A few words that change together, read without waiting: a sequence lock whose sequence is the content's own identity.
//!
//! A writer claims the record by exchanging the tag that it saw for [`BUSY`], writes the fields, and publishes the new
//! tag with `Release`. A reader loads the tag with `Acquire`, then the fields, then (behind an `Acquire` fence) the tag
//! again: the same tag twice means that no field is from another content, because a writer's `Release` fence after the
//! claim makes the claim visible to whoever sees one of its fields. So a tag must never be used for two contents of one
//! record. Two writers never have one record at a time, and neither readers nor writers wait for a claimed one.

use crate::sync::{AtomicU64, Ordering, fence};

/// The tag of a record that was never written.
pub(crate) const EMPTY: u64 = u64::MAX;
/// The tag of a record that is being written.
pub(crate) const BUSY: u64 = u64::MAX - 1;

pub(crate) struct Tagged<const FIELDS: usize> {
    tag: AtomicU64,
    fields: [AtomicU64; FIELDS],
}

#[cfg(not(resilience_loom))]
impl<const FIELDS: usize> Tagged<FIELDS> {
    /// As [`new`](Self::new), for a static.
    #[cfg(all(target_arch = "x86_64", target_os = "linux", not(feature = "test-util")))]
    pub(crate) const fn empty() -> Self {
        Self { tag: AtomicU64::new(EMPTY), fields: [const { AtomicU64::new(0) }; FIELDS] }
    }
}

impl<const FIELDS: usize> Tagged<FIELDS> {
    pub(crate) fn new() -> Self {
        Self { tag: AtomicU64::new(EMPTY), fields: std::array::from_fn(|_| AtomicU64::new(0)) }
    }

    #[inline]
    pub(crate) fn tag(&self) -> u64 {
        self.tag.load(Ordering::Acquire)
    }

    /// The content that had this tag when [`tag`](Self::tag) gave it, if it still has.
    pub(crate) fn read(&self, tag: u64) -> Option<[u64; FIELDS]> {
        self.read_first(tag)
    }

    /// As [`read`](Self::read), the first so many fields of it.
    #[inline]
    pub(crate) fn read_first<const SOME: usize>(&self, tag: u64) -> Option<[u64; SOME]> {
        let fields = std::array::from_fn(|field| self.fields[field].load(Ordering::Relaxed));
        fence(Ordering::Acquire);
        (self.tag.load(Ordering::Relaxed) == tag).then_some(fields)
    }

    /// Writes unless somebody else has since `seen`.
    pub(crate) fn replace(&self, seen: u64, tag: u64, fields: [u64; FIELDS]) -> bool {
        if seen == BUSY || self.tag.compare_exchange(seen, BUSY, Ordering::Acquire, Ordering::Relaxed).is_err() {
            return false;
        }
        fence(Ordering::Release);
        for (field, value) in self.fields.iter().zip(fields) {
            field.store(value, Ordering::Relaxed);
        }
        self.tag.store(tag, Ordering::Release);
        true
    }

    /// Empties the record unless somebody else has since `seen`.
    pub(crate) fn forget(&self, seen: u64) {
        let _ = self.tag.compare_exchange(seen, EMPTY, Ordering::Relaxed, Ordering::Relaxed);
    }
}

#[cfg(all(test, resilience_loom))]
mod models {
    use super::*;
    use crate::sync::model;
    use loom::{sync::Arc, thread};

    /// Without the writer's `Release` fence a reader can see a field of the next content beside one of this; without the reader's `Acquire` fence too.
    #[test]
    fn a_reader_sees_one_content_or_none() {
        model(|| {
            let record = Arc::new(Tagged::<2>::new());
            assert!(record.replace(EMPTY, 1, [1, 1]));
            let writer = {
                let record = Arc::clone(&record);
                thread::spawn(move || assert!(record.replace(1, 2, [2, 2])))
            };
            let tag = record.tag();
            if let Some(fields) = record.read(tag)
                && tag != BUSY
            {
                assert_eq!(fields, [tag, tag]);
            }
            writer.join().unwrap();
        });
    }

    /// Without the claim both could write at once, and leave a field of either.
    #[test]
    fn of_two_writers_one_writes() {
        model(|| {
            let record = Arc::new(Tagged::<2>::new());
            let writer = {
                let record = Arc::clone(&record);
                thread::spawn(move || record.replace(EMPTY, 1, [1, 1]))
            };
            let wrote = record.replace(EMPTY, 2, [2, 2]);
            assert_ne!(wrote, writer.join().unwrap());
            let tag = record.tag();
            assert_eq!(record.read(tag), Some([tag, tag]));
        });
    }
}
