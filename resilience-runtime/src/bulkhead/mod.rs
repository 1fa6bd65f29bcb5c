//! The bulkhead.
//!
//! What it does is told at [`Bulkhead`].
//!
//! # Where things are
//!
//! `state` is the atomic word and its steps, with the argument for the orderings; `gate` the word together with the `line` of those who
//! wait, which is tokio's semaphore, and with those who left `aside` of the word while nobody had to wait; `keyed` is one bulkhead a key; `owned` are places that borrow nothing; `recursion` finds calls that wait for
//! themselves.

mod aside;
mod builder;
mod gate;
mod keyed;
mod line;
mod owned;
mod recursion;
mod state;

#[cfg(all(test, resilience_loom))]
mod models;

pub use builder::BulkheadBuilder;
pub use owned::OwnedPlace;
pub(crate) use recursion::HeldCall;

use crate::barrier;
use crate::error::{Failure, Rejection};
use crate::event::{Emitter, Runs, Topic, Turn};
use crate::keyed::{KeyCounts, OfKeys, Sums, runs, totals};
use crate::kind::Kind;
use crate::name::{Key, Name};
use crate::next_call::NextCall;
use crate::overlay::{KeyLines, Setting};
use crate::policy::{Definition, Policy, Room};
use crate::settings::{HotWords, Settings};
use crate::sync::Count;
use crate::time::{Timestamp, nanos};
use crate::window::{Shard, Total};
use gate::{Arrival, Gate};
use resilience_config::{BulkheadConfig, BulkheadSettings, ConfigError};
use state::GateWord;
use std::convert::Infallible;
use std::future::Future;
use std::mem::ManuallyDrop;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Lets so many calls in at once, so that one slow dependency cannot take everything there is.
///
/// A caller that finds a place free takes it. Otherwise it waits in the queue, if that has a place, for at most `max_wait`; first come,
/// first served. Who is inside leaves by dropping its [`Place`], which hands it to the first who waits. A waiter that is dropped leaves the
/// queue, and a place that was already handed to it goes on to the next.
///
/// # Bounds
///
/// At most `max_concurrent` [`Place`]s exist at any moment, those included that were handed to waiters who have not run yet. At most
/// `max_queue` callers wait; those who come then are rejected at once and counted. Both are exact on any number of threads. After
/// [`reconfigure`](Self::reconfigure) has lowered the limit, nobody is let in before fewer are inside than the new one.
///
/// Waiting allocates nothing. A `max_wait` wants tokio's timer in the runtime; without one, any executor will do.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use resilience_runtime::Bulkhead;
///
/// let bulkhead = Bulkhead::builder("reports").max_concurrent(1).build()?;
/// let place = bulkhead.try_acquire()?;
/// assert_eq!(bulkhead.try_acquire().unwrap_err().to_string(), "bulkhead `reports` is full");
/// drop(place);
/// assert_eq!(bulkhead.call(async { Ok::<_, String>(7) }).await, Ok(7));
/// # Ok(()) }
/// ```
pub struct Bulkhead {
    gate: Gate<Semaphore>,
    /// Calls that were let in, and those that were rejected at once.
    admitted: Total,
    timed_out: Count,
    settings: Settings<BulkheadSettings, 2>,
    name: Name,
    built: Timestamp,
    emitter: Emitter,
    of_keys: OfKeys<Self>,
}

/// What a bulkhead counts for good.
#[derive(Clone, Copy, Debug, Default)]
pub struct BulkheadCounts {
    admitted: u64,
    rejected: u64,
    timed_out: u64,
}

impl Sums for BulkheadCounts {
    fn pair(&self, other: &Self, with: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            admitted: with(self.admitted, other.admitted),
            rejected: with(self.rejected, other.rejected),
            timed_out: with(self.timed_out, other.timed_out),
        }
    }

    fn runs(&self, evicted: u64) -> Runs {
        Runs { rejected: self.rejected + self.timed_out, evicted, ..Runs::default() }
    }
}

/// The right to make one call inside a [`Bulkhead`]; dropped, it goes to the next.
#[derive(Debug)]
#[must_use = "dropped at once, it lets the next one in"]
pub struct Place<'b> {
    /// None where the bulkhead was turned off.
    bulkhead: Option<&'b Bulkhead>,
}

impl Place<'_> {
    /// Runs the call inside, and tells of it where it waits for the bulkhead in which it is.
    #[doc(hidden)]
    #[inline]
    pub fn watch<'p, F: Future>(&'p self, body: Pin<&'p mut F>) -> HeldCall<'p, F> {
        HeldCall::new(Some(self), body)
    }

    /// The same of what is polled inside: it is about to be.
    #[inline(always)]
    pub(crate) fn polls(&self) -> usize {
        recursion::times()
    }

    /// As dropping it does, which the compiler might leave out of line.
    #[inline(always)]
    pub(crate) fn end(self) {
        ManuallyDrop::new(self).leave();
    }

    #[inline(always)]
    fn leave(&self) {
        if let Some(bulkhead) = self.bulkhead {
            bulkhead.gate.leave(Shard::if_taken());
        }
    }

    /// What was polled inside since then waits.
    #[inline(always)]
    pub(crate) fn waits(&self, since: usize) {
        recursion::waits(self.bulkhead, since);
    }
}

impl Drop for Place<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.leave();
    }
}

/// A call for which no place is free. It counts when a rejection is made of it.
#[derive(Clone, Copy, Debug)]
#[must_use = "a call that is rejected counts as rejected"]
pub struct NoPlace<'b>(&'b Bulkhead);

impl From<NoPlace<'_>> for Rejection {
    #[inline(always)]
    fn from(NoPlace(bulkhead): NoPlace<'_>) -> Self {
        bulkhead.reject(|| bulkhead.admitted.reject(), None)
    }
}

/// The word that says how many may wait.
const MAX_QUEUE: usize = 0;
/// The word that says for how many nanoseconds; 0 is without end.
const QUEUE_TIMEOUT: usize = 1;

impl HotWords<2> for BulkheadSettings {
    fn words(&self) -> [u64; 2] {
        [u64::from(self.max_queue), self.max_wait.map_or(0, nanos)]
    }
}

/// As the gate knows it: none where the bulkhead is not enabled.
fn limit(settings: &BulkheadSettings) -> u32 {
    if settings.enabled { settings.max_concurrent } else { 0 }
}

/// A caller in the queue.
struct Queued<'b>(&'b Bulkhead);

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.0.gate.abandon();
    }
}

impl Bulkhead {
    /// A bulkhead of that name, to be configured with the keys of the attribute.
    pub fn builder(name: impl Into<Name>) -> BulkheadBuilder {
        BulkheadBuilder::new(name.into())
    }

    /// The name, as rejections and snapshots give it.
    pub fn name(&self) -> Name {
        self.name.clone()
    }

    /// A place, if one is free and nobody waits for it.
    ///
    /// # Errors
    ///
    /// [`Rejection::BulkheadFull`] otherwise.
    #[inline(always)]
    pub fn try_acquire(&self) -> Result<Place<'_>, Rejection> {
        self.try_enter().map_err(Rejection::from)
    }

    /// As [`try_acquire`](Self::try_acquire), and leaves it to the caller whether a rejection counts.
    #[inline(always)]
    pub(crate) fn try_enter(&self) -> Result<Place<'_>, NoPlace<'_>> {
        match self.gate.enter() {
            Arrival::Entered => Ok(self.admit()),
            Arrival::Off => Ok(Place { bulkhead: None }),
            Arrival::Queued | Arrival::Full => Err(NoPlace(self)),
        }
    }

    /// A place, after having waited for it in the queue if need be.
    ///
    /// Dropping the returned future leaves the queue.
    ///
    /// # Errors
    ///
    /// [`Rejection::BulkheadFull`] when the queue is full, or after `max_wait` in it.
    ///
    /// # Panics
    ///
    /// Where it has to wait with a `max_wait`, and the runtime has no timer.
    #[inline]
    pub async fn acquire(&self) -> Result<Place<'_>, Rejection> {
        match self.arrive() {
            Arrival::Entered => Ok(self.admit()),
            Arrival::Queued => self.wait().await,
            Arrival::Off => Ok(Place { bulkhead: None }),
            Arrival::Full => Err(self.reject(|| self.admitted.reject(), None)),
        }
    }

    #[inline]
    fn arrive(&self) -> Arrival {
        self.gate.arrive(self.settings.word(MAX_QUEUE))
    }

    /// Makes one call inside.
    ///
    /// # Errors
    ///
    /// The call's own error, or the rejection.
    pub async fn call<T, E>(&self, call: impl Future<Output = Result<T, E>>) -> Result<T, Failure<E>> {
        let place = self.acquire().await.map_err(Failure::Rejected)?;
        place.watch(pin!(call)).await.map_err(Failure::Call)
    }

    /// For whoever has joined the queue.
    fn wait(&self) -> impl Future<Output = Result<Place<'_>, Rejection>> {
        // All that the future begins with, so that it has the bulkhead once. Dropped after what stands in the line: a ticket that was on its way to that is in the line
        // again by then.
        let waiter = Queued(self);
        async move {
            recursion::join(waiter.0);
            let ticket = match waiter.0.settings.word(QUEUE_TIMEOUT) {
                0 => waiter.0.gate.line().acquire().await,
                nanos => {
                    match tokio::time::timeout(Duration::from_nanos(nanos), waiter.0.gate.line().acquire()).await {
                        Ok(ticket) => ticket,
                        Err(_) => {
                            let bulkhead = waiter.0;
                            drop(waiter);
                            return Err(bulkhead.reject(|| bulkhead.timed_out.increment(), bulkhead.key()));
                        }
                    }
                }
            };
            ticket.expect("nobody closes the line").forget();
            // It is inside, and no longer in the queue.
            let Queued(bulkhead) = *ManuallyDrop::new(waiter);
            Ok(bulkhead.admit())
        }
    }

    #[inline(always)]
    fn admit(&self) -> Place<'_> {
        self.admitted.increment();
        Place { bulkhead: Some(self) }
    }

    #[inline(always)]
    fn reject(&self, count: impl FnOnce(), key: Option<Key>) -> Rejection {
        let rejection = || Rejection::BulkheadFull { name: self.name.clone(), key: key.clone() };
        self.emitter.rejected(Kind::Bulkhead, Topic::Rejected, count, rejection)
    }

    /// Puts another configuration in force at once, with calls inside and waiting. A higher limit lets in those who wait; under a lower one nobody is put
    /// out, and nobody enters before fewer are inside than it says. Those who wait go on waiting, in their order, for as long as they were told to.
    ///
    /// Not `enabled`, it lets in those who wait and everybody who comes, who are counted nowhere; enabled again, it knows those who were inside before.
    ///
    /// # Errors
    ///
    /// The configuration's first mistake; nothing has changed then.
    pub fn reconfigure(&self, config: BulkheadConfig) -> Result<(), ConfigError> {
        Policy::reconfigure_by(self, config, None)
    }

    fn put(&self, config: BulkheadConfig) -> Result<Room, ConfigError> {
        config.validate()?;
        let settings = Arc::new(config.resolve());
        let mut room = vec![self.put_alone(&settings)];
        room.extend(self.of_keys.put_all(|of_key| of_key.put_alone(&settings)));
        Ok(room)
    }

    /// For how many of those who wait there is room now.
    fn put_alone(&self, settings: &Arc<BulkheadSettings>) -> u64 {
        if settings.max_queue > 0 {
            // Here, and not in the first call that waits: it takes a while.
            self.gate.line_up();
        }
        self.settings.replace(Arc::clone(settings), |settings| self.gate.resize(limit(settings)))
    }

    fn with(name: Name, settings: Arc<BulkheadSettings>, emitter: Emitter, of_keys: OfKeys<Self>) -> Self {
        // That of a key counts nobody aside: it takes less memory, and an exchange more.
        let counts_aside = settings.max_queue == 0 && !of_keys.is_of_an_instance() && barrier::is_there();
        Self {
            gate: Gate::new(limit(&settings), Semaphore::new(0), counts_aside),
            admitted: Total::new(),
            timed_out: Count::new(),
            settings: Settings::new(settings),
            name,
            built: Timestamp::now(),
            emitter,
            of_keys,
        }
    }

    fn next_call(&self, settings: &BulkheadSettings, word: GateWord) -> NextCall {
        if word.is_off() {
            NextCall::Unguarded
        } else if word.enter().is_some() {
            NextCall::Admitted
        } else if word.join(u64::from(settings.max_queue)).is_some() {
            NextCall::Waits { ahead: u64::try_from(word.waiting()).unwrap_or(0), at_most: settings.max_wait }
        } else {
            NextCall::Rejected(Rejection::BulkheadFull { name: self.name(), key: self.key() })
        }
    }
}

/// What a [`Bulkhead`] is set to, who is in it, and what it has counted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct BulkheadSnapshot {
    /// Which bulkhead.
    pub name: Name,
    /// Of which of its keys, where it is the bulkhead of one.
    pub key: Option<Key>,
    /// Calls that may be inside at once.
    pub max_concurrent: u64,
    /// Callers that may wait.
    pub max_queue: u64,
    /// How long one waits.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::json::seconds"))]
    pub max_wait: Option<Duration>,
    /// Calls inside, and waiters to whom a place was handed. More than `max_concurrent` for a while after that was lowered.
    pub inside: u64,
    /// Callers in the queue.
    pub waiting: u64,
    /// Calls that were let in, at once or after waiting; only grows.
    pub admitted: u64,
    /// Calls that were rejected at once; only grows.
    pub rejected: u64,
    /// Calls that were rejected after `max_wait` in the queue; only grows.
    pub timed_out: u64,
    /// How long ago it was built.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::json::seconds"))]
    pub age: Duration,
    /// What would happen to the next call.
    pub next: NextCall,
    /// Of a bulkhead that was called with keys: how many it holds. What it counts, those inside and those who wait are then the sums over all of them, and `next` is
    /// about the bulkhead of those that have none of their own.
    pub keys: Option<KeyCounts>,
    /// What is in force, key by key, and where each value came from.
    pub settings: Vec<Setting>,
}

impl Policy for Bulkhead {
    type Keys = BulkheadConfig;
    type Rule = Infallible;
    type Snapshot = BulkheadSnapshot;

    const KIND: Kind = Kind::Bulkhead;
    const WAITS_WITH: Option<&'static str> = Some("max_queue");

    fn new(name: Name, definition: &Definition<Self>, emitter: Emitter) -> Self {
        Self::with(name, Arc::new(definition.keys.resolve()), emitter, OfKeys::new())
    }

    fn name(&self) -> &Name {
        &self.name
    }

    fn in_force(&self) -> BulkheadSettings {
        *self.settings.get()
    }

    fn put_in_force(&self, keys: BulkheadConfig, _: &mut Turn<'_>) -> Result<Room, ConfigError> {
        self.put(keys)
    }

    fn go_on(&self, room: &[u64]) {
        let [own, of_keys @ ..] = room else { return };
        self.gate.hand(*own);
        // No slot is ever gone.
        self.of_keys.instances_now().iter().zip(of_keys).for_each(|(of_key, room)| of_key.gate.hand(*room));
    }

    fn instances(&self) -> Vec<Arc<Self>> {
        self.of_keys()
    }

    fn begin_with_key_lines(&self, lines: KeyLines<Self::Keys>) {
        self.of_keys.begin_with(lines);
    }

    #[cfg(feature = "config")]
    fn put_key_lines(&self, lines: KeyLines<Self::Keys>, source: &Name, turn: &mut Turn<'_>) -> Room {
        self.of_keys.put_lines(self, lines, source, turn)
    }

    fn key(&self) -> Option<Key> {
        Self::key(self)
    }

    fn emitter(&self) -> &Emitter {
        &self.emitter
    }

    fn runs(&self) -> Runs {
        runs(self)
    }

    fn snapshot_with(&self, shown: Vec<Setting>) -> BulkheadSnapshot {
        let (settings, word, counted) = (self.settings.get(), self.gate.word(), totals(self));
        let waits = |word: GateWord| u64::try_from(word.waiting()).unwrap_or(0);
        let (mut inside, mut waiting) = (word.inside(), waits(word));
        self.of_keys.for_each_instance(|of_key| {
            let word = of_key.gate.word();
            (inside, waiting) = (inside + word.inside(), waiting + waits(word));
        });
        BulkheadSnapshot {
            name: self.name(),
            key: self.key(),
            max_concurrent: u64::from(settings.max_concurrent),
            max_queue: u64::from(settings.max_queue),
            max_wait: settings.max_wait,
            inside,
            waiting,
            admitted: counted.admitted,
            rejected: counted.rejected,
            timed_out: counted.timed_out,
            age: self.built.elapsed(),
            next: self.next_call(&settings, word),
            keys: self.of_keys.counts(),
            settings: shown,
        }
    }
}

impl std::fmt::Debug for Bulkhead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let word = self.gate.word();
        f.debug_struct("Bulkhead")
            .field("name", &self.name)
            .field("max_concurrent", &self.settings.get().max_concurrent)
            .field("inside", &word.inside())
            .field("waiting", &word.waiting().max(0))
            .finish_non_exhaustive()
    }
}
