//! Several layers around the body of a guarded function, in one future; a breaker alone has one of its own, in `guarded`.
//!
//! Nothing is demanded here of a user's types and hooks, and what is returned is opaque: what is demanded stands in the closures, in which the compiler
//! proves it once. It would prove it once more for what the function returns.

use crate::bulkhead::{Bulkhead, Place};
use crate::circuit_breaker::{CircuitBreaker, Permit};
use crate::error::{Failure, Rejection};
use crate::fallback::GuardedResult;
use crate::rate_limit::RateLimiter;
use crate::registry::Site;
use crate::retry::{Pause, Retry, Run, Wait};
use crate::timeout::{Timeout, Timer};
use pin_project_lite::pin_project;
use std::future::{Future, poll_fn};
use std::ops::ControlFlow;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

const POLLED_AGAIN: &str = "a guarded call was polled after it had ended";

/// A body with the layers inside of some other one.
pub trait Layered {
    /// A result of it: with a [`Rejection`] up to the layer that asks about errors, and with a [`Failure`] from there on.
    type Output;

    /// As a future is polled. The `permit` is that of the breaker around it, which wants to know of the body alone whether it waits or panics.
    fn poll_layers(
        self: Pin<&mut Self>,
        permit: Option<&Permit<'static>>,
        context: &mut Context<'_>,
    ) -> Poll<Self::Output>;
}

/// The whole call: `finish` makes the function's own result of what all `layers` came to.
#[inline(always)]
pub fn guard_layers<R, X>(layers: impl Layered<Output = X>, finish: impl FnOnce(X) -> R) -> impl Future<Output = R> {
    LayeredCall { layers: Some(layers), finish: Some(finish) }
}

pin_project! {
    /// The future of [`guard_layers`].
    #[must_use = "futures do nothing unless awaited"]
    struct LayeredCall<L, End> {
        #[pin]
        layers: Option<L>,
        finish: Option<End>,
    }
}

impl<R, L: Layered, End: FnOnce(L::Output) -> R> Future for LayeredCall<L, End> {
    type Output = R;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<R> {
        let mut this = self.project();
        let result = ready!(this.layers.as_mut().as_pin_mut().expect(POLLED_AGAIN).poll_layers(None, context));
        this.layers.set(None);
        Poll::Ready(this.finish.take().expect(POLLED_AGAIN)(result))
    }
}

/// The innermost.
#[inline(always)]
pub fn body<R>(body: impl Future<Output = R>) -> impl Layered<Output = Result<R, Rejection>> {
    Innermost { body }
}

pin_project! {
    /// See [`body`].
    struct Innermost<F> {
        #[pin]
        body: F,
    }
}

impl<F: Future> Layered for Innermost<F> {
    type Output = Result<F::Output, Rejection>;

    #[inline(always)]
    fn poll_layers(
        self: Pin<&mut Self>,
        permit: Option<&Permit<'static>>,
        context: &mut Context<'_>,
    ) -> Poll<Self::Output> {
        let body = self.project().body;
        match permit {
            Some(permit) => pin!(permit.watch(body)).poll(context),
            None => body.poll(context),
        }
        .map(Ok)
    }
}

/// What a body came to, inside of all layers that ask about its errors.
#[inline]
pub fn answered<R: GuardedResult<T, E>, T, E>(result: Result<R, Rejection>) -> Result<T, Failure<E>> {
    match result {
        Ok(result) => result.called(),
        Err(rejection) => Err(Failure::Rejected(rejection)),
    }
}

/// Behind a breaker, which `settle` tells how it ended.
#[inline(always)]
pub fn behind<X, T, E>(
    site: &'static Site<CircuitBreaker>,
    inside: impl Layered<Output = X>,
    settle: impl FnOnce(Permit<'static>, X) -> Result<T, Failure<E>>,
) -> impl Layered<Output = Result<T, Failure<E>>> {
    Behind { inside: Some(inside), permit: None, site: Some(site), settle: Some(settle) }
}

pin_project! {
    /// See [`behind`].
    struct Behind<L, S> {
        // Before the permit, so that it is dropped before: a panic in what it drops is the call's own. None when the call was rejected.
        #[pin]
        inside: Option<L>,
        // While the body waits.
        permit: Option<Permit<'static>>,
        // Up to the first poll.
        site: Option<&'static Site<CircuitBreaker>>,
        settle: Option<S>,
    }
}

impl<T, E, L, S> Layered for Behind<L, S>
where
    L: Layered,
    S: FnOnce(Permit<'static>, L::Output) -> Result<T, Failure<E>>,
{
    type Output = Result<T, Failure<E>>;

    #[inline(always)]
    fn poll_layers(self: Pin<&mut Self>, _: Option<&Permit<'static>>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let permit = match this.site.take() {
            None => this.permit.take().expect(POLLED_AGAIN),
            Some(site) => match site.admit() {
                Ok(permit) => permit,
                Err(refused) => {
                    this.inside.set(None);
                    return Poll::Ready(Err(Failure::Rejected(refused.into())));
                }
            },
        };
        let inside = this.inside.as_mut().as_pin_mut().expect(POLLED_AGAIN);
        match inside.poll_layers(Some(&permit), context) {
            Poll::Pending => {
                *this.permit = Some(permit);
                Poll::Pending
            }
            Poll::Ready(result) => Poll::Ready(this.settle.take().expect(POLLED_AGAIN)(permit, result)),
        }
    }
}

/// With a place in a bulkhead, if one is free.
#[inline(always)]
pub fn placed_at_once<T, J: From<Rejection>>(
    site: &'static Site<Bulkhead>,
    inside: impl Layered<Output = Result<T, J>>,
) -> impl Layered<Output = Result<T, J>> {
    let_in(inside, move || poll_fn(move |_| Poll::Ready(site.get().try_acquire())))
}

/// With a place in a bulkhead, for which it may wait.
#[inline(always)]
pub fn placed<T, J: From<Rejection>>(
    site: &'static Site<Bulkhead>,
    inside: impl Layered<Output = Result<T, J>>,
) -> impl Layered<Output = Result<T, J>> {
    let_in(inside, move || AssertUnwindSafe(site.get().acquire()))
}

/// In the turn that a limiter gives, if it gives one.
#[inline(always)]
pub fn in_turn_at_once<T, J: From<Rejection>>(
    site: &'static Site<RateLimiter>,
    inside: impl Layered<Output = Result<T, J>>,
) -> impl Layered<Output = Result<T, J>> {
    let_in(inside, move || poll_fn(move |_| Poll::Ready(site.get().try_acquire())))
}

/// In the turn that a limiter gives, for which it may wait.
#[inline(always)]
pub fn in_turn<T, J: From<Rejection>>(
    site: &'static Site<RateLimiter>,
    inside: impl Layered<Output = Result<T, J>>,
) -> impl Layered<Output = Result<T, J>> {
    let_in(inside, move || AssertUnwindSafe(site.get().acquire()))
}

/// What is held while something is inside, and is told whether that waits.
trait Holding {
    fn watch_poll<R>(&self, poll: impl FnOnce() -> Poll<R>) -> Poll<R>;
}

impl Holding for Place<'_> {
    #[inline]
    fn watch_poll<R>(&self, poll: impl FnOnce() -> Poll<R>) -> Poll<R> {
        Place::watch_poll(self, poll)
    }
}

/// A turn is over when it begins.
impl Holding for () {
    #[inline]
    fn watch_poll<R>(&self, poll: impl FnOnce() -> Poll<R>) -> Poll<R> {
        poll()
    }
}

#[inline(always)]
fn let_in<T, J: From<Rejection>, Enter: Future<Output = Result<Held, Rejection>>, Held: Holding>(
    inside: impl Layered<Output = Result<T, J>>,
    ask: impl FnOnce() -> Enter,
) -> impl Layered<Output = Result<T, J>> {
    LetIn { inside: Some(inside), door: Door::Before { ask: Some(ask) } }
}

pin_project! {
    /// What has to be let in, and may hold something while it is.
    struct LetIn<L, Ask, Enter, Held> {
        // Before what it holds, so that it is dropped before.
        #[pin]
        inside: Option<L>,
        #[pin]
        door: Door<Ask, Enter, Held>,
    }
}

pin_project! {
    #[project = DoorOf]
    enum Door<Ask, Enter, Held> {
        Before { ask: Option<Ask> },
        At { #[pin] enter: Enter },
        Inside { held: Held },
        Left,
    }
}

impl<T, J: From<Rejection>, L, Ask, Enter, Held> Layered for LetIn<L, Ask, Enter, Held>
where
    L: Layered<Output = Result<T, J>>,
    Ask: FnOnce() -> Enter,
    Enter: Future<Output = Result<Held, Rejection>>,
    Held: Holding,
{
    type Output = Result<T, J>;

    #[inline]
    fn poll_layers(
        self: Pin<&mut Self>,
        permit: Option<&Permit<'static>>,
        context: &mut Context<'_>,
    ) -> Poll<Self::Output> {
        let mut this = self.project();
        let result = loop {
            let next = match this.door.as_mut().project() {
                DoorOf::Before { ask } => Door::At { enter: ask.take().expect(POLLED_AGAIN)() },
                DoorOf::At { enter } => match ready!(enter.poll(context)) {
                    Ok(held) => Door::Inside { held },
                    Err(rejection) => {
                        this.door.set(Door::Left);
                        this.inside.set(None);
                        return Poll::Ready(Err(rejection.into()));
                    }
                },
                DoorOf::Inside { held } => {
                    let inside = this.inside.as_mut().as_pin_mut().expect(POLLED_AGAIN);
                    break ready!(held.watch_poll(|| inside.poll_layers(permit, context)));
                }
                DoorOf::Left => panic!("{POLLED_AGAIN}"),
            };
            this.door.set(next);
        };
        this.inside.set(None);
        this.door.set(Door::Left);
        Poll::Ready(result)
    }
}

/// For as long as a timeout says.
#[inline(always)]
pub fn within<T, J: From<Rejection>>(
    site: &'static Site<Timeout>,
    inside: impl Layered<Output = Result<T, J>>,
) -> impl Layered<Output = Result<T, J>> {
    Within { inside: Some(inside), site, timeout: None, timer: Timer::default() }
}

pin_project! {
    /// See [`within`].
    struct Within<L> {
        #[pin]
        inside: Option<L>,
        site: &'static Site<Timeout>,
        // From the first poll on.
        timeout: Option<&'static Timeout>,
        #[pin]
        timer: Timer,
    }
}

impl<T, J: From<Rejection>, L: Layered<Output = Result<T, J>>> Layered for Within<L> {
    type Output = Result<T, J>;

    #[inline]
    fn poll_layers(
        self: Pin<&mut Self>,
        permit: Option<&Permit<'static>>,
        context: &mut Context<'_>,
    ) -> Poll<Self::Output> {
        let mut this = self.project();
        let timeout = this.timeout.get_or_insert_with(|| this.site.get());
        let inside = this.inside.as_mut().as_pin_mut().expect(POLLED_AGAIN);
        if let Poll::Ready(result) = inside.poll_layers(permit, context) {
            return Poll::Ready(result);
        }
        let rejection = ready!(this.timer.poll_expired(timeout, context));
        this.inside.set(None);
        Poll::Ready(Err(rejection.into()))
    }
}

/// Tried until `after` says that it is enough; `attempt` makes the layers of one attempt.
#[inline(always)]
pub fn retried<L, X, T, E>(
    site: &'static Site<Retry>,
    attempt: impl FnMut(&Run<'static>) -> L,
    after: impl FnMut(&mut Run<'static>, X) -> ControlFlow<Result<T, Failure<E>>, Wait>,
) -> impl Layered<Output = Result<T, Failure<E>>>
where
    L: Layered<Output = X>,
{
    Retried { trying: Trying::Between, run: None, site: Some(site), attempt, after }
}

pin_project! {
    /// See [`retried`].
    struct Retried<L, Attempt, After> {
        #[pin]
        trying: Trying<L>,
        run: Option<Run<'static>>,
        // Up to the first poll.
        site: Option<&'static Site<Retry>>,
        attempt: Attempt,
        after: After,
    }
}

pin_project! {
    /// Whatever an attempt does not use up is gone before the wait for the next one.
    #[project = TryingOf]
    enum Trying<L> {
        Between,
        Attempt { #[pin] layers: L },
        Wait { #[pin] pause: Pause },
    }
}

impl<T, E, L, Attempt, After> Layered for Retried<L, Attempt, After>
where
    L: Layered,
    Attempt: FnMut(&Run<'static>) -> L,
    After: FnMut(&mut Run<'static>, L::Output) -> ControlFlow<Result<T, Failure<E>>, Wait>,
{
    type Output = Result<T, Failure<E>>;

    #[inline]
    fn poll_layers(
        self: Pin<&mut Self>,
        permit: Option<&Permit<'static>>,
        context: &mut Context<'_>,
    ) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Some(site) = this.site.take() {
            *this.run = Some(site.get().start());
        }
        let run = this.run.as_mut().expect(POLLED_AGAIN);
        loop {
            let next = match this.trying.as_mut().project() {
                TryingOf::Between => Trying::Attempt { layers: (this.attempt)(run) },
                TryingOf::Attempt { layers } => {
                    let result = ready!(layers.poll_layers(permit, context));
                    this.trying.set(Trying::Between);
                    match (this.after)(run, result) {
                        ControlFlow::Continue(wait) => Trying::Wait { pause: wait.into_future() },
                        ControlFlow::Break(result) => return Poll::Ready(result),
                    }
                }
                TryingOf::Wait { pause } => {
                    ready!(pause.poll(context));
                    Trying::Between
                }
            };
            this.trying.set(next);
        }
    }
}
