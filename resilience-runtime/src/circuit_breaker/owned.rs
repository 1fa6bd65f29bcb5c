//! A permit that owns its breaker, to be moved into a stream, a body or a task.

use super::breaker::CircuitBreaker;
use super::judging::Admitted;
use super::permit::Permit;
use crate::error::{Failure, Rejection};
use crate::keyed::Keyed;
use crate::name::PolicyKey;
use crate::outcome::Outcome;
use std::future::Future;
use std::sync::Arc;

/// The right to make one call, as [`Permit`], which borrows nothing: it can be moved into a stream, a body or a task, and ends with it.
///
/// Dropped without an outcome, the call counts as cancelled.
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
}

impl OwnedCall {
    fn permit(&self) -> Permit<'_> {
        Permit::new(&self.breaker, self.admitted, self.began)
    }
}

impl OwnedPermit {
    fn new(breaker: &Arc<CircuitBreaker>, permit: Permit<'_>) -> Self {
        let (admitted, began) = permit.into_words();
        Self { call: Some(OwnedCall { breaker: Arc::clone(breaker), admitted, began }) }
    }

    /// The call did its work.
    pub fn success(self) {
        self.record(Outcome::Success);
    }

    /// The call failed.
    pub fn failure(self) {
        self.record(Outcome::Failure);
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
        Ok(OwnedPermit::new(self, self.try_acquire()?))
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
