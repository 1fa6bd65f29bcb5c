//! One instance a key: a circuit breaker, a bulkhead or a rate limiter for each value of `key = …`.
//!
//! A named policy with keys has slots, each an instance of its own, and a map from key to slot. A call finds its slot without a lock,
//! without touching a counter that other threads touch and without allocating. Only a key that is new takes the lock.
//!
//! **Slots are never freed while the policy lives**, which is why a permit can simply borrow one. When all `max_keys` of
//! them are taken, one that is idle is given to the new key: of a few that are looked at, one with nothing to forget before one with something, and of those the
//! longest unused. What is idle is said by the kind ([`ByKey`]), and so is what keys share that have no instance of their own, because none is idle.
//!
//! Each taking raises the slot's `epoch`, and the map remembers the epoch that a key was given the slot in: a call that found the slot, was held up and
//! asked when it was somebody else's already, sees another epoch, takes back what it has asked for and looks again.
//!
//! A slot's counters go on counting for the next key, and what they showed at the taking is subtracted for it; so the
//! sum over all slots is what all keys had, evicted ones included.
//!
//! # Where things are
//!
//! `leases` says which key has which slot, `slots` keeps the instances, `holder` says who gets a slot and who loses one.

mod holder;
mod leases;
mod slots;

#[cfg(feature = "persistence")]
pub(crate) use holder::own;
pub(crate) use holder::{ByKey, Idle, OfKeys, Sums, runs, runs_alone, totals};
pub use holder::{KeyCounts, Keyed};
#[cfg(all(test, resilience_loom))]
pub(crate) use slots::Slot;
