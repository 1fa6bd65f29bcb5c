//! One breaker a key: "payment" for warehouse 7, and another for warehouse 8.
//!
//! A named breaker with keys has slots, each a breaker of its own, and a map from key to slot. A call finds its slot without a lock,
//! without touching a counter that other threads touch and without allocating. Only a key that is new takes the lock.
//!
//! **Slots are never freed while the breaker lives**, which is why a permit can simply borrow one. When all `max_keys` of
//! them are taken, the longest unused closed one is emptied and given to the new key. Each taking raises the slot's
//! `epoch`, and the map remembers the epoch that a key was given the slot in: a call that found the slot, was held up and
//! acquired when it was somebody else's already, sees another epoch, gives the permit back unseen and looks again. What
//! was admitted before the taking is of an older generation and ends as stale.
//!
//! Where no breaker is closed, new keys share the named breaker itself (the overflow breaker). So they do where a slot would change hands more than once a
//! millisecond for more than five seconds: `max_keys` thousand new keys a second. Keys are compared in their
//! printed form, of which 64 bytes are kept: a longer one is cut and ends in a hash of the whole.
//!
//! A slot's counters go on counting for the next key, and what they showed at the taking is subtracted for it; so the
//! sum over all slots is what all keys had, evicted ones included.

use super::breaker::{CircuitBreaker, TELL_OUTCOMES};
use super::clock::Present;
use super::key::Key;
use super::permit::Permit;
use super::slots::{Keys, Lease, Slot, Takings};
use super::state::{Phase, Word};
use super::totals::KeyCounts;
use crate::error::{Failure, Rejection};
use crate::event::{Event, Topic, Turn};
use crate::kind::Kind;
use crate::name::Name;
use crate::outcome::Outcome;
use crate::sync::{AtomicEpoch, AtomicSetting, locked};
use crate::time::{Timestamp, coarse_millis};
use crate::window::Shard;
use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;

/// Each taking of a slot is a millisecond of its own in the breaker's word, and an opening is not dated before it: so a breaker would stay open
/// for so much longer than it should.
const MOST_AHEAD_MILLIS: u64 = 5000;

/// The breaker of one key. See [`CircuitBreaker::keyed`].
#[must_use = "it is there to be called through"]
pub struct Keyed<'a> {
    family: &'a CircuitBreaker,
    key: Key,
}

impl CircuitBreaker {
    /// The breaker of one key, named `name/key`, under the same settings as this one: made when the key is first called, at most `max_keys` of them.
    ///
    /// What is done by hand to this breaker is done to each of them. Its own totals are the sums over all keys, those evicted included; its own state is
    /// that of the overflow breaker, which new keys share when `max_keys` are held and none of those is closed.
    ///
    /// The key is printed once, into 64 bytes on the stack; a longer one is cut and ends in a hash of the whole.
    ///
    /// ```
    /// # use resilience_runtime::{CircuitBreaker, State};
    /// let stock = CircuitBreaker::builder("stock").consecutive_failures(1).build()?;
    /// stock.keyed(7).try_acquire()?.failure();
    /// assert!(stock.keyed(7).try_acquire().is_err());
    /// assert!(stock.keyed(8).try_acquire().is_ok());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn keyed(&self, key: impl Display) -> Keyed<'_> {
        Keyed { key: Key::print(key), family: self }
    }

    /// The breaker that a key has now. It may be another key's later: see [`name`](Self::name).
    pub fn of_key(&self, key: &str) -> Option<Arc<CircuitBreaker>> {
        let keys = self.keys.get()?;
        keys.find(Key::print(key).text()).map(|(slot, _)| Arc::clone(&slot.breaker))
    }

    /// The breakers of all keys, by key; empty without keys.
    pub fn of_keys(&self) -> Vec<Arc<CircuitBreaker>> {
        let Some(keys) = self.keys.get() else { return Vec::new() };
        let mut held: Vec<_> = keys
            .leases
            .pin()
            .iter()
            .filter_map(|(key, lease)| Some((key.clone(), keys.slots.get(lease.slot)?)))
            .collect();
        held.sort_by(|a, b| a.0.cmp(&b.0));
        held.into_iter().map(|(_, slot)| Arc::clone(&slot.breaker)).collect()
    }

    pub(super) fn key_counts(&self) -> Option<KeyCounts> {
        let keys = self.keys.get()?;
        let is_closed =
            |breaker: &CircuitBreaker| matches!(breaker.word.load().phase(), Phase::Closed | Phase::Disabled);
        let not_closed = |slot: usize| keys.slots.get(slot).is_some_and(|slot| !is_closed(&slot.breaker));
        Some(KeyCounts {
            held: keys.leases.len() as u64,
            not_closed: keys.leases.pin().iter().filter(|(_, lease)| not_closed(lease.slot)).count() as u64,
            evicted: keys.evicted.get(),
            overflowed: keys.overflowed.get(),
        })
    }
}

impl<'a> Keyed<'a> {
    /// As [`CircuitBreaker::try_acquire`], for this key.
    ///
    /// # Errors
    ///
    /// [`Rejection::CircuitOpen`] while this key's breaker lets nothing through.
    pub fn try_acquire(self) -> Result<Permit<'a>, Rejection> {
        let keys = self.family.keys();
        let now = keys.unit_of_now(self.family);
        loop {
            let Some((slot, epoch)) = keys.find(self.key.text()) else {
                if keys.give_slot(self.family, self.key.text(), now) {
                    continue;
                }
                keys.overflowed.increment();
                return self.family.try_acquire();
            };
            let acquired = slot.breaker.admit(Present);
            if slot.epoch.get() != epoch {
                // It was given to another key meanwhile.
                acquired.into_iter().for_each(Permit::give_back);
                continue;
            }
            if slot.last_used.get() != now {
                slot.last_used.set(now);
            }
            return acquired.map_err(|refused| {
                slot.breaker.count_rejection(Shard::of_this_thread());
                let rejection = keys.named(self.key.text(), refused.rejection());
                let family = self.family;
                if family.emitter.wants(Topic::Rejected) {
                    let generation = slot.breaker.generation();
                    family.emitter.send_rejected(Kind::CircuitBreaker, &rejection, generation);
                }
                rejection
            });
        }
    }

    /// As [`CircuitBreaker::call`], for this key.
    ///
    /// # Errors
    ///
    /// The call's own error, or the rejection.
    pub async fn call<T, E>(self, call: impl Future<Output = Result<T, E>>) -> Result<T, Failure<E>> {
        let permit = self.try_acquire().map_err(Failure::Rejected)?;
        permit.run(call, |_| Outcome::Failure).await
    }
}

impl Keys<CircuitBreaker> {
    /// The beginning of the present unit of time, in milliseconds: it is known to a bucket of the window when a key was last used. Comparable with those from before the
    /// window was another.
    pub(super) fn unit_of_now(&self, family: &CircuitBreaker) -> u64 {
        let unit = family.window.bucket_millis().unwrap_or(1000).max(1);
        coarse_millis() / unit * unit
    }

    /// The rejection of a slot, in the key's name.
    fn named(&self, key: &str, mut rejection: Rejection) -> Rejection {
        if let Rejection::CircuitOpen { name, .. } = &mut rejection
            && let Some(lease) = self.leases.pin().get(key)
        {
            name.clone_from(&lease.name);
        }
        rejection
    }

    /// Makes sure that the key has a slot, unless all are held and none is closed.
    #[cold]
    pub(super) fn give_slot(&self, family: &CircuitBreaker, key: &str, now: u64) -> bool {
        let mut turn = family.emitter.turn();
        let given = self.give_slot_in(&mut turn, family, key, now);
        family.end(turn);
        given
    }

    /// In a turn, and therefore not while something is done to all keys.
    pub(super) fn give_slot_in(&self, turn: &mut Turn<'_>, family: &CircuitBreaker, key: &str, now: u64) -> bool {
        let mut takings = self.takings();
        if self.find(key).is_some() {
            return true;
        }
        let most = usize::try_from(family.settings.get().max_keys).unwrap_or(usize::MAX);
        let held = takings.slots - takings.free.len();
        // One more than it frees, while there are more than `max_keys` has become.
        for _ in most..held {
            let Some(slot) = self.evict(turn, family, &mut takings, now) else { break };
            takings.free.push(slot);
        }
        let index = if takings.slots - takings.free.len() >= most {
            let Some(slot) = self.evict(turn, family, &mut takings, now) else { return false };
            slot
        } else {
            takings.free.pop().unwrap_or(takings.slots)
        };
        let name = Name::from(format!("{}/{key}", family.name()));
        let slot = match self.slots.get(index) {
            Some(slot) => slot,
            None => {
                takings.slots += 1;
                takings.keys.push(None);
                let breaker = Arc::new(family.slot());
                self.slots.put(index, Slot { breaker, epoch: AtomicEpoch::new(), last_used: AtomicSetting::new(now) })
            }
        };
        slot.breaker.begin_for_key(turn, name.clone(), family);
        slot.last_used.set(now);
        takings.keys[index] = Some(key.into());
        self.leases.pin().insert(key.into(), Lease { slot: index, epoch: slot.epoch.get(), name });
        true
    }

    /// Takes the slot of the longest unused closed breaker from its key.
    fn evict(&self, turn: &mut Turn<'_>, family: &CircuitBreaker, takings: &mut Takings, now: u64) -> Option<usize> {
        for _ in 0..2 {
            while let Some((last_used, index)) = takings.candidates.pop() {
                let (Some(slot), Some(key)) = (self.slots.get(index), takings.keys[index].take()) else { continue };
                // The epoch first: whoever acquires from now on for the old key looks again, and waits for the lock.
                let unused = slot.last_used.get() == last_used;
                let epoch = if unused { slot.epoch.raise() } else { slot.epoch.get() };
                if unused && slot.breaker.restart_if_closed() {
                    self.leases.pin().remove(&key);
                    self.evicted.increment();
                    turn.push(Topic::Evicted, slot.breaker.generation(), |order| {
                        let name = Name::from(format!("{}/{key}", family.name()));
                        Event::Evicted { name, at: Timestamp::now(), order }
                    });
                    return Some(index);
                }
                self.leases.pin().update(key.clone(), |lease| Lease { epoch, ..lease.clone() });
                takings.keys[index] = Some(key);
            }
            if takings.none_closed_in == Some(now) {
                return None;
            }
            self.look_for_candidates(takings);
        }
        takings.none_closed_in = Some(now);
        None
    }

    /// A share of the slots, so that not every new key has to look at all of them.
    fn look_for_candidates(&self, takings: &mut Takings) {
        let closed = (0..takings.slots).filter(|&index| takings.keys[index].is_some()).filter_map(|index| {
            let slot = self.slots.get(index)?;
            let word = slot.breaker.word.load();
            // Of those that were last used in the same unit, first the one that has had its key for the longest: no slot is taken again and again.
            (word.phase() == Phase::Closed).then(|| (slot.last_used.get(), word.generation(), index))
        });
        let mut closed: Vec<_> = closed.collect();
        closed.sort_unstable_by(|a, b| b.cmp(a));
        let share = takings.slots / 8 + 1;
        let oldest = closed.split_off(closed.len().saturating_sub(share));
        takings.candidates = oldest.into_iter().map(|(last_used, _, index)| (last_used, index)).collect();
    }
}

/// A breaker in a slot.
impl CircuitBreaker {
    /// A breaker like this one, for a key.
    fn slot(&self) -> Self {
        let mut slot = Self::new(self.name().clone(), &self.settings.get(), self.trip_if, self.emitter.clone());
        slot.past = Some(Box::default());
        if self.judge_all.get() & TELL_OUTCOMES != 0 {
            slot.tell_outcomes();
        }
        slot
    }

    fn begin_for_key(&self, turn: &mut Turn<'_>, name: Name, family: &CircuitBreaker) {
        if let Some(past) = &self.past {
            let mut past = locked(past);
            past.totals = self.counted();
            past.name = Some(name);
        }
        self.follow(turn, family);
    }

    /// Begins anew in the same mode, unless it is not closed, or too far ahead of the time by having begun anew too often.
    fn restart_if_closed(&self) -> bool {
        let word = self.word.load();
        let now = crate::time::precise_millis();
        let since = word.entering_closed(now);
        word.phase() == Phase::Closed
            && since <= now + MOST_AHEAD_MILLIS
            && self.word.exchange(word, Word::closed(since, word.monitored()))
    }
}
