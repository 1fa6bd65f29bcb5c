//! One breaker a key: "payment" for warehouse 7, and another for warehouse 8.
//!
//! A named breaker with keys has slots, each a breaker of its own, and a map from key to slot. A call finds its slot without a lock,
//! without touching a counter that other threads touch and without allocating. Only a key that is new takes the lock.
//!
//! **Slots are never freed while the breaker lives**, which is why a permit can simply borrow one. When all `max_keys` of
//! them are taken, one that is closed is emptied and given to the new key: of a few that are looked at, one without a failure in its window before one with, and of those the
//! longest unused. Each taking raises the slot's
//! `epoch`, and the map remembers the epoch that a key was given the slot in: a call that found the slot, was held up and
//! acquired when it was somebody else's already, sees another epoch, gives the permit back unseen and looks again. What
//! was admitted before the taking is of an older generation and ends as stale.
//!
//! Where none is closed, new keys share the named breaker itself (the overflow breaker), which lets pass what it would reject.
//!
//! A slot's counters go on counting for the next key, and what they showed at the taking is subtracted for it; so the
//! sum over all slots is what all keys had, evicted ones included.

use super::admission::Refused;
use super::breaker::{CircuitBreaker, TELL_OUTCOMES};
use super::clock::{Clock, Present};
use super::judging::Admitted;
use super::key::PrintedKey;
use super::leases::Lease;
use super::permit::Permit;
use super::slots::{Candidate, Keys, Slot, Takings};
use super::state::{Phase, Word};
use super::totals::KeyCounts;
use crate::error::{Failure, Rejection};
use crate::event::{Event, Topic, Turn};
use crate::kind::Kind;
use crate::name::Key;
use crate::outcome::Outcome;
use crate::sync::{AtomicEpoch, AtomicSetting, locked};
use crate::time::{Timestamp, coarse_millis, precise_millis};
use crate::window::Shard;
use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;

/// Slots that are looked at for a new key, at most.
const LOOKED_AT: usize = 16;
/// Of those, the ones that are kept for the next keys.
const KEPT: usize = 4;

/// The breaker of one key. See [`CircuitBreaker::keyed`].
#[must_use = "it is there to be called through"]
pub struct Keyed<'a> {
    family: &'a CircuitBreaker,
    key: PrintedKey,
}

impl CircuitBreaker {
    /// The breaker of one key, shown as `name[key]`, under the same settings as this one: made when the key is first called, at most `max_keys` of them.
    ///
    /// What is done by hand to this breaker is done to each of them. Its own totals are the sums over all keys, those evicted included; its own state is
    /// that of the overflow breaker, which new keys share when `max_keys` are held and none of those is closed.
    /// That one monitors and never rejects, unless it is forced open: a few failing keys must not reject every new one.
    ///
    /// The key is printed once and compared as a whole. Up to 64 bytes of it need no allocation; one that is longer than 1 KiB shares the overflow breaker.
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
        Keyed { key: PrintedKey::print(key), family: self }
    }

    /// The breaker that a key has now. It may be another key's later: see [`key`](Self::key).
    pub fn of_key(&self, key: &str) -> Option<Arc<CircuitBreaker>> {
        let keys = self.keys.get()?;
        keys.find(PrintedKey::print(key).text()?).map(|(slot, _)| Arc::clone(&slot.breaker))
    }

    /// The breakers of all keys, by key; empty without keys.
    pub fn of_keys(&self) -> Vec<Arc<CircuitBreaker>> {
        let Some(keys) = self.keys.get() else { return Vec::new() };
        let held = keys.leases.all().into_iter();
        let mut held: Vec<_> = held.filter_map(|(key, slot)| Some((key, keys.slots.get(slot)?))).collect();
        held.sort_by(|a, b| a.0.cmp(&b.0));
        held.into_iter().map(|(_, slot)| Arc::clone(&slot.breaker)).collect()
    }

    pub(super) fn key_counts(&self) -> Option<KeyCounts> {
        let keys = self.keys.get()?;
        let is_closed =
            |breaker: &CircuitBreaker| matches!(breaker.word.load().phase(), Phase::Closed | Phase::Disabled);
        let not_closed = |slot: usize| keys.slots.get(slot).is_some_and(|slot| !is_closed(&slot.breaker));
        Some(KeyCounts {
            held: keys.leases.len(),
            not_closed: keys.leases.count(not_closed),
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
        let Some(key) = self.key.text() else { return self.family.admit_overflow() };
        let now = keys.unit_of_now(self.family);
        loop {
            let Some((slot, epoch)) = keys.find(key) else {
                if keys.give_slot(self.family, key, now) {
                    continue;
                }
                return self.family.admit_overflow();
            };
            let Some(acquired) = slot.admit(epoch, Present) else { continue };
            if slot.last_used.get() != now {
                slot.last_used.set(now);
            }
            return acquired.map_err(|refused| {
                slot.breaker.count_rejection(Shard::of_this_thread());
                let rejection = keys.named(key, refused.rejection());
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

    /// The rejection of a slot, with the key.
    fn named(&self, key: &str, mut rejection: Rejection) -> Rejection {
        if let Rejection::CircuitOpen { key: of, .. } = &mut rejection {
            // Without a lease it was given to another one meanwhile.
            *of = Some(self.leases.key(key).unwrap_or_else(|| key.into()));
        }
        rejection
    }

    /// Makes sure that the key has a slot, unless all are held and none is closed, or this thread is ending.
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
        if !self.leases.can_change() {
            return false;
        }
        let most = usize::try_from(family.settings.get().max_keys).unwrap_or(usize::MAX);
        let held = takings.slots - takings.free.len();
        // One more than it frees, while there are more than `max_keys` has become.
        for _ in most..held {
            let Some(slot) = self.evict(turn, family, &mut takings) else { break };
            takings.free.push(slot);
        }
        let index = if takings.slots - takings.free.len() >= most {
            let Some(slot) = self.evict(turn, family, &mut takings) else { return false };
            slot
        } else {
            takings.free.pop().unwrap_or(takings.slots)
        };
        let key = Key::from(key);
        let slot = match self.slots.get(index) {
            Some(slot) => slot,
            None => {
                takings.slots += 1;
                takings.keys.push(None);
                takings.given.push(0);
                let breaker = Arc::new(family.slot());
                self.slots.put(index, Slot { breaker, epoch: AtomicEpoch::new(), last_used: AtomicSetting::new(now) })
            }
        };
        slot.breaker.begin_for_key(turn, key.clone(), family);
        slot.last_used.set(now);
        takings.keys[index] = Some(key.clone());
        takings.givings += 1;
        takings.given[index] = takings.givings;
        self.leases.insert(key, Lease { slot: index, epoch: slot.epoch.get() });
        true
    }

    /// Takes the slot of a closed breaker from its key.
    fn evict(&self, turn: &mut Turn<'_>, family: &CircuitBreaker, takings: &mut Takings) -> Option<usize> {
        for _ in 0..2 {
            while let Some(Candidate { last_used, slot: index, .. }) = takings.candidates.pop() {
                let (Some(slot), Some(key)) = (self.slots.get(index), takings.keys[index].take()) else { continue };
                if slot.last_used.get() == last_used
                    && let Some(lease) = self.leases.remove(&key)
                {
                    // Whoever has found the lease and acquires from now on looks again, finds none, and waits for the lock.
                    let Err(epoch) = slot.take(precise_millis()) else {
                        self.evicted.increment();
                        turn.push(Topic::Evicted, slot.breaker.generation(), |order| Event::Evicted {
                            name: family.name(),
                            key: key.clone(),
                            at: Timestamp::now(),
                            order,
                        });
                        return Some(index);
                    };
                    self.leases.insert(key.clone(), Lease { epoch, ..lease });
                }
                takings.keys[index] = Some(key);
            }
            self.look_for_candidates(takings);
        }
        None
    }

    /// Looks at the next few slots, and keeps the best of those that are closed. So no new key has to look at many.
    fn look_for_candidates(&self, takings: &mut Takings) {
        let now = precise_millis();
        let looked_at = takings.slots.min(LOOKED_AT);
        let next = (0..looked_at).map(|nth| (takings.hand + nth) % takings.slots);
        let mut closed: Vec<_> = next
            .filter(|&index| takings.keys[index].is_some())
            .filter_map(|index| {
                let slot = self.slots.get(index)?;
                let (word, last_used) = (slot.breaker.word.load(), slot.last_used.get());
                let has_failures = || slot.breaker.window.counts(word.closed_generation(), now).failures > 0;
                (word.phase() == Phase::Closed).then(|| Candidate {
                    has_failures: has_failures(),
                    last_used,
                    since: word.since(now),
                    given: takings.given[index],
                    slot: index,
                })
            })
            .collect();
        takings.hand = (takings.hand + looked_at) % takings.slots.max(1);
        // The best last.
        closed.sort_unstable_by(|a, b| b.cmp(a));
        takings.candidates = closed.split_off(closed.len().saturating_sub(KEPT));
    }
}

impl Slot<CircuitBreaker> {
    /// Asks to make one call for the key that was given the slot in that epoch; `None` where it is another key's by now.
    #[inline]
    pub(super) fn admit(&self, epoch: u64, clock: impl Clock) -> Option<Result<Permit<'_>, Refused<'_>>> {
        let acquired = self.breaker.admit(clock);
        if self.epoch.get() != epoch {
            acquired.into_iter().for_each(Permit::give_back);
            return None;
        }
        Some(acquired)
    }

    /// Takes the slot from its key, unless the breaker is not closed: the epoch that the key goes on in.
    pub(super) fn take(&self, now: u64) -> Result<(), u64> {
        // The epoch first: whoever acquires what is begun anew sees it.
        let epoch = self.epoch.raise();
        let word = self.breaker.word.load();
        let anew = Word::closed(word.entering(now), word.monitored());
        if word.phase() == Phase::Closed && self.breaker.word.exchange(word, anew) { Ok(()) } else { Err(epoch) }
    }
}

/// A breaker in a slot.
impl CircuitBreaker {
    /// As the breaker that keys share which have none of their own: what it would reject passes, unless somebody has forced it open.
    fn admit_overflow(&self) -> Result<Permit<'_>, Rejection> {
        self.keys().overflowed.increment();
        match self.admit(Present) {
            Err(Refused { retry_after_millis: Some(_), .. }) => {
                self.count_would_reject();
                Ok(Permit::new(self, Admitted::Unjudged, 0))
            }
            admitted => admitted.map_err(Rejection::from),
        }
    }

    /// A breaker like this one, for a key.
    fn slot(&self) -> Self {
        let mut slot = Self::new(self.name().clone(), &self.settings.get(), self.trip_if, self.emitter.clone());
        slot.past = Some(Box::default());
        if self.judge_all.get() & TELL_OUTCOMES != 0 {
            slot.tell_outcomes();
        }
        slot
    }

    fn begin_for_key(&self, turn: &mut Turn<'_>, key: Key, family: &CircuitBreaker) {
        if let Some(past) = &self.past {
            let mut past = locked(past);
            past.totals = self.counted();
            past.key = Some(key);
        }
        self.follow(turn, family);
    }
}
