//! A stack of policies by hand, for what is not known before the program runs, such as its tenants.
//!
//! # Where things are
//!
//! `builder` says what may stand in which order and puts the policies into the registry, `run` is one call, step by step as the attributes generate it.

mod builder;
mod run;

pub use builder::{IntoPolicy, PipelineBuilder, PipelineError, PipelineMistake};

use crate::cause::{CauseText, Describe, undescribed};
use crate::error::Failure;
use crate::hooks::Classify;
use crate::name::{Name, PolicyKey, PrintedKey};
use crate::registry::PipelineHold;
use crate::verdict::Verdict;
use run::{EveryError, Stack};
use std::fmt;
use std::future::Future;
use std::sync::Arc;

/// A stack of policies around calls that are given to it: what the attributes are around a function, for what comes and goes while the program runs.
///
/// The policies are added from the outermost to the innermost, as attributes stand above a function. Orders in which one of them could not do its job are refused in the attributes' words.
///
/// Each policy that has no name of its own is called as the pipeline, and is in the registry under that name: it can be steered and configured, and is in snapshots, metrics and the health. So two
/// pipelines of one name share their policies. A pipeline keeps them in the registry; what pipelines alone have brought leaves it with the last of those that have it, with all that was known of it.
///
/// A clone is the same pipeline. A call allocates nothing that a guarded function's would not.
///
/// # Cancel safety
///
/// As of a guarded function: dropping the future of a call drops what is called at once, gives back places and turns, and tells the breaker that it was cancelled or abandoned. A panic of what is
/// called is a failure for the breaker, and goes on.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use resilience_runtime::{CircuitBreakerConfig, Failure, Pipeline, RetryConfig, TimeoutConfig, registry};
/// use std::time::Duration;
///
/// let acme = Pipeline::builder("tenant acme")
///     .retry(RetryConfig::new().attempts(2).delay(Duration::from_millis(1)))
///     .circuit_breaker(CircuitBreakerConfig::new().consecutive_failures(3))
///     .timeout(TimeoutConfig::new().after(Duration::from_secs(2)))
///     .build()?;
///
/// let answer: Result<u32, Failure<String>> = acme.call(|| async { Ok(7) }).await;
/// assert_eq!(answer, Ok(7));
///
/// assert_eq!(registry().circuit_breaker("tenant acme").unwrap().totals().successes, 1);
/// drop(acme);
/// assert!(registry().circuit_breaker("tenant acme").is_none());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Pipeline {
    inner: Arc<PipelineInner>,
}

struct PipelineInner {
    name: Name,
    // Before the hold, so that its handles are gone when its policies leave the registry.
    stack: Stack,
    _hold: PipelineHold,
}

/// A call that is about to be made through a [`Pipeline`], with what belongs to this call alone.
#[must_use = "nothing is called before `call`"]
pub struct PipelineCall<'p, D = NoCauses> {
    stack: &'p Stack,
    key: Option<PrintedKey>,
    cost: u32,
    causes: D,
}

/// Of whose errors nobody is told what they said.
#[doc(hidden)]
#[derive(Debug)]
pub struct NoCauses;

/// By a function of the user's.
#[doc(hidden)]
pub struct CausesBy<E>(Describe<E>);

/// What is told of an error of this type.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the error of the call is a `{E}`, of which `causes` was not told what it says",
    note = "give `causes` a function of that type, such as `Cause::of_error`"
)]
pub trait CausesOf<E> {
    fn describe(&self) -> Describe<E>;
}

#[diagnostic::do_not_recommend]
impl<E> CausesOf<E> for NoCauses {
    fn describe(&self) -> Describe<E> {
        undescribed
    }
}

#[diagnostic::do_not_recommend]
impl<E> CausesOf<E> for CausesBy<E> {
    fn describe(&self) -> Describe<E> {
        self.0
    }
}

impl Pipeline {
    /// A pipeline of that name, to which policies are added from the outermost to the innermost.
    pub fn builder(name: impl Into<Name>) -> PipelineBuilder {
        PipelineBuilder::new(name.into())
    }

    /// The name, which its policies have that have none of their own.
    pub fn name(&self) -> Name {
        self.inner.name.clone()
    }

    /// Makes one call. `call` is called again where there is a retry that wants another attempt; every `Err` is a failure.
    ///
    /// # Errors
    ///
    /// The last attempt's own error, or the rejection.
    ///
    /// # Panics
    ///
    /// Where it has to wait, and the runtime has no timer.
    pub async fn call<T, E, F>(&self, call: impl FnMut() -> F) -> Result<T, Failure<E>>
    where
        F: Future<Output = Result<T, E>>,
    {
        run::run(&self.plain(), call, &EveryError).await
    }

    /// As [`call`](Self::call), with `classify` to say of each result what it says about the dependency, whether another attempt may help, and how long it asked to be left alone. What is left is
    /// returned as it is, also an `Ok` that was classified as a failure.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use resilience_runtime::{Pipeline, RetryConfig, classify};
    /// use std::time::Duration;
    ///
    /// let stock = Pipeline::builder("stock").retry(RetryConfig::new().delay(Duration::from_millis(1))).build()?;
    /// let mut statuses = [503, 200].into_iter();
    /// let status = stock
    ///     .call_classified(
    ///         || std::future::ready(Ok::<_, std::io::Error>(statuses.next().unwrap())),
    ///         |result| result.map_or_else(classify::io_error, |status| classify::status(*status)),
    ///     )
    ///     .await;
    /// assert_eq!(status.unwrap(), 200);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// The last attempt's own error, or the rejection.
    ///
    /// # Panics
    ///
    /// Where it has to wait, and the runtime has no timer.
    pub async fn call_classified<T, E, F>(
        &self,
        call: impl FnMut() -> F,
        classify: impl for<'r> Fn(Result<&'r T, &'r E>) -> Verdict,
    ) -> Result<T, Failure<E>>
    where
        F: Future<Output = Result<T, E>>,
    {
        run::run(&self.plain(), call, &classify.by()).await
    }

    /// Has the circuit breaker, the bulkhead and the rate limiter of the pipeline ask their instance of that key, as `key = …` does at each of those attributes. Which keys there are, and what
    /// becomes of them, is told at [`CircuitBreaker::keyed`](crate::CircuitBreaker::keyed).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use resilience_runtime::{BulkheadConfig, Pipeline};
    ///
    /// let pool = Pipeline::builder("pool").bulkhead(BulkheadConfig::new().max_concurrent(1)).build()?;
    /// let outer = pool.keyed("acme").call(|| async {
    ///     let other = pool.keyed("globex").call(|| async { Ok::<_, String>(1) }).await;
    ///     let same = pool.keyed("acme").call(|| async { Ok::<_, String>(2) }).await;
    ///     Ok::<_, String>((other, same.unwrap_err().to_string()))
    /// });
    /// assert_eq!(outer.await, Ok((Ok(1), "bulkhead `pool[acme]` is full".to_owned())));
    /// # Ok(()) }
    /// ```
    pub fn keyed<Fit>(&self, key: impl PolicyKey<Fit>) -> PipelineCall<'_> {
        PipelineCall { key: Some(PrintedKey::print(&key)), ..self.plain() }
    }

    /// Has the rate limiter of the pipeline count the call as so many, as `cost = …` does at the attribute.
    pub fn costing(&self, cost: u32) -> PipelineCall<'_> {
        self.plain().costing(cost)
    }

    /// Has the events and the breaker's [last error](crate::CircuitBreakerSnapshot::last_error) say what the call's errors said, as they do of a guarded function: there it is found out from
    /// the error's type, of which nothing is demanded here. For what is an [`Error`](std::error::Error) it is [`Cause::of_error`](crate::Cause::of_error), with its sources; for anything else a
    /// function that captures nothing, such as `|error: &anyhow::Error, text| write!(text, "{error:#}")`. It is asked only where somebody is told.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use resilience_runtime::{Cause, CircuitBreakerConfig, Pipeline, registry};
    /// use std::io;
    ///
    /// let acme = Pipeline::builder("acme").circuit_breaker(CircuitBreakerConfig::new()).build()?;
    /// let refused = || async { Err::<(), _>(io::Error::from(io::ErrorKind::ConnectionRefused)) };
    /// acme.causes(Cause::of_error).call(refused).await.unwrap_err();
    /// let breaker = registry().circuit_breaker("acme").unwrap();
    /// assert_eq!(breaker.snapshot().last_error.unwrap().cause, "connection refused");
    /// # Ok(()) }
    /// ```
    pub fn causes<E>(&self, of: fn(&E, &mut CauseText) -> fmt::Result) -> PipelineCall<'_, CausesBy<E>> {
        self.plain().causes(of)
    }

    fn plain(&self) -> PipelineCall<'_> {
        PipelineCall { stack: &self.inner.stack, key: None, cost: 1, causes: NoCauses }
    }
}

impl<'p, D> PipelineCall<'p, D> {
    /// As [`Pipeline::costing`].
    pub fn costing(self, cost: u32) -> Self {
        Self { cost, ..self }
    }

    /// As [`Pipeline::causes`].
    pub fn causes<E>(self, of: fn(&E, &mut CauseText) -> fmt::Result) -> PipelineCall<'p, CausesBy<E>> {
        let Self { stack, key, cost, .. } = self;
        PipelineCall { stack, key, cost, causes: CausesBy(of) }
    }

    /// As [`Pipeline::call`].
    ///
    /// # Errors
    ///
    /// The last attempt's own error, or the rejection.
    pub async fn call<T, E, F>(self, call: impl FnMut() -> F) -> Result<T, Failure<E>>
    where
        F: Future<Output = Result<T, E>>,
        D: CausesOf<E>,
    {
        run::run(&self, call, &EveryError).await
    }

    /// As [`Pipeline::call_classified`].
    ///
    /// # Errors
    ///
    /// The last attempt's own error, or the rejection.
    pub async fn call_classified<T, E, F>(
        self,
        call: impl FnMut() -> F,
        classify: impl for<'r> Fn(Result<&'r T, &'r E>) -> Verdict,
    ) -> Result<T, Failure<E>>
    where
        F: Future<Output = Result<T, E>>,
        D: CausesOf<E>,
    {
        run::run(&self, call, &classify.by()).await
    }
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline").field("name", &self.inner.name).finish_non_exhaustive()
    }
}

impl<D> fmt::Debug for PipelineCall<'_, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PipelineCall").field("cost", &self.cost).finish_non_exhaustive()
    }
}
