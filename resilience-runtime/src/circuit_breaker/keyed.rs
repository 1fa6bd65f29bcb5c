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

use super::state::Phase;
use super::steering::Change;
use super::{CircuitBreaker, Permit, Present, Totals, Word};
use crate::error::{Failure, Name, Rejection};
use crate::event::{Event, Topic};
use crate::registry::Policy;
use crate::sync::{AtomicEpoch, AtomicSetting, Count, locked};
use crate::time::{Timestamp, coarse_millis};
use crate::window::Shard;
use once_cell::sync::OnceCell;
use papaya::HashMap;
use std::fmt::{self, Display, Write};
use std::future::Future;
use std::hash::{DefaultHasher, Hasher};
use std::sync::{Arc, Mutex, MutexGuard};

/// Bytes of a key that are kept.
const KEY_BYTES: usize = 64;
/// Each taking of a slot is a millisecond of its own in the breaker's word, and an opening is not dated before it: so a breaker would stay open
/// for so much longer than it should.
const MOST_AHEAD_MILLIS: u64 = 5000;
/// Of a longer key, these are its hash, in hexadecimal.
const HASH_BYTES: usize = 16;

/// A key as text on the stack.
pub(super) struct Key {
    bytes: [u8; KEY_BYTES],
    length: usize,
}

impl Key {
    pub(super) fn print(key: impl Display) -> Self {
        let mut printer = Printer { key: Self { bytes: [0; KEY_BYTES], length: 0 }, hash: None };
        // A `Display` that fails has printed what it could.
        let _ = write!(printer, "{key}");
        let Printer { key: mut printed, hash } = printer;
        if let Some(hash) = hash {
            let cut = boundary(printed.text(), KEY_BYTES - HASH_BYTES);
            let digits = format_args!("{:0HASH_BYTES$x}", hash.finish()).to_string();
            printed.bytes[cut..cut + HASH_BYTES].copy_from_slice(digits.as_bytes());
            printed.length = cut + HASH_BYTES;
        }
        printed
    }

    pub(super) fn text(&self) -> &str {
        // Cut at character boundaries only.
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }
}

/// The end of the last whole character within so many bytes.
fn boundary(text: &str, bytes: usize) -> usize {
    (0..=bytes.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

struct Printer {
    key: Key,
    /// Of everything printed, once it was too much. The same in every run, for the sake of the name.
    hash: Option<DefaultHasher>,
}

impl Write for Printer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let Key { bytes, length } = &mut self.key;
        if self.hash.is_none() {
            let kept = boundary(text, KEY_BYTES - *length);
            if kept == text.len() {
                bytes[*length..][..kept].copy_from_slice(text.as_bytes());
                *length += kept;
                return Ok(());
            }
            let mut hash = DefaultHasher::new();
            hash.write(&bytes[..*length]);
            self.hash = Some(hash);
            bytes[*length..][..kept].copy_from_slice(&text.as_bytes()[..kept]);
            *length += kept;
        }
        if let Some(hash) = &mut self.hash {
            hash.write(text.as_bytes());
        }
        Ok(())
    }
}

/// Where a key's breaker is, since which taking, and what it is called.
#[derive(Clone)]
struct Place {
    slot: usize,
    epoch: u64,
    name: Name,
}

/// All `max_keys` are held, and none is closed.
struct NoneClosed;

/// A breaker that belongs to one key at a time.
pub(super) struct Slot {
    pub(super) breaker: Arc<CircuitBreaker>,
    epoch: AtomicEpoch,
    /// See [`Keys::unit_of_now`].
    last_used: AtomicSetting,
}

/// The slots, in chunks of doubling size, so that growing moves none of them.
struct Slots {
    chunks: [OnceCell<Box<[OnceCell<Slot>]>>; Self::CHUNKS],
}

impl Slots {
    /// Enough for the most `max_keys` there can be.
    const CHUNKS: usize = 20;

    fn new() -> Self {
        Self { chunks: [const { OnceCell::new() }; Self::CHUNKS] }
    }

    /// Chunk and place in it: 0 | 1 2 | 3 4 5 6 | …
    fn locate(index: usize) -> (usize, usize) {
        let chunk = (index + 1).ilog2() as usize;
        (chunk, index + 1 - (1 << chunk))
    }

    fn get(&self, index: usize) -> Option<&Slot> {
        let (chunk, place) = Self::locate(index);
        self.chunks.get(chunk)?.get()?[place].get()
    }

    fn put(&self, index: usize, slot: Slot) -> &Slot {
        let (chunk, place) = Self::locate(index);
        let chunk = self.chunks[chunk].get_or_init(|| (0..1 << chunk).map(|_| OnceCell::new()).collect());
        chunk[place].get_or_init(|| slot)
    }
}

pub(super) struct Keys {
    slots: Slots,
    places: HashMap<Box<str>, Place>,
    takings: Mutex<Takings>,
    evicted: Count,
    overflowed: Count,
}

/// What only whoever gives a slot to a key needs.
#[derive(Default)]
struct Takings {
    /// Slots that exist.
    slots: usize,
    /// The key of each slot.
    keys: Vec<Option<Box<str>>>,
    /// Slots without a key, after `max_keys` was lowered and raised again.
    free: Vec<usize>,
    /// The longest unused closed slots when last looked for, the longest last; with the `last_used` that they had.
    candidates: Vec<(u64, usize)>,
    /// When none was closed: not to be looked for again within this unit of time.
    none_closed_in: Option<u64>,
}

/// What a keyed breaker holds. See [`CircuitBreakerSnapshot::keys`](super::CircuitBreakerSnapshot::keys).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct KeyCounts {
    /// Keys that have a breaker of their own.
    pub held: u64,
    /// Of those, the ones that are open, half-open or forced open, or would be if they did not only monitor. The state beside is the overflow breaker's.
    pub not_closed: u64,
    /// Keys that lost theirs to another one.
    pub evicted: u64,
    /// Calls that went to the overflow breaker, because `max_keys` were held and none was closed, or new keys came at more than `max_keys` a
    /// millisecond for more than five seconds.
    pub overflowed: u64,
}

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

    pub(super) fn keys(&self) -> &Keys {
        self.keys.get_or_init(|| {
            Box::new(Keys {
                slots: Slots::new(),
                places: HashMap::new(),
                takings: Mutex::default(),
                evicted: Count::new(),
                overflowed: Count::new(),
            })
        })
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
            .places
            .pin()
            .iter()
            .filter_map(|(key, place)| Some((key.clone(), keys.slots.get(place.slot)?)))
            .collect();
        held.sort_by(|a, b| a.0.cmp(&b.0));
        held.into_iter().map(|(_, slot)| Arc::clone(&slot.breaker)).collect()
    }

    /// For whatever is asked of all keys at once: every slot, held or not.
    pub(super) fn for_each_slot(&self, mut act: impl FnMut(&CircuitBreaker)) {
        if let Some(keys) = self.keys.get() {
            // No key is given a slot meanwhile, so that none is passed over.
            let takings = keys.takings();
            (0..takings.slots).filter_map(|slot| keys.slots.get(slot)).for_each(|slot| act(&slot.breaker));
        }
    }

    /// As there are now, for whatever tells somebody of it, which nobody does under a lock.
    pub(super) fn slots_now(&self) -> Vec<Arc<CircuitBreaker>> {
        let Some(keys) = self.keys.get() else { return Vec::new() };
        let slots = {
            let mut takings = keys.takings();
            // What is done to them may close some.
            takings.none_closed_in = None;
            takings.slots
        };
        (0..slots).filter_map(|slot| keys.slots.get(slot)).map(|slot| Arc::clone(&slot.breaker)).collect()
    }

    /// Keys that lost their breaker to another one.
    pub(super) fn evicted(&self) -> u64 {
        self.keys.get().map_or(0, |keys| keys.evicted.get())
    }

    pub(super) fn key_counts(&self) -> Option<KeyCounts> {
        let keys = self.keys.get()?;
        let is_closed =
            |breaker: &CircuitBreaker| matches!(breaker.word.load().phase(), Phase::Closed | Phase::Disabled);
        let not_closed = |slot: usize| keys.slots.get(slot).is_some_and(|slot| !is_closed(&slot.breaker));
        Some(KeyCounts {
            held: keys.places.len() as u64,
            not_closed: keys.places.pin().iter().filter(|(_, place)| not_closed(place.slot)).count() as u64,
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
                if family.bus.wants(Topic::Rejected) {
                    family.bus.send_rejected(CircuitBreaker::KIND, &rejection, &family.name);
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
        permit.run(call, |_| crate::Outcome::Failure).await
    }
}

impl Keys {
    /// The beginning of the present unit of time, in milliseconds: it is known to a bucket of the window when a key was last used. Comparable with those from before the
    /// window was another.
    pub(super) fn unit_of_now(&self, family: &CircuitBreaker) -> u64 {
        let unit = family.window.bucket_millis().unwrap_or(1000).max(1);
        coarse_millis() / unit * unit
    }

    pub(super) fn find(&self, key: &str) -> Option<(&Slot, u64)> {
        let places = self.places.pin();
        let place = places.get(key)?;
        Some((self.slots.get(place.slot)?, place.epoch))
    }

    /// The rejection of a slot, in the key's name.
    fn named(&self, key: &str, mut rejection: Rejection) -> Rejection {
        if let Rejection::CircuitOpen { name, .. } = &mut rejection
            && let Some(place) = self.places.pin().get(key)
        {
            name.clone_from(&place.name);
        }
        rejection
    }

    fn takings(&self) -> MutexGuard<'_, Takings> {
        locked(&self.takings)
    }

    /// Makes sure that the key has a slot, unless all are held and none is closed.
    #[cold]
    pub(super) fn give_slot(&self, family: &CircuitBreaker, key: &str, now: u64) -> bool {
        let mut evicted = Vec::new();
        let given = self.take_slot(family, key, now, &mut evicted);
        // What listens is the user's: told under no lock.
        for key in evicted {
            let name = || Name::from(format!("{}/{key}", family.name()));
            family.bus.emit(Topic::Evicted, || Event::Evicted { name: name(), at: Timestamp::now() });
        }
        match given {
            Ok(Some((slot, change))) => slot.tell(change),
            Ok(None) => {}
            Err(NoneClosed) => return false,
        }
        true
    }

    /// Under the lock: what there is to be told of the breaker that the key has got.
    #[allow(clippy::type_complexity, reason = "a type of its own would be used once")]
    fn take_slot(
        &self,
        family: &CircuitBreaker,
        key: &str,
        now: u64,
        evicted: &mut Vec<Box<str>>,
    ) -> Result<Option<(Arc<CircuitBreaker>, Change)>, NoneClosed> {
        let mut takings = self.takings();
        if self.find(key).is_some() {
            return Ok(None);
        }
        let most = usize::try_from(family.max_keys.get()).unwrap_or(usize::MAX);
        let held = takings.slots - takings.free.len();
        // One more than it frees, while there are more than `max_keys` has become.
        for _ in most..held {
            let Some(slot) = self.evict(&mut takings, now, evicted) else { break };
            takings.free.push(slot);
        }
        let index = if takings.slots - takings.free.len() >= most {
            let Some(slot) = self.evict(&mut takings, now, evicted) else { return Err(NoneClosed) };
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
        let change = slot.breaker.begin_for_key(name.clone(), family);
        slot.last_used.set(now);
        takings.keys[index] = Some(key.into());
        self.places.pin().insert(key.into(), Place { slot: index, epoch: slot.epoch.get(), name });
        Ok(change.map(|change| (Arc::clone(&slot.breaker), change)))
    }

    /// Takes the slot of the longest unused closed breaker from its key.
    fn evict(&self, takings: &mut Takings, now: u64, evicted: &mut Vec<Box<str>>) -> Option<usize> {
        for _ in 0..2 {
            while let Some((last_used, index)) = takings.candidates.pop() {
                let (Some(slot), Some(key)) = (self.slots.get(index), takings.keys[index].take()) else { continue };
                // The epoch first: whoever acquires from now on for the old key looks again, and waits for the lock.
                let unused = slot.last_used.get() == last_used;
                let epoch = if unused { slot.epoch.raise() } else { slot.epoch.get() };
                if unused && slot.breaker.restart_if_closed() {
                    self.places.pin().remove(&key);
                    self.evicted.increment();
                    evicted.push(key);
                    return Some(index);
                }
                self.places.pin().update(key.clone(), |place| Place { epoch, ..place.clone() });
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

/// What was counted by a slot before its key had it.
#[derive(Default)]
pub(super) struct SlotPast {
    totals: Totals,
    name: Option<Name>,
}

/// A breaker in a slot.
impl CircuitBreaker {
    /// A breaker like this one, for a key.
    fn slot(&self) -> Self {
        let trip_if = *crate::sync::read(&self.trip_if);
        let mut slot = Self::new(self.name().clone(), &self.settings(), trip_if, Arc::clone(&self.bus));
        slot.past = Some(Box::default());
        if self.teeth.is_in_registry() {
            slot.teeth.enter_registry();
        }
        slot
    }

    fn begin_for_key(&self, name: Name, family: &CircuitBreaker) -> Option<Change> {
        if let Some(past) = &self.past {
            let mut past = locked(past);
            past.totals = self.counted();
            past.name = Some(name);
        }
        self.follow(family)
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

    pub(super) fn slot_name(&self) -> Option<Name> {
        let past = self.past.as_ref()?;
        locked(past).name.clone()
    }

    /// Without the calls of keys that had this slot before.
    pub(super) fn without_past(&self, counted: Totals) -> Totals {
        match &self.past {
            Some(past) => counted.since(&locked(past).totals),
            None => counted,
        }
    }
}

#[cfg(all(test, not(resilience_loom)))]
mod tests {
    use super::*;
    #[test]
    fn slots_lie_in_chunks_one_after_the_other() {
        let located: Vec<_> = (0..7).map(Slots::locate).collect();
        assert_eq!(located, [(0, 0), (1, 0), (1, 1), (2, 0), (2, 1), (2, 2), (2, 3)]);
        assert!(Slots::locate(999_999).0 < Slots::CHUNKS);
    }

    #[test]
    fn a_long_key_is_cut_and_told_apart_by_its_hash() {
        let print = |key: &str| Key::print(key).text().to_owned();
        assert_eq!(print("warehouse 7"), "warehouse 7");
        let exactly = "x".repeat(KEY_BYTES);
        assert_eq!(print(&exactly), exactly);
        let (one, other) = (format!("{exactly}1"), format!("{exactly}2"));
        assert_ne!(print(&one), print(&other));
        assert_eq!(print(&one), print(&one));
        assert_eq!(print(&one).len(), KEY_BYTES);
        assert!(print(&"ü€".repeat(40)).len() <= KEY_BYTES);
        assert_ne!(print(&format!("{}{}", "x".repeat(63), "€a")), print(&format!("{}{}", "x".repeat(63), "€b")));
    }
}
