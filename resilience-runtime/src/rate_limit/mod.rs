//! The rate limiter.
//!
//! What it does is told at [`RateLimiter`].
//!
//! # Where things are
//!
//! `state` is the algorithm and its word, with the proof of the bound and the argument for the orderings.

mod builder;
mod state;

#[cfg(all(test, resilience_loom))]
mod models;

pub use builder::RateLimiterBuilder;

use crate::caught::caught;
use crate::error::{Failure, Rejection};
use crate::event::{Emitter, Runs, Topic, Turn};
use crate::kind::Kind;
use crate::name::Name;
use crate::next_call::NextCall;
use crate::overlay::Setting;
use crate::policy::{Definition, Policy};
use crate::settings::{HotWords, Settings};
use crate::sync::Count;
use crate::time::{Timestamp, millis_up, nanos, precise_nanos};
use crate::window::Total;
use resilience_config::{ConfigError, RateLimitConfig, RateLimitSettings};
use state::{Passage, Rule, Turns};
use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
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
/// Over any interval of the precise monotonic clock at most `burst` + rate × time calls pass, on any number of threads and whoever is cancelled. (The
/// algorithm is the generic cell rate algorithm of ITU-T I.371.) A turn is never early. Timers are to the millisecond, so a caller that waits may
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
        if self.settings.word(MAX_WAIT) & OFF != 0 {
            return Ok(());
        }
        let now = precise_nanos();
        if let Passage::Refused(turn) = self.turns.arrive(now, 0) {
            return Err(self.reject(turn, now));
        }
        self.allowed.increment();
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
    pub async fn acquire(&self) -> Result<(), Rejection> {
        let max_wait = self.settings.word(MAX_WAIT);
        if max_wait & OFF != 0 {
            return Ok(());
        }
        let now = precise_nanos();
        match self.turns.arrive(now, max_wait) {
            Passage::Passed => {
                self.allowed.increment();
                return Ok(());
            }
            Passage::Waits => {}
            Passage::Refused(turn) => return Err(self.reject(turn, now)),
        }
        // In one piece, since a future of its own would cost the caller's more room.
        let waiter = Waiter { limiter: self, deadline: now.saturating_add(max_wait) };
        // Once it should have passed it watches the time in any case: whoever is first may be in a task that does not run.
        let _first = First(timeout(until(waiter.deadline), self.line.acquire()).await.ok().and_then(Result::ok));
        loop {
            // Before it looks, so that no change is missed; not moved into the timeout, which would cost its size again.
            let changed = pin!(self.changed.notified());
            let Look::NotYet(moment) = waiter.look()? else { return Ok(()) };
            // Woken by either, it looks again.
            let _ = timeout(until(moment), changed).await;
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

    #[inline(always)]
    fn reject(&self, turn: u64, now: u64) -> Rejection {
        let wait = Duration::from_nanos(turn.saturating_sub(now));
        let retry_after = Duration::from_millis(millis_up(wait));
        let rejection = || Rejection::RateLimited { name: self.name.clone(), retry_after };
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
    fn put(&self, config: RateLimitConfig) -> Result<u64, ConfigError> {
        config.validate()?;
        self.settings.replace(config.resolve(), |settings| {
            self.turns.set_rule(Rule::of(settings), precise_nanos());
        });
        Ok(u64::MAX)
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
            NextCall::Rejected(Rejection::RateLimited { name: self.name(), retry_after })
        }
    }
}

/// A caller that waits.
struct Waiter<'l> {
    limiter: &'l RateLimiter,
    /// When it should have passed.
    deadline: u64,
}

impl Waiter<'_> {
    fn look(&self) -> Result<Look, Rejection> {
        let (limiter, now) = (self.limiter, precise_nanos());
        match limiter.turns.pass(now) {
            Ok(()) => {
                limiter.allowed.increment();
                limiter.waited.increment();
                Ok(Look::Passed)
            }
            Err(turn) if now < self.deadline => Ok(Look::NotYet(turn.min(self.deadline))),
            // A little late is nobody's fault. But timers are to the millisecond, and where turns are closer and the burst does not make up
            // for it, those who wait are late by more and more.
            Err(turn) if turn - self.deadline <= limiter.settings.word(MAX_WAIT) & !OFF => Ok(Look::NotYet(turn)),
            Err(turn) => Err(limiter.reject(turn, now)),
        }
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.limiter.turns.leave();
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
    Duration::from_nanos(moment.saturating_sub(precise_nanos()))
}

/// What a [`RateLimiter`] is set to, what is left of it, and what it has counted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RateLimiterSnapshot {
    /// Which rate limiter.
    pub name: Name,
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
        let settings = definition.keys.resolve();
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
        }
    }

    fn name(&self) -> &Name {
        &self.name
    }

    fn in_force(&self) -> RateLimitSettings {
        *self.settings.get()
    }

    fn put_in_force(&self, keys: RateLimitConfig, _: &mut Turn<'_>) -> Result<u64, ConfigError> {
        self.put(keys)
    }

    fn go_on(&self, _all: u64) {
        // Nor are these ours. Whoever is not woken looks again by itself.
        caught(|| self.changed.notify_waiters());
    }

    fn emitter(&self) -> &Emitter {
        &self.emitter
    }

    fn runs(&self) -> Runs {
        Runs { rejected: self.allowed.rejected(), ..Runs::default() }
    }

    fn snapshot_with(&self, shown: Vec<Setting>) -> RateLimiterSnapshot {
        let (settings, now) = (self.settings.get(), precise_nanos());
        RateLimiterSnapshot {
            name: self.name(),
            rate: settings.rate.count,
            per: settings.rate.per,
            burst: settings.burst,
            max_wait: settings.max_wait,
            available: self.turns.available(now),
            waiting: self.turns.waiting(),
            allowed: self.allowed.get(),
            waited: self.waited.get(),
            rejected: self.allowed.rejected(),
            age: self.built.elapsed(),
            next: self.next_call(&settings, now),
            settings: shown,
        }
    }
}

impl std::fmt::Debug for RateLimiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RateLimiter").field("name", &self.name).finish_non_exhaustive()
    }
}
