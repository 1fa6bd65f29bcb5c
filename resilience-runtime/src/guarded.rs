//! A breaker around one body, in one future: what most guarded functions are, and so what has to cost the least, to run and to compile.

use crate::circuit_breaker::{CircuitBreaker, Permit};
use crate::error::Failure;
use crate::registry::Site;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

/// What whoever polls a guarded call after its end is told.
pub(crate) const POLLED_AGAIN: &str = "a guarded call was polled after it had ended";

/// The `body` behind the breaker of that `site`. `settle` tells the breaker how it ended, and `finish` makes the function's own result of it,
/// as of a rejection.
///
/// Nothing is demanded here of a user's types and hooks, and what is returned is opaque: the compiler proves what is demanded once in the
/// closures, and would prove it once more for what the function returns.
#[inline(always)]
pub fn guard<R, T, E, B, S, End>(
    site: &'static Site<CircuitBreaker>,
    body: B,
    settle: S,
    finish: End,
) -> impl Future<Output = R>
where
    B: Future<Output = R>,
    S: FnOnce(Permit<'static>, R) -> Result<T, Failure<E>>,
    End: FnOnce(Result<T, Failure<E>>) -> R,
{
    Guarded {
        body: Some(body),
        start: Some((site, settle, finish)),
        waiting: None,
        types: PhantomData::<fn() -> (R, T, E)>,
    }
}

pin_project_lite::pin_project! {
    /// The future of [`guard`].
    #[must_use = "futures do nothing unless awaited"]
    struct Guarded<B, S, End, Types> {
        // Before the permit, so that it is dropped before: a panic in what it drops is the call's own. None when the call was rejected.
        #[pin]
        body: Option<B>,
        // Up to the first poll.
        start: Option<(&'static Site<CircuitBreaker>, S, End)>,
        // While the body waits.
        waiting: Option<(Permit<'static>, S, End)>,
        types: PhantomData<fn() -> Types>,
    }
}

impl<R, T, E, B, S, End> Future for Guarded<B, S, End, (R, T, E)>
where
    B: Future<Output = R>,
    S: FnOnce(Permit<'static>, R) -> Result<T, Failure<E>>,
    End: FnOnce(Result<T, Failure<E>>) -> R,
{
    type Output = R;

    /// Always inlined, as all that a success of a closed breaker passes through: in one codegen unit the compiler would not by itself.
    #[inline(always)]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<R> {
        let mut this = self.project();
        let body = this.body.as_mut().as_pin_mut().expect(POLLED_AGAIN);
        let (permit, settle, finish) = match this.start.take() {
            None => this.waiting.take().expect(POLLED_AGAIN),
            Some((site, settle, finish)) => match site.admit() {
                Ok(permit) => (permit, settle, finish),
                Err(refused) => {
                    this.body.set(None);
                    return Poll::Ready(finish(Err(Failure::Rejected(refused.into()))));
                }
            },
        };
        let running = permit.runs();
        let polled = body.poll(context);
        running.returned();
        match polled {
            Poll::Pending => {
                permit.waits();
                *this.waiting = Some((permit, settle, finish));
                Poll::Pending
            }
            Poll::Ready(result) => Poll::Ready(finish(settle(permit, result))),
        }
    }
}
