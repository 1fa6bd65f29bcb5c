//! Who gets a slot and who loses one, and how a call finds the instance of its key.

use super::slots::{Candidate, Keys, Slot, Takings, Tenure};
use crate::event::{Event, Runs, Topic, Turn};
#[cfg(feature = "config")]
use crate::name::Name;
use crate::name::{FoundKey, Key, MeantKey, PolicyKey, PrintedKey};
use crate::overlay::{KeyLine, KeyLines};
use crate::policy::Policy;
use crate::sync::locked;
use crate::time::{Timestamp, coarse_millis, precise_millis};
use once_cell::sync::OnceCell;
#[cfg(feature = "config")]
use resilience_config::Configurable;
use std::sync::{Arc, Mutex};

/// Slots that are looked at for a new key at once.
const LOOKED_AT: usize = 16;
/// Where none of those is idle, more are looked at: as many as new keys before have saved, [`LOOKED_AT`] each, and at most so many.
const MOST_SAVED: usize = 1024;
/// Of those, the ones that are kept for the next keys.
const KEPT: usize = 4;

/// A policy of which each key can have an instance of its own.
pub trait ByKey: Policy {
    /// What an instance counts.
    type Counted: Sums + Send;

    fn by_key(&self) -> &OfKeys<Self>;

    fn max_keys(&self) -> u32;

    /// Another one like this.
    fn like_this(&self) -> Self;

    /// All that it has counted, for whichever keys.
    fn counted(&self) -> Self::Counted;

    /// Everything that was done to all keys holds for this one, which another key gets now.
    fn follow(&self, _: &mut Turn<'_>, _all: &Self) {}

    /// Puts these settings in force for the key that has it, or those of all keys; for how many of those who wait there is room then.
    fn put_for_key(&self, turn: &mut Turn<'_>, keys: Option<Self::Keys>, all: &Self) -> u64;

    /// Whether it may be given to another key.
    fn idle(&self, now: u64) -> Option<Idle>;

    /// Begins anew for another key, unless it is not idle. In a way that whoever asks it from then on sees what was done before: that the slot has
    /// another epoch.
    fn begin_anew(&self, now: u64) -> bool;

    /// Whether it does not let everybody pass who comes now.
    fn is_not_closed(&self) -> bool;
}

/// What only grows, and can be added up.
pub trait Sums: Copy + Default {
    /// Number by number.
    fn pair(&self, other: &Self, with: impl Fn(u64, u64) -> u64) -> Self;

    /// As far as they are told one by one.
    fn runs(&self, evicted: u64) -> Runs;

    /// The sum of both.
    fn and(&self, other: &Self) -> Self {
        self.pair(other, |a, b| a + b)
    }

    /// What was counted since `earlier`.
    fn since(&self, earlier: &Self) -> Self {
        self.pair(earlier, u64::saturating_sub)
    }
}

/// What a policy has counted itself; of an instance, for the key that has it.
pub(crate) fn own<P: ByKey>(policy: &P) -> P::Counted {
    match policy.by_key().past() {
        Some(past) => policy.counted().since(&past),
        None => policy.counted(),
    }
}

/// All that a policy has counted: with keys, the sum over all that it ever had.
pub(crate) fn totals<P: ByKey>(policy: &P) -> P::Counted {
    let mut totals = own(policy);
    policy.by_key().for_each_instance(|instance| totals = totals.and(&instance.counted()));
    totals
}

/// The same, as far as it is told one by one.
pub(crate) fn runs<P: ByKey>(policy: &P) -> Runs {
    totals(policy).runs(policy.by_key().evicted())
}

/// As [`runs`], where the policy can say so without waiting for anybody: with keys, the sum over all of them is known only to whoever waits for the lock.
pub(crate) fn runs_alone<P: ByKey>(policy: &P) -> Option<Runs> {
    let of_keys = policy.by_key();
    (!of_keys.is_of_an_instance() && !of_keys.has_instances()).then(|| policy.counted().runs(0))
}

/// An instance that may be given to another key.
#[derive(Debug)]
pub struct Idle {
    /// Something would be forgotten with its key.
    pub(crate) is_missed: bool,
    /// Since when it is idle, or 0: no slot is taken again and again.
    pub(crate) since: u64,
}

/// The instances of a policy's keys, once it was called with one; of an instance, whose it is.
pub struct OfKeys<P: ByKey> {
    keys: OnceCell<Box<Keys<P>>>,
    /// Of an instance that belongs to a key: which, and what it had counted for the keys before.
    past: Option<Box<Mutex<SlotPast<P::Counted>>>>,
}

/// What was counted by a slot before its key had it.
struct SlotPast<C> {
    counted: C,
    key: Option<Key>,
    /// A file has lines of this key's own.
    has_line: bool,
}

/// How many keys a policy holds. Of a policy that was called with keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct KeyCounts {
    /// Keys that have an instance of their own.
    pub held: u64,
    /// Of those, the ones that do not let everybody pass. Of a circuit breaker: that are open, half-open or forced open, or would be if they did not only monitor.
    /// Of a bulkhead: that are full. Of a rate limiter: that have no turn now.
    pub not_closed: u64,
    /// Keys that lost theirs to another one.
    pub evicted: u64,
    /// Calls of keys without one: `max_keys` were held and none of those that were looked at was idle, or the key was longer than 1 KiB. Such keys share a
    /// breaker that rejects nothing, a bulkhead, or 64 rate limiters.
    pub overflowed: u64,
}

/// The instance of one key, such as [`CircuitBreaker::keyed`](crate::CircuitBreaker::keyed) gives it.
#[must_use = "it is there to be called through"]
pub struct Keyed<'a, P> {
    pub(crate) family: &'a P,
    pub(crate) key: PrintedKey,
}

impl<'a, P: ByKey> Keyed<'a, P> {
    /// Printed in its place: what was written word by word a moment ago, and is copied in larger pieces, makes a processor wait.
    #[inline(always)]
    pub(crate) fn new<Fit>(family: &'a P, key: &(impl PolicyKey<Fit> + ?Sized)) -> Self {
        let mut keyed = Self::unprinted(family);
        keyed.print(key);
        keyed
    }

    #[inline(always)]
    pub(crate) fn print<Fit>(&mut self, key: &(impl PolicyKey<Fit> + ?Sized)) {
        key.print(&mut self.key);
    }

    /// Of a key that is printed into it later, and stays where it was printed.
    #[inline(always)]
    pub(crate) fn unprinted(family: &'a P) -> Self {
        Self { family, key: PrintedKey::new() }
    }

    /// What `ask` gets of the key's instance, which is used now, and that; `undo` takes it back from one that was given to another key meanwhile. Nothing, where the key
    /// has to share an instance with others.
    #[inline(always)]
    pub(crate) fn ask<T>(&self, ask: impl Fn(&'a P) -> T, undo: impl Fn(&'a P, T)) -> Option<(Tenure<'a, P>, T)> {
        // Before it is asked, which may take an instruction that nothing is done beside.
        self.asked(|of_key| of_key.used_at(coarse_millis()), ask, undo)
    }

    /// As [`ask`](Self::ask), and leaves it to the caller to say when the instance was used.
    #[inline(always)]
    pub(crate) fn ask_for_now<T>(
        &self,
        ask: impl Fn(&'a P) -> T,
        undo: impl Fn(&'a P, T),
    ) -> Option<(Tenure<'a, P>, T)> {
        self.asked(|_| (), ask, undo)
    }

    #[inline(always)]
    fn asked<T>(
        &self,
        found: impl Fn(&Tenure<'a, P>),
        ask: impl Fn(&'a P) -> T,
        undo: impl Fn(&'a P, T),
    ) -> Option<(Tenure<'a, P>, T)> {
        loop {
            let (slot, epoch) = self.slot()?;
            let tenure = slot.in_epoch(epoch);
            found(&tenure);
            if let Some(asked) = slot.ask(epoch, &ask, &undo) {
                return Some((tenure, asked));
            }
        }
    }

    /// The key's slot, and the epoch in which it is the key's.
    #[inline(never)]
    fn slot(&self) -> Option<(&'a Slot<P>, u64)> {
        let keys = self.family.by_key().keys();
        let found = match self.key.in_a_word() {
            Some(key) => keys.find_word(key),
            None => self.find_whole(keys),
        };
        match found {
            Some(found) => Some(found),
            None => self.given_slot(keys),
        }
    }

    /// Of a key that is longer than a word. Not inlined: in the frame that it takes one of a word would be slower.
    #[inline(never)]
    fn find_whole(&self, keys: &'a Keys<P>) -> Option<(&'a Slot<P>, u64)> {
        keys.find(self.key.found()?)
    }

    #[cold]
    fn given_slot(&self, keys: &'a Keys<P>) -> Option<(&'a Slot<P>, u64)> {
        if let Some(key) = self.key.found() {
            while keys.give_slot(self.family, key) {
                if let Some(found) = keys.find(key) {
                    return Some(found);
                }
            }
        }
        keys.overflowed.increment();
        None
    }

    /// The key, for a rejection.
    pub(crate) fn kept_key(&self) -> Option<Key> {
        let key = self.key.found()?;
        let slot = self.family.by_key().keys().find(key);
        // Without one it was given to another key meanwhile, and so it may be by now.
        Some(slot.and_then(|(slot, _)| slot.key()).filter(|held| key.is(held)).unwrap_or_else(|| key.to_key()))
    }
}

impl<P: ByKey> OfKeys<P> {
    pub(crate) fn new() -> Self {
        Self { keys: OnceCell::new(), past: None }
    }

    /// Of an instance for a key.
    pub(crate) fn of_an_instance() -> Self {
        let past = SlotPast { counted: P::Counted::default(), key: None, has_line: false };
        Self { keys: OnceCell::new(), past: Some(Box::new(Mutex::new(past))) }
    }

    pub(crate) fn keys(&self) -> &Keys<P> {
        self.keys.get_or_init(|| Box::new(Keys::new()))
    }

    /// Whether it belongs to an instance of a key.
    pub(crate) fn is_of_an_instance(&self) -> bool {
        self.past.is_some()
    }

    /// Whether it has instances.
    pub(crate) fn has_instances(&self) -> bool {
        self.keys.get().is_some()
    }

    /// Of an instance: which key has it. It changes when it is given to another one.
    pub(crate) fn key(&self) -> Option<Key> {
        let past = self.past.as_ref()?;
        locked(past).key.clone()
    }

    /// Of an instance: what it had counted when its key got it.
    fn past(&self) -> Option<P::Counted> {
        self.past.as_ref().map(|past| locked(past).counted)
    }

    /// That of the key that is meant: the value itself, or a text as it is shown.
    pub(crate) fn find<Fit>(&self, key: &impl PolicyKey<Fit>) -> Option<Arc<P>> {
        let keys = self.keys.get()?;
        let printed = PrintedKey::print(key);
        if let Some((slot, _)) = keys.find(printed.found()?) {
            return Some(Arc::clone(&slot.instance));
        }
        let meant = MeantKey::of(&printed);
        let slot = keys.slots.all().find(|slot| slot.key().is_some_and(|key| meant.is(&key)))?;
        Some(Arc::clone(&slot.instance))
    }

    /// Those of all keys, by key.
    pub(crate) fn held(&self) -> Vec<Arc<P>> {
        let Some(keys) = self.keys.get() else { return Vec::new() };
        let mut held: Vec<_> = keys.slots.all().filter_map(|slot| Some((slot.key()?, slot))).collect();
        held.sort_by(|a, b| a.0.cmp(&b.0));
        // One that was given another slot meanwhile.
        held.dedup_by(|a, b| a.0 == b.0);
        held.into_iter().map(|(_, slot)| Arc::clone(&slot.instance)).collect()
    }

    pub(crate) fn counts(&self) -> Option<KeyCounts> {
        let keys = self.keys.get()?;
        let (evicted, overflowed) = (keys.evicted.get(), keys.overflowed.get());
        let mut counts = KeyCounts { held: 0, not_closed: 0, evicted, overflowed };
        for slot in keys.slots.all().filter(|slot| slot.is_held()) {
            counts.held += 1;
            counts.not_closed += u64::from(slot.instance.is_not_closed());
        }
        Some(counts)
    }

    /// Keys that lost their instance to another one.
    pub(crate) fn evicted(&self) -> u64 {
        self.keys.get().map_or(0, |keys| keys.evicted.get())
    }

    /// For whatever is asked of all keys at once: every slot, held or not.
    pub(crate) fn for_each_instance(&self, mut act: impl FnMut(&P)) {
        if let Some(keys) = self.keys.get() {
            // No key is given a slot meanwhile, so that none is passed over.
            let takings = keys.takings();
            (0..takings.slots).filter_map(|slot| keys.slots.get(slot)).for_each(|slot| act(&slot.instance));
        }
    }

    /// As there are now, slot by slot, for whatever tells somebody of it, which nobody does under a lock.
    pub(crate) fn instances_now(&self) -> Vec<Arc<P>> {
        let Some(keys) = self.keys.get() else { return Vec::new() };
        let slots = keys.takings().slots;
        (0..slots).filter_map(|slot| keys.slots.get(slot)).map(|slot| Arc::clone(&slot.instance)).collect()
    }

    /// What a file says of single keys, from the beginning.
    pub(crate) fn begin_with(&self, lines: KeyLines<P::Keys>) {
        if !lines.is_empty() {
            self.keys().replace_lines(lines);
        }
    }

    /// Puts something in force in the instances of all keys but those of which a file has lines of their own. What comes of each, slot by slot.
    pub(crate) fn put_all<R: Default>(&self, mut put: impl FnMut(&P) -> R) -> Vec<R> {
        let has_line = |instance: &P| instance.by_key().past.as_ref().is_some_and(|past| locked(past).has_line);
        let instances = self.instances_now();
        instances.iter().map(|instance| if has_line(instance) { R::default() } else { put(instance) }).collect()
    }

    /// What a file says of single keys, in place of what it said before.
    #[cfg(feature = "config")]
    pub(crate) fn put_lines(
        &self,
        family: &P,
        lines: KeyLines<P::Keys>,
        source: &Name,
        turn: &mut Turn<'_>,
    ) -> Vec<u64> {
        if lines.is_empty() && self.keys.get().is_none_or(|keys| keys.lines().is_empty()) {
            return Vec::new();
        }
        let lines_before = self.keys().replace_lines(lines.clone());
        let mut room = vec![0];
        room.extend(self.instances_now().iter().map(|instance| {
            let Some(key) = instance.by_key().key() else { return 0 };
            let shown = key.to_string();
            let (was, is) = (lines_before.get(&shown), lines.get(&shown));
            if was == is {
                return 0;
            }
            let (before, next) =
                (instance.in_force(), is.map_or_else(|| family.in_force(), |line| line.keys.settings()));
            let forced = |line: Option<&KeyLine<P::Keys>>| line.and_then(|line| line.force_open);
            let changed = P::Keys::KEYS.iter().filter(|key| key.show.is_some_and(|show| show(&before) != show(&next)));
            let keys = changed.map(|key| key.name).chain((forced(was) != forced(is)).then_some("force_open")).collect();
            turn.push(Topic::Reconfigured, instance.generation(), |order| Event::Reconfigured {
                kind: P::KIND,
                name: family.name().clone(),
                key: Some(key),
                keys,
                source: Some(source.clone()),
                by: None,
                at: Timestamp::now(),
                order,
            });
            let room = instance.hold(turn, is, family);
            if forced(was) == Some(true) && forced(is).is_none() {
                instance.set_forced_open(false, turn);
            }
            room
        }));
        room
    }

    /// The instance of this key, which is given one where it has none, in a turn; whether it is new. Nothing where there is none left for it.
    #[cfg(feature = "persistence")]
    pub(crate) fn give(&self, turn: &mut Turn<'_>, family: &P, key: &PrintedKey) -> Option<(Arc<P>, bool)> {
        let (keys, key) = (self.keys(), key.found()?);
        let is_new = keys.find(key).is_none();
        if is_new && !keys.give_slot_in(turn, family, key) {
            return None;
        }
        keys.find(key).map(|(slot, _)| (Arc::clone(&slot.instance), is_new))
    }
}

impl<P: ByKey> Keys<P> {
    /// Makes sure that the key has a slot, unless all are held and none is idle.
    fn give_slot(&self, family: &P, key: FoundKey<'_>) -> bool {
        let mut turn = family.emitter().turn();
        let given = self.give_slot_in(&mut turn, family, key);
        turn.end(|| runs_alone(family)).tell();
        given
    }

    /// In a turn, and therefore not while something is done to all keys.
    fn give_slot_in(&self, turn: &mut Turn<'_>, family: &P, found: FoundKey<'_>) -> bool {
        let mut takings = self.takings();
        if self.find(found).is_some() {
            return true;
        }
        takings.saved = (takings.saved + LOOKED_AT).min(MOST_SAVED);
        let most = usize::try_from(family.max_keys()).unwrap_or(usize::MAX);
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
        let (key, tag) = (found.to_key(), self.tag(found));
        let slot = match self.slots.get(index) {
            Some(slot) => slot,
            None => {
                takings.slots += 1;
                takings.tags.push(None);
                takings.given.push(0);
                self.index.grow(takings.slots);
                self.slots.put(index, Slot::new(Arc::new(family.like_this())))
            }
        };
        let mut had_line = false;
        if let Some(past) = &slot.instance.by_key().past {
            let counted = slot.instance.counted();
            let before = SlotPast { counted, key: Some(key.clone()), has_line: false };
            had_line = std::mem::replace(&mut *locked(past), before).has_line;
        }
        slot.instance.follow(turn, family);
        let lines = self.lines();
        let line = if lines.is_empty() { None } else { lines.get(&key.to_string()) };
        if had_line || line.is_some() {
            slot.instance.hold(turn, line, family);
        }
        slot.last_used.set(coarse_millis());
        takings.tags[index] = Some(tag);
        takings.givings += 1;
        takings.given[index] = takings.givings;
        slot.give(found, key);
        // SAFETY: slots are never freed nor moved before all that is here.
        #[allow(unsafe_code)]
        unsafe {
            self.index.insert(tag, slot);
        }
        true
    }

    /// Takes the slot of an idle instance from its key.
    fn evict(&self, turn: &mut Turn<'_>, family: &P, takings: &mut Takings) -> Option<usize> {
        // Those that were found before, and then what is found in one look after the other, until all were looked at.
        let mut looked_at = 0;
        loop {
            while let Some(Candidate { last_used, slot: index, .. }) = takings.candidates.pop() {
                let (Some(slot), Some(tag)) = (self.slots.get(index), takings.tags[index]) else { continue };
                let (key, is_unused) = (slot.key(), slot.last_used.get() == last_used);
                // Whoever looks for the key from now on finds none, and waits for the lock.
                if !is_unused || !slot.take(|instance| instance.begin_anew(precise_millis())) {
                    continue;
                }
                takings.tags[index] = None;
                self.index.remove(tag, slot);
                self.evicted.increment();
                if let Some(key) = key {
                    turn.push(Topic::Evicted, slot.instance.generation(), |order| Event::Evicted {
                        kind: P::KIND,
                        name: family.name().clone(),
                        key,
                        at: Timestamp::now(),
                        order,
                    });
                }
                return Some(index);
            }
            if looked_at >= takings.slots || looked_at > 0 && takings.saved < LOOKED_AT {
                return None;
            }
            if looked_at > 0 {
                takings.saved -= LOOKED_AT;
            }
            self.look_for_candidates(takings);
            looked_at += LOOKED_AT;
        }
    }

    /// Looks at the next few slots, and keeps the best of those that are idle. So no new key has to look at many.
    fn look_for_candidates(&self, takings: &mut Takings) {
        let now = precise_millis();
        let looked_at = takings.slots.min(LOOKED_AT);
        let next = (0..looked_at).map(|nth| (takings.hand + nth) % takings.slots);
        let mut idle: Vec<_> = next
            .filter(|&index| takings.tags[index].is_some())
            .filter_map(|index| {
                let slot = self.slots.get(index)?;
                let last_used = slot.last_used.get();
                let Idle { is_missed, since } = slot.instance.idle(now)?;
                Some(Candidate { is_missed, last_used, since, given: takings.given[index], slot: index })
            })
            .collect();
        takings.hand = (takings.hand + looked_at) % takings.slots.max(1);
        // The best last.
        idle.sort_unstable_by(|a, b| b.cmp(a));
        takings.candidates = idle.split_off(idle.len().saturating_sub(KEPT));
    }
}

/// What a file says of the key of an instance.
trait Hold: ByKey {
    /// Has that hold, or else what holds for all keys; for how many of those who wait there is room then.
    fn hold(&self, turn: &mut Turn<'_>, line: Option<&KeyLine<Self::Keys>>, all: &Self) -> u64 {
        if let Some(past) = &self.by_key().past {
            locked(past).has_line = line.is_some();
        }
        let room = self.put_for_key(turn, line.map(|line| line.keys), all);
        if let Some(forced) = line.and_then(|line| line.force_open) {
            self.set_forced_open(forced, turn);
        }
        room
    }
}

impl<P: ByKey> Hold for P {}

impl<P: ByKey> std::fmt::Debug for OfKeys<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OfKeys").field("key", &self.key()).finish_non_exhaustive()
    }
}
