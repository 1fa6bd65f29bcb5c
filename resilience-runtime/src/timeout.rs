//! Limiting how long a call may take.

use crate::builder::{Builder, setters};
use crate::error::{Failure, Rejection};
use crate::event::{Emitter, Runs, Topic, Turn};
use crate::kind::Kind;
use crate::name::Name;
use crate::next_call::NextCall;
use crate::overlay::Setting;
use crate::policy::{Definition, Policy, Room};
use crate::settings::{HotWords, Settings};
use crate::sync::Count;
use crate::time::{Alarm, Timestamp, nanos};
use pin_project_lite::pin_project;
use resilience_config::{ConfigError, Preset, TimeoutConfig, TimeoutSettings};
use std::convert::Infallible;
use std::future::Future;
#[cfg(feature = "stream")]
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// Drops a call that takes too long.
///
/// The time is counted from the moment at which the call first waits, on tokio's clock, and is never cut short: a call that never waits has no
/// timer at all, and one that blocks its thread cannot be stopped by anybody. The call is dropped where it waits, and nothing of it
/// goes on behind the caller's back. A call that waits needs tokio's timer in its runtime.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use resilience_runtime::Timeout;
/// use std::time::Duration;
///
/// let timeout = Timeout::builder("report").after(Duration::from_millis(5)).build()?;
/// let answer = timeout.call(std::future::pending::<Result<(), String>>()).await;
/// assert_eq!(answer.unwrap_err().to_string(), "`report` timed out after 5ms");
/// # Ok(()) }
/// ```
pub struct Timeout {
    name: Name,
    settings: Settings<TimeoutSettings, 2>,
    timed_out: Count,
    emitter: Emitter,
    built: Timestamp,
}

/// Above the longest limit there can be.
const OFF: u64 = 1 << 63;

/// Nanoseconds, or [`OFF`] where it is not enabled.
const AFTER: usize = 0;
/// The same of one item of a stream.
#[cfg(feature = "stream")]
const BETWEEN: usize = 1;

impl HotWords<2> for TimeoutSettings {
    fn words(&self) -> [u64; 2] {
        let word = |limit: Option<_>| limit.filter(|_| self.enabled).map_or(OFF, nanos);
        [word(Some(self.after)), word(self.between)]
    }
}

impl Timeout {
    /// A timeout of that name; it wants [`after`](TimeoutBuilder::after).
    pub fn builder(name: impl Into<Name>) -> TimeoutBuilder {
        TimeoutBuilder::new(name.into())
    }

    /// The name, as rejections and snapshots give it.
    pub fn name(&self) -> Name {
        self.name.clone()
    }

    /// Makes one call that may take so long. When it takes longer, it is dropped before this returns.
    ///
    /// # Errors
    ///
    /// The call's own error, or [`Rejection::TimedOut`].
    pub async fn call<T, E>(&self, call: impl Future<Output = Result<T, E>>) -> Result<T, Failure<E>> {
        match self.run(pin!(call)).await {
            Ok(result) => result.map_err(Failure::Call),
            Err(rejection) => Err(Failure::Rejected(rejection)),
        }
    }

    /// As [`call`](Self::call), for a future of anything that is pinned where it stands. It is the caller who drops it.
    #[doc(hidden)]
    pub fn run<'t, F: Future>(&'t self, call: Pin<&'t mut F>) -> Timed<'t, F> {
        Timed { timeout: self, call, timer: Timer::Unset }
    }

    /// Another limit for the calls that begin to wait from now on; none where it is not `enabled`.
    ///
    /// # Errors
    ///
    /// The configuration's first mistake; nothing has changed then.
    pub fn reconfigure(&self, config: TimeoutConfig) -> Result<(), ConfigError> {
        Policy::reconfigure_by(self, config, None)
    }

    fn put(&self, config: TimeoutConfig) -> Result<Room, ConfigError> {
        config.validate()?;
        self.settings.replace(config.resolve(), |_| Ok(Room::new()))
    }

    /// None while it is not enabled.
    fn limit(&self, word: usize) -> Option<Duration> {
        let limit = self.settings.word(word);
        (limit != OFF).then(|| Duration::from_nanos(limit))
    }

    /// Counts a call that took longer than `after`.
    fn timed_out(&self, after: Duration) -> Rejection {
        let rejection = || Rejection::TimedOut { name: self.name.clone(), after };
        self.emitter.rejected(Kind::Timeout, Topic::TimedOut, || self.timed_out.increment(), rejection)
    }
}

pin_project! {
    /// The future of [`Timeout::run`].
    #[must_use = "futures do nothing unless awaited"]
    pub struct Timed<'t, F> {
        timeout: &'t Timeout,
        call: Pin<&'t mut F>,
        #[pin]
        timer: Timer,
    }
}

impl<F: Future> Future for Timed<'_, F> {
    type Output = Result<F::Output, Rejection>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        match this.call.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending => this.timer.poll_expired(this.timeout, context).map(Err),
        }
    }
}

pin_project! {
    /// Of one call. A call that never waits writes one word of it.
    #[project = TimerOf]
    #[derive(Debug)]
    pub(crate) enum Timer {
        // It has not waited yet.
        Unset,
        // It began to wait while the timeout was not enabled, and stays without one.
        Unlimited,
        // Set when it first waited; another limit that comes later is not the one that it passes.
        Limited { after: Duration, #[pin] alarm: Alarm },
    }
}

impl Timer {
    /// What the call has come to, when it took too long.
    #[inline]
    pub(crate) fn poll_expired(
        mut self: Pin<&mut Self>,
        timeout: &Timeout,
        context: &mut Context<'_>,
    ) -> Poll<Rejection> {
        if let TimerOf::Unset = self.as_mut().project() {
            match timeout.limit(AFTER) {
                Some(after) => self.set(Self::Limited { after, alarm: Alarm::after(after) }),
                None => self.set(Self::Unlimited),
            }
        }
        let TimerOf::Limited { after, alarm } = self.project() else { return Poll::Pending };
        match has_expired(alarm.sleep(), context) {
            true => Poll::Ready(timeout.timed_out(*after)),
            false => Poll::Pending,
        }
    }
}

fn has_expired(mut sleep: Pin<&mut Sleep>, context: &mut Context<'_>) -> bool {
    // A call that is always busy uses up the task's budget, and tokio's timer does not answer then: the clock does.
    sleep.as_mut().poll(context).is_ready() || Instant::now() >= sleep.deadline()
}

/// How long a stream keeps its reader waiting for one item.
#[cfg(feature = "stream")]
#[derive(Debug)]
pub(crate) struct Between {
    timeout: &'static Timeout,
    /// In force when the reader began to wait; none where it does not wait, or without a limit.
    wait: Option<ItemWait>,
    /// One timer for all waits. Whoever catches a panic never sees half of it.
    sleep: Option<AssertUnwindSafe<Pin<Box<Sleep>>>>,
}

#[cfg(feature = "stream")]
#[derive(Clone, Copy, Debug)]
enum ItemWait {
    Unlimited,
    Limited(Duration),
}

#[cfg(feature = "stream")]
impl Between {
    pub(crate) fn new(timeout: &'static Timeout) -> Self {
        Self { timeout, wait: None, sleep: None }
    }

    /// An item has arrived. The reader may take as long as it likes before it asks for the next one.
    pub(crate) fn item(&mut self) {
        self.wait = None;
    }

    /// The reader has asked for an item that is not there.
    pub(crate) fn poll_timed_out(&mut self, context: &mut Context<'_>) -> Option<Rejection> {
        let wait = *self.wait.get_or_insert_with(|| {
            let limit = self.timeout.limit(BETWEEN);
            limit.map_or(ItemWait::Unlimited, |limit| {
                match &mut self.sleep {
                    Some(sleep) => sleep.as_mut().reset(Instant::now() + limit),
                    None => self.sleep = Some(AssertUnwindSafe(Box::pin(tokio::time::sleep(limit)))),
                }
                ItemWait::Limited(limit)
            })
        });
        let ItemWait::Limited(limit) = wait else { return None };
        let sleep = self.sleep.as_mut().expect("it is set where a limited wait begins");
        has_expired(sleep.as_mut(), context).then(|| self.timeout.timed_out(limit))
    }
}

/// Configures a [`Timeout`].
pub type TimeoutBuilder = Builder<Timeout>;

impl TimeoutBuilder {
    resilience_config::timeout_keys! { setters! {} }
}

/// What a [`Timeout`] is set to and has counted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct TimeoutSnapshot {
    /// Which timeout.
    pub name: Name,
    /// How long a call may take.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::json::seconds"))]
    pub after: Duration,
    /// Calls that took longer.
    pub timed_out: u64,
    /// How long ago it was built.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::json::seconds"))]
    pub age: Duration,
    /// What would happen to the next call.
    pub next: NextCall,
    /// What is in force, key by key, and where each value came from.
    pub settings: Vec<Setting>,
}

impl Policy for Timeout {
    type Keys = TimeoutConfig;
    type Rule = Infallible;
    type Snapshot = TimeoutSnapshot;

    const KIND: Kind = Kind::Timeout;

    fn new(name: Name, definition: &Definition<Self>, emitter: Emitter) -> Self {
        Self {
            name,
            settings: Settings::new(definition.keys.resolve()),
            timed_out: Count::new(),
            emitter,
            built: Timestamp::now(),
        }
    }

    fn name(&self) -> &Name {
        &self.name
    }

    fn in_force(&self) -> TimeoutSettings {
        *self.settings.get()
    }

    fn put_in_force(&self, keys: TimeoutConfig, _: &mut Turn<'_>) -> Result<Room, ConfigError> {
        self.put(keys)
    }

    fn emitter(&self) -> &Emitter {
        &self.emitter
    }

    fn runs(&self) -> Runs {
        Runs { timed_out: self.timed_out.get(), ..Runs::default() }
    }

    fn snapshot_with(&self, shown: Vec<Setting>) -> TimeoutSnapshot {
        TimeoutSnapshot {
            name: self.name(),
            after: self.settings.get().after,
            timed_out: self.timed_out.get(),
            age: self.built.elapsed(),
            next: self.limit(AFTER).map_or(NextCall::Unguarded, |to| NextCall::Limited { to }),
            settings: shown,
        }
    }
}

impl std::fmt::Debug for Timeout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Timeout").field("name", &self.name).field("after", &self.limit(AFTER)).finish_non_exhaustive()
    }
}
