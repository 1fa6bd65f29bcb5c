//! The rate limiter.
//!
//! What it does is told at [`RateLimiter`].
//!
//! # Where things are
//!
//! `state` is the algorithm and its word, with the proof of the bound and the argument for the orderings; `keyed` is one limiter a key.

mod builder;
mod keyed;
mod state;

#[cfg(all(test, resilience_loom))]
mod models;

pub use builder::RateLimiterBuilder;

use crate::caught::caught;
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
use crate::time::{NANOS_PER_MILLI, Timestamp, measured_nanos, millis_up, nanos};
use crate::window::Total;
use keyed::Overflow;
use once_cell::sync::OnceCell;
use resilience_config::{ConfigError, RateLimitConfig, RateLimitSettings};
use state::{Passage, Rule, Turns};
use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio::time::timeout;

/// Lets so many calls pass in so much time.
///
/// A caller passes at once while the burst is not used up. Otherwise it waits for its turn behind those who wait already, if that is at most
/// `max_wait` away; if not, it is refused at once and told when to come again. A waiter that is dropped gives its turn back: all
/// behind it move up.
///
/// # Bounds
///
/// Over any interval of its clock at most `burst` + rate × time calls pass, on any number of threads and whoever is cancelled. A call that
/// [costs](Self::try_acquire_many) more is as many calls. (The algorithm is the generic cell rate algorithm of ITU-T I.371.) Its clock is the system's precise monotonic one, to within some
/// microseconds. A turn is never early. Timers are to the millisecond, so a caller that waits may
/// be late by one or two, and what falls due meanwhile beyond `burst` is lost: a rate of more than some hundreds a second at which callers wait
/// wants a burst of a few milliseconds' worth.
///
/// The time between two turns is kept in whole nanoseconds, rounded up, and of at most nine years. At most as many callers wait as there are
/// turns in `max_wait`.
///
/// Nobody waits longer than twice `max_wait`: a caller that was told to wait is refused afterwards if `max_wait` is over and its turn comes only
/// after another one, because [`reconfigure`](Self::reconfigure) has put it there, or late timers have. Turns are taken in the order of arrival, except that a caller looks for itself once `max_wait` is over, so that one whose task does not run
/// holds nobody up.
///
/// Waiting allocates nothing and wants tokio's timer in the runtime.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use resilience_runtime::{Rate, RateLimiter};
/// use std::time::Duration;
///
/// let limiter = RateLimiter::builder("mail").rate(Rate::per_minute(10)).burst(1).build()?;
/// limiter.try_acquire()?;
/// let rejection = limiter.acquire().await.unwrap_err();
/// assert!(rejection.retry_after() <= Some(Duration::from_secs(6)));
/// assert!(rejection.to_string().starts_with("rate limit `mail` is reached; try again in "));
/// # Ok(()) }
/// ```
pub struct RateLimiter {
    turns: Turns,
    /// Calls that have passed, and those that were refused.
    allowed: Total,
    waited: Count,
    /// Who has its permit is the first of those who wait, and the only one that watches the time.
    line: Semaphore,
    /// Wakes the first when its turn may have moved.
    changed: Notify,
    settings: Settings<RateLimitSettings, 1>,
    name: Name,
    emitter: Emitter,
    built: Timestamp,
    of_keys: OfKeys<Self>,
    /// Those that keys share which have none of their own.
    overflow: OnceCell<Box<Overflow>>,
}

/// What a rate limiter counts for good.
#[derive(Clone, Copy, Debug, Default)]
pub struct RateLimiterCounts {
    allowed: u64,
    waited: u64,
    rejected: u64,
}

impl Sums for RateLimiterCounts {
    fn pair(&self, other: &Self, with: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            allowed: with(self.allowed, other.allowed),
            waited: with(self.waited, other.waited),
            rejected: with(self.rejected, other.rejected),
        }
    }

    fn runs(&self, evicted: u64) -> Runs {
        Runs { rejected: self.rejected, evicted, ..Runs::default() }
    }
}

/// Above the longest wait there can be.
const OFF: u64 = 1 << 63;

/// The word that says how long a caller waits: nanoseconds, and [`OFF`] beside them where it is not enabled.
const MAX_WAIT: usize = 0;

impl HotWords<1> for RateLimitSettings {
    fn words(&self) -> [u64; 1] {
        [nanos(self.max_wait) | if self.enabled { 0 } else { OFF }]
    }
}

/// What one who waits finds when it looks.
enum Look {
    Passed,
    /// It is to look again then.
    NotYet(u64),
}

impl RateLimiter {
    /// A rate limiter of that name; it wants a [`rate`](RateLimiterBuilder::rate).
    pub fn builder(name: impl Into<Name>) -> RateLimiterBuilder {
        RateLimiterBuilder::new(name.into())
    }

    /// The name, as rejections and snapshots give it.
    pub fn name(&self) -> Name {
        self.name.clone()
    }

    /// Passes if there is a turn now that nobody waits for. Needs no runtime.
    ///
    /// # Errors
    ///
    /// [`Rejection::RateLimited`] otherwise. Its `retry_after` is in milliseconds, rounded up: a call after so long passes if nobody comes between and those who
    /// wait are on time.
    #[inline(always)]
    pub fn try_acquire(&self) -> Result<(), Rejection> {
        self.try_pass(1).map_err(Rejection::from)
    }

    /// As [`try_acquire`](Self::try_acquire), for a call that costs as much as so many: the bound holds for the sum of what calls cost. One that costs nothing
    /// passes uncounted.
    ///
    /// # Errors
    ///
    /// [`Rejection::RateLimited`]; without a `retry_after` where the call costs more than the burst, and can never pass.
    ///
    /// ```
    /// # use resilience_runtime::{Rate, RateLimiter};
    /// let limiter = RateLimiter::builder("import").rate(Rate::per_second(100)).build()?;
    /// limiter.try_acquire_many(60)?;
    /// assert!(limiter.try_acquire_many(60).unwrap_err().retry_after().is_some());
    /// assert_eq!(
    ///     limiter.try_acquire_many(101).unwrap_err().to_string(),
    ///     "rate limit `import` never lets this call pass: it costs more than `burst`",
    /// );
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "cost")]
    pub fn try_acquire_many(&self, cost: u32) -> Result<(), Rejection> {
        self.try_pass(cost).map_err(Rejection::from)
    }

    /// As [`try_acquire_many`](Self::try_acquire_many), and leaves it to the caller whether a rejection counts.
    #[inline(always)]
    pub(crate) fn try_pass(&self, cost: u32) -> Result<(), NoTurn<'_>> {
        let arrival = self.arrive(cost, false);
        match arrival.passage {
            None => {}
            Some(Passage::Passed) => self.allowed.increment(),
            Some(Passage::Refused(turn)) => {
                return Err(NoTurn { limiter: self, in_nanos: Some(turn.saturating_sub(arrival.now)) });
            }
            Some(Passage::Waits | Passage::Never) => return Err(NoTurn { limiter: self, in_nanos: None }),
        }
        Ok(())
    }

    /// Passes, after having waited for its turn if that is at most `max_wait` away.
    ///
    /// Dropping the returned future gives the turn back.
    ///
    /// # Errors
    ///
    /// [`Rejection::RateLimited`] at once when the turn is further away, as of [`try_acquire`](Self::try_acquire).
    ///
    /// # Panics
    ///
    /// Where it has to wait and the runtime has no timer.
    pub fn acquire(&self) -> impl Future<Output = Result<(), Rejection>> {
        wait_for_turn(move || self.begin(1))
    }

    /// As [`acquire`](Self::acquire), for a call that costs as much as so many. A wait that is cancelled gives all of it back.
    ///
    /// # Errors
    ///
    /// As of [`try_acquire_many`](Self::try_acquire_many).
    ///
    /// # Panics
    ///
    /// Where it has to wait and the runtime has no timer.
    #[doc(alias = "cost")]
    pub fn acquire_many(&self, cost: u32) -> impl Future<Output = Result<(), Rejection>> {
        wait_for_turn(move || self.begin(cost))
    }

    /// Asks for a turn.
    #[inline(always)]
    fn arrive(&self, cost: u32, may_wait: bool) -> TurnAsked {
        let max_wait = self.settings.word(MAX_WAIT);
        if max_wait & OFF != 0 || cost == 0 {
            return TurnAsked { passage: None, now: 0, max_wait };
        }
        let now = measured_nanos();
        let passage = self.turns.arrive(now, if may_wait { max_wait } else { 0 }, u64::from(cost));
        TurnAsked { passage: Some(passage), now, max_wait }
    }

    /// Takes back what [`arrive`](Self::arrive) has got.
    fn undo(&self, arrival: &TurnAsked, cost: u32) {
        if let Some(passage) = arrival.passage {
            self.turns.undo(passage, u64::from(cost));
        }
    }

    /// Passes, or begins to wait.
    #[inline]
    fn begin(&self, cost: u32) -> Result<Option<Waiter<'_>>, Rejection> {
        let arrival = self.arrive(cost, true);
        self.go_on_from(arrival, cost, || None)
    }

    /// What follows from an arrival.
    #[inline]
    fn go_on_from(
        &self,
        arrival: TurnAsked,
        cost: u32,
        key: impl FnOnce() -> Option<Key>,
    ) -> Result<Option<Waiter<'_>>, Rejection> {
        match arrival.passage {
            None => Ok(None),
            Some(Passage::Passed) => {
                self.allowed.increment();
                Ok(None)
            }
            Some(Passage::Waits) => {
                let deadline = arrival.now.saturating_add(arrival.max_wait);
                Ok(Some(Waiter { limiter: self, deadline, cost: u64::from(cost) }))
            }
            Some(Passage::Refused(turn)) => Err(self.reject(Some(turn.saturating_sub(arrival.now)), key())),
            Some(Passage::Never) => Err(self.reject(None, key())),
        }
    }

    /// Makes one call when it is its turn.
    ///
    /// # Errors
    ///
    /// The call's own error, or the rejection.
    pub async fn call<T, E>(&self, call: impl Future<Output = Result<T, E>>) -> Result<T, Failure<E>> {
        self.acquire().await.map_err(Failure::Rejected)?;
        call.await.map_err(Failure::Call)
    }

    /// There is a turn in so many nanoseconds, or never one.
    #[inline(always)]
    fn reject(&self, in_nanos: Option<u64>, key: Option<Key>) -> Rejection {
        let retry_after = in_nanos.map(|nanos| Duration::from_millis(nanos.div_ceil(NANOS_PER_MILLI)));
        let rejection = || Rejection::RateLimited { name: self.name.clone(), key: key.clone(), retry_after };
        self.emitter.rejected(Kind::RateLimit, Topic::Rejected, || self.allowed.reject(), rejection)
    }

    /// Puts another configuration in force at once. As many calls as were used up of the burst are used up of the new one; those who wait go on
    /// waiting, by the new rate.
    ///
    /// Not `enabled`, it lets everybody pass, those who wait included, and counts no newcomers; enabled again, it begins with its whole burst.
    ///
    /// # Errors
    ///
    /// The configuration's first mistake; nothing has changed then.
    pub fn reconfigure(&self, config: RateLimitConfig) -> Result<(), ConfigError> {
        Policy::reconfigure_by(self, config, None)
    }

    /// All who wait have to look again.
    fn put(&self, config: RateLimitConfig) -> Result<Room, ConfigError> {
        config.validate()?;
        let settings = Arc::new(config.resolve());
        let now = measured_nanos();
        self.put_alone(&settings, now);
        self.of_keys.put_all(|of_key| of_key.put_alone(&settings, now));
        self.overflow().for_each(|shared| shared.put_alone(&settings, now));
        Ok(vec![u64::MAX])
    }

    fn put_alone(&self, settings: &Arc<RateLimitSettings>, now: u64) {
        self.settings.replace(Arc::clone(settings), |settings| self.turns.set_rule(Rule::of(settings), now));
    }

    fn with(name: Name, settings: Arc<RateLimitSettings>, emitter: Emitter, of_keys: OfKeys<Self>) -> Self {
        Self {
            turns: Turns::new(Rule::of(&settings)),
            allowed: Total::new(),
            waited: Count::new(),
            line: Semaphore::new(1),
            changed: Notify::new(),
            settings: Settings::new(settings),
            name,
            built: Timestamp::now(),
            emitter,
            of_keys,
            overflow: OnceCell::new(),
        }
    }

    fn next_call(&self, settings: &RateLimitSettings, now: u64) -> NextCall {
        if !settings.enabled {
            return NextCall::Unguarded;
        }
        let wait = Duration::from_nanos(self.turns.turn(now) - now);
        if wait.is_zero() {
            NextCall::Admitted
        } else if wait <= settings.max_wait {
            NextCall::Waits { ahead: self.turns.waiting(), at_most: Some(wait) }
        } else {
            let retry_after = Duration::from_millis(millis_up(wait));
            NextCall::Rejected(Rejection::RateLimited {
                name: self.name(),
                key: self.key(),
                retry_after: Some(retry_after),
            })
        }
    }
}

/// What came of asking for a turn.
struct TurnAsked {
    /// Nothing, where the limiter is turned off or the call costs nothing.
    passage: Option<Passage>,
    now: u64,
    max_wait: u64,
}

/// A call for which there is no turn. It counts when a rejection is made of it.
#[derive(Clone, Copy, Debug)]
#[must_use = "a call that is rejected counts as rejected"]
pub struct NoTurn<'l> {
    limiter: &'l RateLimiter,
    /// When there is one; `None`: never.
    in_nanos: Option<u64>,
}

impl From<NoTurn<'_>> for Rejection {
    #[inline(always)]
    fn from(NoTurn { limiter, in_nanos }: NoTurn<'_>) -> Self {
        limiter.reject(in_nanos, None)
    }
}

/// A caller that waits.
struct Waiter<'l> {
    limiter: &'l RateLimiter,
    /// When it should have passed.
    deadline: u64,
    cost: u64,
}

/// Waits for the turn that `begin` does not get at once. In one piece, since a future of its own would cost the caller's more room.
async fn wait_for_turn<'l>(begin: impl FnOnce() -> Result<Option<Waiter<'l>>, Rejection>) -> Result<(), Rejection> {
    let Some(waiter) = begin()? else { return Ok(()) };
    // Once it should have passed it watches the time in any case: whoever is first may be in a task that does not run.
    let _first = First(timeout(until(waiter.deadline), waiter.limiter.line.acquire()).await.ok().and_then(Result::ok));
    loop {
        // Before it looks, so that no change is missed; not moved into the timeout, which would cost its size again.
        let changed = pin!(waiter.limiter.changed.notified());
        let Look::NotYet(moment) = waiter.look()? else { return Ok(()) };
        // Woken by either, it looks again.
        let _ = timeout(until(moment), changed).await;
    }
}

impl Waiter<'_> {
    fn look(&self) -> Result<Look, Rejection> {
        let (limiter, now) = (self.limiter, measured_nanos());
        let refused = |in_nanos| Err(limiter.reject(in_nanos, limiter.key()));
        match limiter.turns.pass(now, self.cost) {
            Ok(()) => {
                limiter.allowed.increment();
                limiter.waited.increment();
                Ok(Look::Passed)
            }
            // The burst has become less than it costs.
            Err(None) => refused(None),
            Err(Some(turn)) if now < self.deadline => Ok(Look::NotYet(turn.min(self.deadline))),
            // A little late is nobody's fault. But timers are to the millisecond, and where turns are closer and the burst does not make up
            // for it, those who wait are late by more and more.
            Err(Some(turn)) if turn - self.deadline <= limiter.settings.word(MAX_WAIT) & !OFF => Ok(Look::NotYet(turn)),
            Err(Some(turn)) => refused(Some(turn.saturating_sub(now))),
        }
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.limiter.turns.leave(self.cost);
    }
}

/// The head of the line, once it is there. It wakes the next when it leaves, which is not ours: a panic of it harms nobody who passes.
struct First<'l>(Option<SemaphorePermit<'l>>);

impl Drop for First<'_> {
    fn drop(&mut self) {
        let first = self.0.take();
        caught(|| drop(first));
    }
}

/// How long until that moment.
fn until(moment: u64) -> Duration {
    Duration::from_nanos(moment.saturating_sub(measured_nanos()))
}

/// What a [`RateLimiter`] is set to, what is left of it, and what it has counted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RateLimiterSnapshot {
    /// Which rate limiter.
    pub name: Name,
    /// Of which of its keys, where it is the limiter of one.
    pub key: Option<Key>,
    /// So many calls …
    pub rate: u32,
    /// … in so much time.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::json::seconds"))]
    pub per: Duration,
    /// How many at once.
    pub burst: u32,
    /// How long a caller waits for its turn.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::json::seconds"))]
    pub max_wait: Duration,
    /// Calls that would pass now, one after the other.
    pub available: u64,
    /// Callers that wait for their turn.
    pub waiting: u64,
    /// Calls that have passed, at once or after waiting; only grows.
    pub allowed: u64,
    /// Of those, the ones that have waited.
    pub waited: u64,
    /// Calls that were refused; only grows.
    pub rejected: u64,
    /// How long ago it was built.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::json::seconds"))]
    pub age: Duration,
    /// What would happen to the next call.
    pub next: NextCall,
    /// Of a limiter that was called with keys: how many it holds. What it counts and those who wait are then the sums over all of them; `available` and `next` are
    /// about a key that comes now.
    pub keys: Option<KeyCounts>,
    /// What is in force, key by key, and where each value came from.
    pub settings: Vec<Setting>,
}

impl Policy for RateLimiter {
    type Keys = RateLimitConfig;
    type Rule = Infallible;
    type Snapshot = RateLimiterSnapshot;

    const KIND: Kind = Kind::RateLimit;
    const WAITS_WITH: Option<&'static str> = Some("max_wait");

    fn new(name: Name, definition: &Definition<Self>, emitter: Emitter) -> Self {
        Self::with(name, Arc::new(definition.keys.resolve()), emitter, OfKeys::new())
    }

    fn name(&self) -> &Name {
        &self.name
    }

    fn in_force(&self) -> RateLimitSettings {
        *self.settings.get()
    }

    fn put_in_force(&self, keys: RateLimitConfig, _: &mut Turn<'_>) -> Result<Room, ConfigError> {
        self.put(keys)
    }

    fn go_on(&self, _all: &[u64]) {
        // Nor are these ours. Whoever is not woken looks again by itself.
        let wake = |limiter: &Self| _ = caught(|| limiter.changed.notify_waiters());
        wake(self);
        self.of_keys.instances_now().iter().for_each(|of_key| wake(of_key));
        self.overflow().for_each(wake);
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

    fn snapshot_with(&self, shown: Vec<Setting>) -> RateLimiterSnapshot {
        let (settings, now, counted) = (self.settings.get(), measured_nanos(), totals(self));
        let mut waiting = self.turns.waiting();
        self.for_each_other(|other| waiting += other.turns.waiting());
        RateLimiterSnapshot {
            name: self.name(),
            key: self.key(),
            rate: settings.rate.count,
            per: settings.rate.per,
            burst: settings.burst,
            max_wait: settings.max_wait,
            available: self.turns.available(now),
            waiting,
            allowed: counted.allowed,
            waited: counted.waited,
            rejected: counted.rejected,
            age: self.built.elapsed(),
            next: self.next_call(&settings, now),
            keys: self.of_keys.counts(),
            settings: shown,
        }
    }
}

impl std::fmt::Debug for RateLimiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RateLimiter").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(resilience_loom)))]
mod tests {
    use super::*;
    use resilience_config::Rate;

    #[test]
    fn who_had_better_not_come_leaves_no_trace() {
        const HOUR: Duration = Duration::from_secs(3600);
        for (enabled, passed, cost, waits, does_not) in [
            (true, 0, 0, "nothing asked", "nothing asked"),
            (true, 0, 1, "passed", "passed"),
            (true, 0, 2, "passed", "passed"),
            (true, 1, 2, "waits", "refused"),
            (true, 0, 3, "never", "never"),
            (false, 0, 1, "nothing asked", "nothing asked"),
        ] {
            let builder = RateLimiter::builder("undone").rate(Rate::new(1, HOUR)).burst(2).max_wait(HOUR);
            let limiter = builder.enabled(enabled).build().unwrap();
            (0..passed).for_each(|_| limiter.try_acquire().unwrap());
            let left = || (limiter.turns.available(measured_nanos()), limiter.turns.waiting(), limiter.allowed.get());
            let before = left();
            for (may_wait, expected) in [(true, waits), (false, does_not)] {
                let asked = limiter.arrive(cost, may_wait);
                let came = match asked.passage {
                    None => "nothing asked",
                    Some(Passage::Passed) => "passed",
                    Some(Passage::Waits) => "waits",
                    Some(Passage::Refused(_)) => "refused",
                    Some(Passage::Never) => "never",
                };
                assert_eq!(came, expected, "{passed} of 2 have passed, and it costs {cost}");
                limiter.undo(&asked, cost);
                assert_eq!(left(), before, "{expected}, {passed} of 2 have passed, and it costs {cost}");
            }
        }
    }
}
