//! Everything that generated code may name, and nothing else. No stability is promised here.

pub use crate::circuit_breaker::Permit;
pub use crate::fallback::*;
pub use crate::hooks::*;
use crate::registry::Site;
pub use crate::registry::{Layer, OPERATIONS, Operation};
pub use crate::retry::{Run, Wait};
pub use core::clone::Clone;
pub use core::future::Future;
pub use core::ops::ControlFlow;
pub use core::option::Option::{self, None, Some};
pub use core::result::Result::{self, Err, Ok};
pub use core::time::Duration;
pub use linkme;
pub use resilience_config::*;

pub use crate::error::{Failure, Rejection};
pub use crate::window::WindowCounts;

/// A `#[circuit_breaker]` at its function.
pub type BreakerSite = Site<crate::CircuitBreaker>;
/// A `#[retry]` at its function.
pub type RetrySite = Site<crate::Retry>;
/// A `#[timeout]` at its function.
pub type TimeoutSite = Site<crate::Timeout>;
/// A `#[bulkhead]` at its function.
pub type BulkheadSite = Site<crate::Bulkhead>;
/// A `#[rate_limit]` at its function.
pub type RateLimitSite = Site<crate::RateLimiter>;

/// Runs a guarded call inside its span. The span is entered for each poll, and left while the call waits.
#[cfg(feature = "tracing")]
pub fn in_span<R, F: Future<Output = R>>(
    operation: &'static Operation,
    call: F,
) -> impl Future<Output = R> + use<R, F> {
    tracing::Instrument::instrument(call, crate::span::of(operation))
}

/// Where another build of this crate in the same program has the feature, and this one has not, the attributes write this line all the same.
#[cfg(not(feature = "tracing"))]
#[inline]
pub fn in_span<R, F: Future<Output = R>>(_: &'static Operation, call: F) -> F {
    call
}

/// The span of a guarded call that is not async, entered until it is dropped.
#[cfg(feature = "tracing")]
pub fn enter_span(operation: &'static Operation) -> impl Drop {
    crate::span::of(operation).entered()
}

/// As for [`in_span`]: nothing.
#[cfg(not(feature = "tracing"))]
#[inline]
pub fn enter_span(_: &'static Operation) {}

/// `retry_after` where none is written.
pub fn no_retry_after<E>(_: &E) -> Option<Duration> {
    None
}

/// `on_retry` where none is written.
pub fn no_hook(_: &crate::RetryEvent) {}

/// An argument that a retry gives to every attempt: the last one takes it, those before get clones.
#[inline]
pub fn lend<T: CloneArgument>(argument: &mut Option<T>, last: bool) -> T {
    let lent = if last { argument.take() } else { argument.as_ref().map(clone_argument) };
    lent.expect("an argument is taken by the last attempt alone")
}

/// Runs the body of a synchronous function, in which `return` and `?` leave the body alone.
#[inline]
pub fn run<R>(body: impl FnOnce() -> R) -> R {
    body()
}

/// `failure_if` where none is written.
pub fn every<E>(_: &E) -> bool {
    true
}

/// `ignore_if` where none is written.
pub fn nothing<E>(_: &E) -> bool {
    false
}

/// A call that was not admitted, on its way outward.
#[inline]
pub fn rejected<T, E>(refused: impl Into<Rejection>) -> Result<T, Failure<E>> {
    Err(Failure::Rejected(refused.into()))
}

/// Takes the outcome of what is inside a breaker, by the function's own predicates.
#[inline(always)]
pub fn settle<T, E, FailureFit, IgnoreFit>(
    permit: Permit<'_>,
    result: Result<T, Failure<E>>,
    failure_if: impl Predicate<E, FailureFit>,
    ignore_if: impl Predicate<E, IgnoreFit>,
) -> Result<T, Failure<E>> {
    permit.settle(result, failure_if, ignore_if)
}
