//! One instance a key: a circuit breaker, a bulkhead or a rate limiter for each value of `key = …`.
//!
//! A named policy with keys has slots, each an instance of its own, which say whose they are, and an index that says where to look. A call finds its slot without a
//! lock, without touching a counter that other threads touch and without allocating. Only a key that is new takes the lock.
//!
//! **Slots are never freed while the policy lives**, which is why a permit can simply borrow one. When all `max_keys` of
//! them are taken, one that is idle is given to the new key: of a few that are looked at, one with nothing to forget before one with something, and of those the
//! longest unused. What is idle is said by the kind ([`ByKey`]), and so is what keys share that have no instance of their own, because none is idle.
//!
//! Each taking raises the slot's `epoch`, and so does each giving: a call that found the slot, was held up and asked when it was somebody else's already, sees
//! another epoch, takes back what it has asked for and looks again. That also holds for one that has read a key while it was being written.
//!
//! A slot's counters go on counting for the next key, and what they showed at the taking is subtracted for it; so the
//! sum over all slots is what all keys had, evicted ones included.
//!
//! # Where things are
//!
//! `index` says where to look for a key, `slots` keeps the instances and whose they are, `holder` says who gets a slot and who loses one.

mod holder;
mod index;
#[cfg(all(test, resilience_loom))]
mod models;
mod slots;

#[cfg(feature = "persistence")]
pub(crate) use holder::own;
pub(crate) use holder::{ByKey, Idle, OfKeys, Sums, runs, runs_alone, totals};
pub use holder::{KeyCounts, Keyed};
#[cfg(all(test, resilience_loom))]
pub(crate) use slots::Slot;
pub(crate) use slots::Tenure;
