//! One breaker a key: "payment" for warehouse 7, and another for warehouse 8.
//!
//! A key's breaker may be given to another key while it is closed and no call of it is under way.
//!
//! Where none is closed, new keys share the named breaker itself (the overflow breaker), which lets pass what it would reject.

use super::admission::Refused;
use super::breaker::CircuitBreaker;
use super::clock::Present;
use super::judging::Admitted;
use super::permit::Permit;
use super::state::{Phase, Word};
use super::totals::Totals;
use crate::error::{Failure, Rejection};
use crate::event::{Topic, Turn};
use crate::keyed::{ByKey, Idle, Keyed, OfKeys};
use crate::kind::Kind;
use crate::name::{Key, PolicyKey};
use crate::outcome::Outcome;
use crate::time;
use crate::verdict::Verdict;
use crate::window::Shard;
use resilience_config::CircuitBreakerConfig;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

impl CircuitBreaker {
    /// The breaker of one key, shown as `name[key]`, under the same settings as this one: made when the key is first called, at most `max_keys` of them.
    ///
    /// What is done by hand to this breaker is done to each of them. Its own totals are the sums over all keys, those evicted included.
    ///
    /// When `max_keys` are held, a new key gets the breaker of one that is closed and has no call under way: of those without a failure in their windows, or else of all
    /// of them, the longest unused one among the 16 or more that are looked at. Where none of 1,040 is such a one, the new key shares the overflow breaker, whose state is that of this one, and
    /// is told in the snapshot's [`keys`](crate::KeyCounts). That breaker monitors and never rejects, unless it is forced open: a few failing keys must not reject every new one.
    ///
    /// A key keeps its breaker while a call is known to be under way: while a permit is out, a stream is read, or a call that is made through an attribute or [`call`](Keyed::call) waits. What
    /// such a call comes to before it has waited is its key's too: where that has lost its breaker meanwhile, it goes to the one that the key has then, or gets.
    /// A probe keeps its breaker by keeping it half-open; one that is still out when the breaker has closed comes too late anyway.
    ///
    /// A key takes about one and a half kibibytes and its own length, 64 bytes for each core beyond two, and once it has failed half a kibibyte more.
    ///
    /// The key is a value that is `Display`, or a tuple of such values. It is printed once and compared as a whole. Up to 64 bytes of it need no allocation; one
    /// that is longer than 1 KiB shares the overflow breaker.
    ///
    /// ```
    /// # use resilience_runtime::{CircuitBreaker, State};
    /// let stock = CircuitBreaker::builder("stock").consecutive_failures(1).build()?;
    /// stock.keyed(("acme", 7)).try_acquire()?.failure();
    /// assert!(stock.keyed(("acme", 7)).try_acquire().is_err());
    /// assert!(stock.keyed(("acme", 8)).try_acquire().is_ok());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn keyed<Fit>(&self, key: impl PolicyKey<Fit>) -> Keyed<'_, Self> {
        Keyed::new(self, &key)
    }

    /// The breaker that a key has now. It is this key's while a call that it let through is under way, and may be another key's later: see [`key`](Self::key).
    pub fn of_key<Fit>(&self, key: impl PolicyKey<Fit>) -> Option<Arc<Self>> {
        self.of_keys.find(&key)
    }

    /// The breakers of all keys, by key; empty without keys.
    pub fn of_keys(&self) -> Vec<Arc<Self>> {
        self.of_keys.held()
    }

    /// Of a key's breaker: which. It changes when the breaker is given to another key.
    pub fn key(&self) -> Option<Key> {
        self.of_keys.key()
    }

    /// As the breaker that keys share which have none of their own: what it would reject passes, unless somebody has forced it open.
    #[cold]
    #[inline(never)]
    pub(super) fn admit_overflow(&self) -> Result<Permit<'_>, Rejection> {
        match self.admit(Present) {
            Err(Refused { retry_after_millis: Some(_), .. }) => {
                self.count_would_reject();
                Ok(Permit::new(self, Admitted::Unjudged, 0))
            }
            admitted => admitted.map_err(Rejection::from),
        }
    }
}

impl<'a> Keyed<'a, CircuitBreaker> {
    /// As [`CircuitBreaker::try_acquire`], for this key.
    ///
    /// # Errors
    ///
    /// [`Rejection::CircuitOpen`] while this key's breaker lets nothing through.
    #[inline(always)]
    pub fn try_acquire(&self) -> Result<Permit<'a>, Rejection> {
        self.acquired().map(|(_, permit)| permit)
    }

    /// With the key's breaker; nothing where it shares one. Inlined, so that the permit is made where it is wanted, and by reference, so that the key stays where it was printed.
    #[inline(always)]
    pub(super) fn acquired(&self) -> Result<(Option<&'a Arc<CircuitBreaker>>, Permit<'a>), Rejection> {
        match self.ask(|breaker| breaker.admit_known(Present), CircuitBreaker::take_back) {
            Some((of_key, Ok(permit))) => Ok((Some(of_key.instance()), permit)),
            Some((of_key, Err(refused))) => Err(self.rejected(of_key.instance(), refused)),
            None => self.family.admit_overflow().map(|permit| (None, permit)),
        }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn rejected(&self, breaker: &CircuitBreaker, refused: Refused<'_>) -> Rejection {
        breaker.count_rejection(Shard::if_taken());
        let mut rejection = refused.rejection();
        if let Rejection::CircuitOpen { key, .. } = &mut rejection {
            *key = self.kept_key();
        }
        let family = self.family;
        if family.emitter.wants(Topic::Rejected) {
            family.emitter.send_rejected(Kind::CircuitBreaker, &rejection, breaker.generation());
        }
        rejection
    }

    /// As [`CircuitBreaker::call`], for this key.
    ///
    /// # Errors
    ///
    /// The call's own error, or the rejection.
    pub async fn call<T, E>(self, call: impl Future<Output = Result<T, E>>) -> Result<T, Failure<E>> {
        self.call_judged(call, |_| Outcome::Failure).await
    }

    /// As [`CircuitBreaker::call_judged`], for this key.
    ///
    /// # Errors
    ///
    /// The call's own error, or the rejection.
    pub async fn call_judged<T, E>(
        self,
        call: impl Future<Output = Result<T, E>>,
        judge: impl FnOnce(&E) -> Outcome,
    ) -> Result<T, Failure<E>> {
        let mut permit = self.admitted().map_err(Failure::Rejected)?;
        let result = permit.watch(pin!(call)).await;
        permit.record(result.as_ref().map_or_else(judge, |_| Outcome::Success));
        result.map_err(Failure::Call)
    }

    /// As [`CircuitBreaker::call_classified`], for this key.
    ///
    /// # Errors
    ///
    /// The call's own error, or the rejection.
    pub async fn call_classified<T, E>(
        self,
        call: impl Future<Output = Result<T, E>>,
        classify: impl Fn(Result<&T, &E>) -> Verdict,
    ) -> Result<T, Failure<E>> {
        let mut permit = self.admitted().map_err(Failure::Rejected)?;
        let result = permit.watch(pin!(call)).await;
        permit.record_verdict(classify(result.as_ref()));
        result.map_err(Failure::Call)
    }
}

impl ByKey for CircuitBreaker {
    type Counted = Totals;

    fn by_key(&self) -> &OfKeys<Self> {
        &self.of_keys
    }

    fn max_keys(&self) -> u32 {
        self.settings.get().max_keys
    }

    fn like_this(&self) -> Self {
        let (settings, now) = (self.settings.get(), time::precise_millis());
        let latency = settings.latency;
        let mut slot = Self::new_at(self.name().clone(), settings, self.trip_if, self.emitter.clone(), now);
        slot.of_keys = OfKeys::of_an_instance();
        if latency {
            slot.times.begin(&self.times);
        }
        slot
    }

    fn counted(&self) -> Totals {
        self.counted()
    }

    fn follow(&self, turn: &mut Turn<'_>, all: &Self) {
        self.follow_all(turn, all);
    }

    fn put_for_key(&self, turn: &mut Turn<'_>, keys: Option<CircuitBreakerConfig>, all: &Self) -> u64 {
        let settings = keys.map_or_else(|| all.settings.get(), |keys| Arc::new(keys.resolve()));
        self.put_alone(turn, &settings, all);
        0
    }

    /// A closed one of which no call is known to be under way; with it the failures in its window are forgotten.
    fn idle(&self, now: u64) -> Option<Idle> {
        let word = self.word.load();
        let has_failures = || self.window.counts(word.closed_generation(), now).failures > 0;
        (word.phase() == Phase::Closed && !self.in_flight.is_any())
            .then(|| Idle { is_missed: has_failures(), since: word.since(now) })
    }

    fn begin_anew(&self, now: u64) -> bool {
        let word = self.word.load();
        let anew = Word::closed(word.entering(now), word.monitored());
        let may_begin = word.phase() == Phase::Closed && self.in_flight.is_none_for_all();
        let has_begun = may_begin && self.word.exchange(word, anew);
        if has_begun {
            self.cold.forget_error();
        }
        has_begun
    }

    fn is_not_closed(&self) -> bool {
        !matches!(self.word.load().phase(), Phase::Closed | Phase::Disabled)
    }
}
