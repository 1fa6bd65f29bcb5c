//! Calls that are known to be under way, so that their key keeps its breaker until they have ended.
//!
//! A call that is ready at once does not pay for it: it is over before anybody could want its breaker. So a call counts from when it first waits, and one that is not
//! async or whose permit was moved elsewhere from its beginning.

use super::breaker::CircuitBreaker;
use super::permit::Permit;
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A call that is known until this is dropped.
#[derive(Debug)]
pub(super) struct UnderWay<'a>(&'a CircuitBreaker);

impl<'a> UnderWay<'a> {
    pub(super) fn of(breaker: &'a CircuitBreaker) -> Self {
        breaker.in_flight.begins();
        Self(breaker)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.in_flight.ends();
    }
}

pin_project! {
    /// The body of a call with a key, which is known from when it first waits.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless awaited"]
    pub struct KnownCall<'a, F> {
        #[pin]
        body: F,
        breaker: &'a CircuitBreaker,
        known: Option<UnderWay<'a>>,
    }
}

impl<F: Future> Future for KnownCall<'_, F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let polled = this.body.poll(context);
        if polled.is_pending() && this.known.is_none() {
            *this.known = Some(UnderWay::of(this.breaker));
        }
        polled
    }
}

impl<'a> Permit<'a> {
    /// A call that waits keeps its key's breaker where it is.
    #[doc(hidden)]
    #[inline]
    pub fn known<F: Future>(&self, body: F) -> KnownCall<'a, F> {
        KnownCall { body, breaker: self.breaker(), known: None }
    }

    /// As [`known`](Self::known), for a call that is not async: nobody can say whether that waits, so it is known from its beginning.
    #[doc(hidden)]
    #[inline]
    pub fn known_call<R>(&self, body: impl FnOnce() -> R) -> R {
        let _known = UnderWay::of(self.breaker());
        self.watch_call(body)
    }
}
