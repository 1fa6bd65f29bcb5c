//! Trying again.
//!
//! [`Retry`] holds the settings and what was counted; a [`Run`] is one guarded call's loop, and all that a call whose first attempt
//! succeeds pays for. `attempt` says which one is running, `backoff` how long to wait, `blocking` whether a task waits with its thread, `state`
//! what the budget has left.

mod attempt;
mod backoff;
mod blocking;
mod builder;
mod run;
mod state;

#[cfg(all(test, resilience_loom))]
mod models;

pub use attempt::{attempt, in_attempt, of_attempt};
pub use builder::RetryBuilder;
pub(crate) use run::{Pause, Run, Wait};

use crate::event::{Emitter, GaveUp, GaveUpCounts, Runs, Turn};
use crate::hooks::Classify;
use crate::kind::Kind;
use crate::name::Name;
use crate::next_call::NextCall;
use crate::overlay::Setting;
use crate::policy::{Definition, Policy, Room};
use crate::settings::{HotWords, Settings};
use crate::sync::Count;
use crate::time::{Timestamp, precise_nanos};
use crate::verdict::Verdict;
use attempt::as_attempt;
use once_cell::sync::OnceCell;
use resilience_config::{ConfigError, RetryConfig, RetrySettings};
use state::Budget;
use std::convert::Infallible;
use std::future::Future;
use std::ops::ControlFlow;
use std::time::Duration;

/// Makes a call again that failed.
///
/// The last error is returned as it is. The waits grow by `backoff`, vary by `jitter` so that callers that failed together do not come back together, and
/// are never longer than `max_delay`. A wait that the error asks for (`retry_after`, or a rejection's own) is kept in its place.
/// With a `budget`, retries are at most that share of all calls, so that a dependency that is down is not kept down by them.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use resilience_runtime::Retry;
/// use std::cell::Cell;
///
/// let retry = Retry::builder("stock").attempts(3).build()?;
/// let asked = Cell::new(0);
/// let answer = retry.call(|| async { asked.set(asked.get() + 1); if asked.get() < 3 { Err("busy") } else { Ok(7) } }).await;
/// assert_eq!((answer, asked.get()), (Ok(7), 3));
/// # Ok(()) }
/// ```
pub struct Retry {
    name: Name,
    settings: Settings<RetrySettings, 2>,
    /// Of a retry that ever had one.
    budget: OnceCell<Box<Budget>>,
    retries: Count,
    recovered: Count,
    /// In the order of [`GaveUp::ALL`].
    gave_up: [Count; GaveUp::ALL.len()],
    emitter: Emitter,
    built: Timestamp,
}

/// The word that says how many attempts a call has.
const ATTEMPTS: usize = 0;
/// The word that says what a call has to do first: [`BUDGET`], [`PRECISE`].
const WANTS: usize = 1;

/// Calls are counted for a budget.
const BUDGET: u64 = 1;
/// A call's beginning has to be known precisely.
const PRECISE: u64 = 2;

impl HotWords<2> for RetrySettings {
    fn words(&self) -> [u64; 2] {
        [attempts(self), wants(self)]
    }
}

impl Retry {
    /// A retry of that name, to be configured with the keys of the attribute.
    pub fn builder(name: impl Into<Name>) -> RetryBuilder {
        RetryBuilder::new(name.into())
    }

    /// The name, as events and snapshots give it.
    pub fn name(&self) -> Name {
        self.name.clone()
    }

    /// Calls until a call succeeds or no other attempt is to be made; every `Err` is worth another.
    ///
    /// Nothing is demanded of `E`, so the events do not say what the errors said, as they do behind the attribute. A [`Pipeline`](crate::Pipeline) of this retry alone can
    /// be told how they say it: [`Pipeline::causes`](crate::Pipeline::causes).
    ///
    /// # Errors
    ///
    /// The last attempt's error.
    pub async fn call<T, E, F>(&self, call: impl FnMut() -> F) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        self.call_if(call, |_| true).await
    }

    /// As [`call`](Self::call), for the errors that `retry_if` says yes to.
    ///
    /// # Errors
    ///
    /// The last attempt's error.
    pub async fn call_if<T, E, F>(&self, mut call: impl FnMut() -> F, retry_if: impl Fn(&E) -> bool) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        let mut run = self.start_with(false);
        loop {
            let attempt = run.attempt();
            // Of the attempt nothing is left while the next one is waited for.
            let result = in_attempt(attempt, as_attempt(attempt, &mut call)).await;
            match run.after_call(result, &retry_if) {
                ControlFlow::Continue(wait) => wait.await,
                ControlFlow::Break(result) => return result,
            }
        }
    }

    /// As [`call`](Self::call), with `classify` to say of each result whether another attempt may help, and how long the dependency asked to be left
    /// alone before it. What is left is returned as it is: an `Ok` that was classified as a failure too.
    ///
    /// # Errors
    ///
    /// The last attempt's error.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use resilience_runtime::{Retry, Verdict, classify};
    /// use std::time::Duration;
    ///
    /// let retry = Retry::builder("stock").attempts(3).delay(Duration::from_millis(1)).build()?;
    /// let mut statuses = [503, 200].into_iter();
    /// let status = retry
    ///     .call_classified(
    ///         || std::future::ready(Ok::<_, std::io::Error>(statuses.next().unwrap())),
    ///         |result| result.map_or_else(classify::io_error, |status| classify::status(*status)),
    ///     )
    ///     .await?;
    /// assert_eq!(status, 200);
    /// # Ok(()) }
    /// ```
    pub async fn call_classified<T, E, F>(
        &self,
        mut call: impl FnMut() -> F,
        classify: impl for<'r> Fn(Result<&'r T, &'r E>) -> Verdict,
    ) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        let classify = classify.by();
        let mut run = self.start_with(false);
        loop {
            let attempt = run.attempt();
            // Of the attempt nothing is left while the next one is waited for.
            let result = in_attempt(attempt, as_attempt(attempt, &mut call)).await;
            match run.after_classified_call(result, &classify) {
                ControlFlow::Continue(wait) => wait.await,
                ControlFlow::Break(result) => return result,
            }
        }
    }

    /// As [`call_if`](Self::call_if), for a call that is not async: between the attempts the thread sleeps, by the clock of the system.
    ///
    /// # Errors
    ///
    /// The last attempt's error.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use resilience_runtime::Retry;
    /// use std::time::Duration;
    ///
    /// let retry = Retry::builder("lock file").attempts(2).delay(Duration::from_millis(1)).build()?;
    /// let mut attempts = 0;
    /// let answer = retry.call_sync(
    ///     || {
    ///         attempts += 1;
    ///         if attempts < 2 { Err("busy") } else { Ok(attempts) }
    ///     },
    ///     |_| true,
    /// );
    /// assert_eq!(answer, Ok(2));
    /// # Ok(()) }
    /// ```
    pub fn call_sync<T, E>(
        &self,
        mut call: impl FnMut() -> Result<T, E>,
        retry_if: impl Fn(&E) -> bool,
    ) -> Result<T, E> {
        let mut run = self.start_with(false);
        loop {
            match run.after_call(as_attempt(run.attempt(), &mut call), &retry_if) {
                ControlFlow::Continue(wait) => run.block(wait),
                ControlFlow::Break(result) => return result,
            }
        }
    }

    /// The loop of one guarded call, which may have an `on_retry`.
    #[doc(hidden)]
    #[inline(always)]
    pub fn start(&self) -> Run<'_> {
        Run::new(self, true)
    }

    /// The same of one that has none, as far as is known here.
    #[inline(always)]
    pub(crate) fn start_with(&self, may_have_hook: bool) -> Run<'_> {
        Run::new(self, may_have_hook)
    }

    /// Another configuration for the calls that begin from now on, and for the next waits of those under way (whose number of attempts stays).
    /// Not `enabled`, it makes no other attempt, and counts nothing of calls that begin so.
    ///
    /// # Errors
    ///
    /// The configuration's first mistake; nothing has changed then.
    pub fn reconfigure(&self, config: RetryConfig) -> Result<(), ConfigError> {
        Policy::reconfigure_by(self, config, None)
    }

    fn put(&self, config: RetryConfig) -> Result<Room, ConfigError> {
        config.validate()?;
        self.settings.replace(config.resolve(), |_| Ok(Room::new()))
    }
}

impl Retry {
    fn next_call(&self, settings: &RetrySettings) -> NextCall {
        let second = precise_nanos() / 1_000_000_000;
        let budget_spent =
            settings.enabled && settings.budget.is_some_and(|percent| !self.budget().has_left(second, percent));
        let at_most = if budget_spent { 1 } else { attempts(settings) as u32 };
        NextCall::Attempts { at_most, budget_spent }
    }

    fn budget(&self) -> &Budget {
        self.budget.get_or_init(|| Box::new(Budget::new()))
    }
}

/// One that is not enabled makes one attempt.
fn attempts(settings: &RetrySettings) -> u64 {
    if settings.enabled { u64::from(settings.attempts) } else { 1 }
}

fn wants(settings: &RetrySettings) -> u64 {
    let mut wants = 0;
    if !settings.enabled {
        return wants;
    }
    if settings.budget.is_some() {
        wants |= BUDGET;
    }
    if settings.max_elapsed.is_some() {
        wants |= PRECISE;
    }
    wants
}

/// What a [`Retry`] is set to and has counted.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RetrySnapshot {
    /// Which retry.
    pub name: Name,
    /// Calls in all that one may take.
    pub attempts: u32,
    /// Percent of calls that may be retries.
    pub budget: Option<f64>,
    /// Attempts beyond the first.
    pub retries: u64,
    /// Calls that succeeded after the first attempt had failed.
    pub recovered: u64,
    /// Calls that failed in the end, by the reason why no other attempt followed.
    pub gave_up: GaveUpCounts,
    /// How long ago it was built.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::json::seconds"))]
    pub age: Duration,
    /// What would happen to the next call.
    pub next: NextCall,
    /// What is in force, key by key, and where each value came from.
    pub settings: Vec<Setting>,
}

impl Policy for Retry {
    type Keys = RetryConfig;
    type Rule = Infallible;
    type Snapshot = RetrySnapshot;

    const KIND: Kind = Kind::Retry;

    fn new(name: Name, definition: &Definition<Self>, emitter: Emitter) -> Self {
        Self {
            name,
            settings: Settings::new(definition.keys.resolve()),
            budget: OnceCell::new(),
            retries: Count::new(),
            recovered: Count::new(),
            gave_up: [const { Count::new() }; GaveUp::ALL.len()],
            emitter,
            built: Timestamp::now(),
        }
    }

    fn name(&self) -> &Name {
        &self.name
    }

    fn in_force(&self) -> RetrySettings {
        *self.settings.get()
    }

    fn put_in_force(&self, keys: RetryConfig, _: &mut Turn<'_>) -> Result<Room, ConfigError> {
        self.put(keys)
    }

    fn emitter(&self) -> &Emitter {
        &self.emitter
    }

    fn runs(&self) -> Runs {
        Runs { retries: self.retries.get(), ..Runs::default() }
    }

    fn snapshot_with(&self, shown: Vec<Setting>) -> RetrySnapshot {
        let settings = self.settings.get();
        RetrySnapshot {
            name: self.name(),
            attempts: settings.attempts,
            budget: settings.budget,
            retries: self.retries.get(),
            recovered: self.recovered.get(),
            gave_up: GaveUpCounts::each(|why| self.gave_up[why as usize].get()),
            age: self.built.elapsed(),
            next: self.next_call(&settings),
            settings: shown,
        }
    }
}

impl std::fmt::Debug for Retry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Retry").field("name", &self.name).finish_non_exhaustive()
    }
}
