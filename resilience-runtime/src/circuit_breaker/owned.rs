//! A permit that owns its breaker, to be moved into a stream, a body or a task.

use super::breaker::CircuitBreaker;
use super::judging::Admitted;
use super::permit::{Permit, Watched};
use crate::error::{Failure, Rejection};
use crate::keyed::Keyed;
use crate::name::PolicyKey;
use crate::outcome::Outcome;
use std::fmt::Display;
use std::future::Future;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

/// The right to make one call, as [`Permit`], which borrows nothing: it can be moved into a stream, a body or a task, and ends with it.
///
/// Dropped without an outcome, the call counts as cancelled; one that was [watched](Self::watch) may be abandoned, or have failed by a panic.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use resilience_runtime::CircuitBreaker;
///
/// let feed = CircuitBreaker::builder("feed").register()?;
/// let permit = feed.try_acquire_owned()?;
/// let task = tokio::spawn(async move {
///     // … reads to the end …
///     permit.success();
/// });
/// task.await?;
/// assert_eq!(feed.totals().successes, 1);
/// # Ok(()) }
/// ```
#[must_use = "dropped at once, it counts a cancelled call"]
pub struct OwnedPermit {
    /// Until it has ended.
    call: Option<OwnedCall>,
}

struct OwnedCall {
    breaker: Arc<CircuitBreaker>,
    admitted: Admitted,
    began: u64,
    watched: Watched,
}

impl OwnedCall {
    /// What is known of the body so far, it knows too.
    fn permit(&self) -> Permit<'_> {
        Permit::new(&self.breaker, self.admitted, self.began).having_watched(&self.watched)
    }
}

/// A permit that is lent to a body, and what it got to know of that.
struct Lent<'p> {
    permit: ManuallyDrop<Permit<'p>>,
    watched: &'p Watched,
}

impl<'p> Lent<'p> {
    fn of(call: &'p OwnedCall) -> Self {
        Self { permit: ManuallyDrop::new(call.permit()), watched: &call.watched }
    }
}

// Also where a panic leaves the body.
impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.watched.know(self.permit.watched());
    }
}

impl OwnedPermit {
    fn new(breaker: &Arc<CircuitBreaker>, permit: Permit<'_>) -> Self {
        let (admitted, began) = permit.into_words();
        Self { call: Some(OwnedCall { breaker: Arc::clone(breaker), admitted, began, watched: Watched::new() }) }
    }

    /// The call did its work.
    pub fn success(self) {
        self.record(Outcome::Success);
    }

    /// The call failed.
    pub fn failure(self) {
        self.record(Outcome::Failure);
    }

    /// As [`Permit::failure_because`].
    pub fn failure_because(mut self, why: &dyn Display) {
        if let Some(call) = self.call.take() {
            call.permit().failure_because(why);
        }
    }

    /// The call says nothing about the dependency.
    pub fn ignore(self) {
        self.record(Outcome::Ignored);
    }

    /// As [`Permit::abandoned`].
    pub fn abandoned(mut self) {
        if let Some(call) = self.call.take() {
            call.permit().abandoned();
        }
    }

    /// The call ended so.
    pub fn record(mut self, outcome: Outcome) {
        if let Some(call) = self.call.take() {
            call.permit().record(outcome);
        }
    }

    /// Runs the call, or a part of it, so that the permit can tell a panic of the call's own (a failure) from being dropped because something else on the thread panics, and knows
    /// for how long the call has waited when it is dropped: as long as `abandoned_after`, it is [abandoned](Self::abandoned).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # async fn read() -> Result<(), std::io::Error> { Ok(()) }
    /// # let feed = std::sync::Arc::new(resilience_runtime::CircuitBreaker::builder("feed").build()?);
    /// let permit = feed.try_acquire_owned()?;
    /// match permit.watch(std::pin::pin!(read())).await {
    ///     Ok(()) => permit.success(),
    ///     Err(error) => permit.failure_because(&error),
    /// }
    /// # Ok(()) }
    /// ```
    pub fn watch<'p, F: Future>(&'p self, mut body: Pin<&'p mut F>) -> impl Future<Output = F::Output> + use<'p, F> {
        std::future::poll_fn(move |context| self.watch_poll(|| body.as_mut().poll(context)))
    }

    /// As [`watch`](Self::watch), of one poll: of a stream or a body.
    pub fn watch_poll<R>(&self, poll: impl FnOnce() -> Poll<R>) -> Poll<R> {
        match &self.call {
            Some(call) => Lent::of(call).permit.watch_poll(poll),
            // It has not ended, since it is here.
            None => poll(),
        }
    }

    /// As [`watch`](Self::watch), for a call that is not async.
    pub fn watch_call<R>(&self, call: impl FnOnce() -> R) -> R {
        match &self.call {
            Some(owned) => Lent::of(owned).permit.watch_call(call),
            None => call(),
        }
    }

    /// Runs the call and records how it ended; every `Err` counts as a failure. Dropping the returned future drops `call` at once: a cancelled call, or an abandoned one.
    ///
    /// # Errors
    ///
    /// The call's own error.
    pub async fn run<T, E>(mut self, call: impl Future<Output = Result<T, E>>) -> Result<T, Failure<E>> {
        match self.call.take() {
            Some(owned) => owned.permit().run(call, |_| Outcome::Failure).await,
            // It has not ended, since it is here.
            None => call.await.map_err(Failure::Call),
        }
    }
}

impl Drop for OwnedPermit {
    fn drop(&mut self) {
        if let Some(call) = self.call.take() {
            drop(call.permit());
        }
    }
}

impl std::fmt::Debug for OwnedPermit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OwnedPermit").field("breaker", &self.call.as_ref().map(|call| &call.breaker)).finish()
    }
}

impl CircuitBreaker {
    /// As [`try_acquire`](Self::try_acquire), with a permit that borrows nothing.
    ///
    /// # Errors
    ///
    /// [`Rejection::CircuitOpen`] while the breaker lets nothing through.
    pub fn try_acquire_owned(self: &Arc<Self>) -> Result<OwnedPermit, Rejection> {
        Ok(OwnedPermit::new(self, self.admit_by_hand()?))
    }

    /// As [`try_acquire_owned`](Self::try_acquire_owned), for a key: see [`keyed`](Self::keyed).
    ///
    /// # Errors
    ///
    /// [`Rejection::CircuitOpen`] while this key's breaker lets nothing through.
    pub fn try_acquire_owned_for<Fit>(self: &Arc<Self>, key: impl PolicyKey<Fit>) -> Result<OwnedPermit, Rejection> {
        let (of_key, permit) = Keyed::new(&**self, &key).acquired()?;
        Ok(OwnedPermit::new(of_key.unwrap_or(self), permit))
    }
}
