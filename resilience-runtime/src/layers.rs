//! Several layers around the body of a guarded function, in one future; a breaker alone has one of its own, in `guarded`.
//!
//! A generated function makes one call, with the body, the sites of its layers in a tuple, and what is to be asked about the results. What is made of the
//! sites is a future in a future for each layer, but here: what is not of the function's own types, the compiler looks at once and not in every function anew.
//!
//! Nothing is demanded of a user's types and hooks, and what is returned is opaque: what is demanded stands in the closures, in which the compiler
//! proves it once. It would prove it once more for what the function returns.

use crate::bulkhead::{Bulkhead, Place};
use crate::cause::{Describe, undescribed};
use crate::circuit_breaker::{CircuitBreaker, Permit};
use crate::error::{Failure, Rejection};
use crate::event::RetryEvent;
use crate::policy::Policy;
use crate::rate_limit::RateLimiter;
use crate::registry::{Kept, Site};
use crate::retry::{Pause, Retry, Run, Wait, in_attempt};
use crate::timeout::{Timeout, Timer};
use crate::verdict::Verdict;
use pin_project_lite::pin_project;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

const POLLED_AGAIN: &str = "a guarded call was polled after it had ended";

/// A result on its way outward, as the function's own code sees it.
type Outward<T, E> = Result<T, Failure<E>>;

/// The same with the description beside the error, so that a success has nothing of it.
type Inward<A> = Result<<A as Questions>::Value, Described<<A as Questions>::Error>>;

/// A failure, and how its error is described.
pub struct Described<E> {
    failure: Failure<E>,
    describe: Describe<E>,
}

impl<E> From<Rejection> for Described<E> {
    #[inline]
    fn from(rejection: Rejection) -> Self {
        Self { failure: Failure::Rejected(rejection), describe: undescribed }
    }
}

/// What the function's own code is asked about its results; without hooks, what the body has returned is all.
pub trait Questions {
    /// By the body.
    type Returned;
    /// By the function.
    type Value;
    /// By the function.
    type Error;

    /// What the body has returned.
    fn called(&self, returned: Self::Returned) -> Inward<Self>;

    /// Tells the breaker.
    #[inline(always)]
    fn settle(&self, permit: Permit<'static>, answer: Inward<Self>) -> Inward<Self> {
        let (describe, result) = apart(answer);
        together((describe, settle_any(permit, describe, result)))
    }

    /// Tells the retry, which stands above that breaker.
    #[inline(always)]
    fn after(
        &self,
        run: &mut Run<'static>,
        answer: Inward<Self>,
        breaker: Option<&'static Site<CircuitBreaker>>,
    ) -> ControlFlow<Inward<Self>, Wait> {
        let (describe, result) = apart(answer);
        tried(run, describe, result, breaker).map_break(|result| together((describe, result)))
    }
}

/// Hands an answer to what takes its two parts, and makes one of what that returns: the same, if perhaps later.
#[inline(always)]
fn apart<T, E>(answer: Result<T, Described<E>>) -> (Describe<E>, Outward<T, E>) {
    match answer {
        Ok(value) => (undescribed, Ok(value)),
        Err(Described { failure, describe }) => (describe, Err(failure)),
    }
}

#[inline(always)]
fn together<T, E>((describe, result): (Describe<E>, Outward<T, E>)) -> Result<T, Described<E>> {
    result.map_err(|failure| Described { failure, describe })
}

/// Tells a breaker for which no predicate is written.
#[inline(always)]
pub fn settle_any<T, E>(permit: Permit<'_>, describe: Describe<E>, result: Outward<T, E>) -> Outward<T, E> {
    permit.settle(result, describe, |_| Verdict::SUCCESS, |_| Verdict::FAILURE)
}

/// What a retry without predicates and hooks makes of the result of an attempt. It may stand above a `breaker`.
#[inline]
pub fn tried<T, E>(
    run: &mut Run<'_>,
    describe: Describe<E>,
    result: Outward<T, E>,
    breaker: Option<&'static Site<CircuitBreaker>>,
) -> ControlFlow<Outward<T, E>, Wait> {
    let is_shut = |wait| breaker.is_some_and(|breaker| breaker.is_shut_after(wait));
    run.after_above((describe, false), result, |_: &E| true, |_: &E| None, |_: &RetryEvent| {}, is_shut)
}

/// The function has no hooks.
struct NoHooks<Called, Types> {
    called: Called,
    types: PhantomData<fn() -> Types>,
}

impl<R, T, E, Called: Fn(R) -> (Describe<E>, Outward<T, E>)> Questions for NoHooks<Called, (R, T, E)> {
    type Returned = R;
    type Value = T;
    type Error = E;

    #[inline(always)]
    fn called(&self, returned: R) -> Inward<Self> {
        together((self.called)(returned))
    }
}

/// Some of its hooks are written.
struct Hooks<Called, Settle, After, Types> {
    called: Called,
    settle: Settle,
    after: After,
    types: PhantomData<fn() -> Types>,
}

impl<R, T, E, Called, Settle, After> Questions for Hooks<Called, Settle, After, (R, T, E)>
where
    Called: Fn(R) -> (Describe<E>, Outward<T, E>),
    Settle: Fn(Permit<'static>, Describe<E>, Outward<T, E>) -> Outward<T, E>,
    After: Fn(&mut Run<'static>, Describe<E>, Outward<T, E>) -> ControlFlow<Outward<T, E>, Wait>,
{
    type Returned = R;
    type Value = T;
    type Error = E;

    #[inline(always)]
    fn called(&self, returned: R) -> Inward<Self> {
        together((self.called)(returned))
    }

    #[inline(always)]
    fn settle(&self, permit: Permit<'static>, answer: Inward<Self>) -> Inward<Self> {
        let (describe, result) = apart(answer);
        together((describe, (self.settle)(permit, describe, result)))
    }

    #[inline(always)]
    fn after(
        &self,
        run: &mut Run<'static>,
        answer: Inward<Self>,
        _: Option<&'static Site<CircuitBreaker>>,
    ) -> ControlFlow<Inward<Self>, Wait> {
        let (describe, result) = apart(answer);
        (self.after)(run, describe, result).map_break(|result| together((describe, result)))
    }
}

/// The `layers` around a `body`. `called` takes what it returns, and says how its error is described; `finish` makes the function's own result of what
/// the layers came to.
#[inline(always)]
pub fn guard_layers<R, T, E, B: Future<Output = R>>(
    layers: impl Layers,
    body: B,
    called: impl Fn(R) -> (Describe<E>, Outward<T, E>),
    finish: impl FnOnce(Outward<T, E>) -> R,
) -> impl Future<Output = R> {
    asking(NoHooks { called, types: PhantomData::<fn() -> (R, T, E)> }, layers, Innermost { body }, finish)
}

/// The same where hooks are written: `settle` tells the breaker.
#[inline(always)]
pub fn guard_layers_with<R, T, E, B: Future<Output = R>>(
    layers: impl Layers,
    body: B,
    called: impl Fn(R) -> (Describe<E>, Outward<T, E>),
    settle: impl Fn(Permit<'static>, Describe<E>, Outward<T, E>) -> Outward<T, E>,
    finish: impl FnOnce(Outward<T, E>) -> R,
) -> impl Future<Output = R> {
    let after = |run: &mut Run<'static>, describe, result| tried(run, describe, result, None);
    let asked = Hooks { called, settle, after, types: PhantomData::<fn() -> (R, T, E)> };
    asking(asked, layers, Innermost { body }, finish)
}

/// The outer layers around a retry, and the inner ones around each `attempt`.
#[inline(always)]
pub fn guard_attempts<R, T, E, B: Future<Output = R>>(
    layers: (impl Layers, &'static Site<Retry>, impl Layers),
    attempt: impl FnMut(&Run<'static>) -> B,
    called: impl Fn(R) -> (Describe<E>, Outward<T, E>),
    finish: impl FnOnce(Outward<T, E>) -> R,
) -> impl Future<Output = R> {
    retrying(NoHooks { called, types: PhantomData::<fn() -> (R, T, E)> }, layers, attempt, finish)
}

/// The same where hooks are written: `settle` tells the breaker, and `after` the retry.
#[inline(always)]
pub fn guard_attempts_with<R, T, E, B: Future<Output = R>>(
    layers: (impl Layers, &'static Site<Retry>, impl Layers),
    attempt: impl FnMut(&Run<'static>) -> B,
    called: impl Fn(R) -> (Describe<E>, Outward<T, E>),
    settle: impl Fn(Permit<'static>, Describe<E>, Outward<T, E>) -> Outward<T, E>,
    after: impl Fn(&mut Run<'static>, Describe<E>, Outward<T, E>) -> ControlFlow<Outward<T, E>, Wait>,
    finish: impl FnOnce(Outward<T, E>) -> R,
) -> impl Future<Output = R> {
    retrying(Hooks { called, settle, after, types: PhantomData::<fn() -> (R, T, E)> }, layers, attempt, finish)
}

#[inline(always)]
fn retrying<A: Questions, B: Future<Output = A::Returned>>(
    asked: A,
    (outer, retry, inner): (impl Layers, &'static Site<Retry>, impl Layers),
    mut attempt: impl FnMut(&Run<'static>) -> B,
    finish: impl FnOnce(Outward<A::Value, A::Error>) -> A::Returned,
) -> impl Future<Output = A::Returned> {
    let breaker = inner.breaker();
    let attempt =
        move |run: &Run<'static>| inner.around::<A, _>(Innermost { body: in_attempt(run.attempt(), attempt(run)) });
    asking(asked, outer, Retried { trying: Trying::Between, run: None, site: Some(retry), attempt, breaker }, finish)
}

#[inline(always)]
fn asking<A: Questions>(
    asked: A,
    layers: impl Layers,
    inside: impl Layered<A>,
    finish: impl FnOnce(Outward<A::Value, A::Error>) -> A::Returned,
) -> impl Future<Output = A::Returned> {
    GuardedCall { layers: Some(layers.around::<A, _>(inside)), asked, finish: Some(finish) }
}

pin_project! {
    /// The whole call.
    #[must_use = "futures do nothing unless awaited"]
    struct GuardedCall<L, A, End> {
        #[pin]
        layers: Option<L>,
        asked: A,
        finish: Option<End>,
    }
}

impl<A, L, End> Future for GuardedCall<L, A, End>
where
    A: Questions,
    L: Layered<A>,
    End: FnOnce(Outward<A::Value, A::Error>) -> A::Returned,
{
    type Output = A::Returned;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<A::Returned> {
        let mut this = self.project();
        let layers = this.layers.as_mut().as_pin_mut().expect(POLLED_AGAIN);
        let answer = ready!(layers.poll_layers(this.asked, None, context));
        this.layers.set(None);
        let (_, result) = apart(answer);
        Poll::Ready(this.finish.take().expect(POLLED_AGAIN)(result))
    }
}

/// The sites of layers that are in each other, outermost first.
pub trait Layers: Copy {
    /// Those layers around what is `inside`.
    fn around<A: Questions, L: Layered<A>>(self, inside: L) -> impl Layered<A>;

    /// A breaker among them.
    fn breaker(self) -> Option<&'static Site<CircuitBreaker>> {
        None
    }
}

impl Layers for () {
    #[inline(always)]
    fn around<A: Questions, L: Layered<A>>(self, inside: L) -> impl Layered<A> {
        inside
    }
}

macro_rules! tuples {
    ($first:ident $($other:ident)*) => {
        impl<$first: Layers, $($other: Layers),*> Layers for ($first, $($other,)*) {
            #[inline(always)]
            #[allow(non_snake_case)]
            fn around<A: Questions, L: Layered<A>>(self, inside: L) -> impl Layered<A> {
                let ($first, $($other,)*) = self;
                $first.around::<A, _>(($($other,)*).around::<A, _>(inside))
            }

            #[allow(non_snake_case)]
            fn breaker(self) -> Option<&'static Site<CircuitBreaker>> {
                let ($first, $($other,)*) = self;
                $first.breaker().or(($($other,)*).breaker())
            }
        }

        tuples!($($other)*);
    };
    () => {};
}

// As many as there are policies but the retry, each of which stands in one tuple once.
tuples!(First Second Third Fourth Fifth);

/// A body with the layers inside of some other one.
pub trait Layered<A: Questions> {
    /// As a future is polled. The `permit` is that of the breaker around it, which wants to know of the body alone whether it waits or panics.
    fn poll_layers(
        self: Pin<&mut Self>,
        asked: &A,
        permit: Option<&Permit<'static>>,
        context: &mut Context<'_>,
    ) -> Poll<Inward<A>>;
}

pin_project! {
    /// The body alone.
    struct Innermost<F> {
        #[pin]
        body: F,
    }
}

impl<A: Questions, F: Future<Output = A::Returned>> Layered<A> for Innermost<F> {
    #[inline(always)]
    fn poll_layers(
        self: Pin<&mut Self>,
        asked: &A,
        permit: Option<&Permit<'static>>,
        context: &mut Context<'_>,
    ) -> Poll<Inward<A>> {
        let body = self.project().body;
        match permit {
            Some(permit) => pin!(permit.watch(body)).poll(context),
            None => body.poll(context),
        }
        .map(|returned| asked.called(returned))
    }
}

/// A breaker, which is told how what is inside ended.
impl Layers for &'static Site<CircuitBreaker> {
    #[inline(always)]
    fn around<A: Questions, L: Layered<A>>(self, inside: L) -> impl Layered<A> {
        ByPermit { inside: Some(inside), permit: None, site: Some(self) }
    }

    fn breaker(self) -> Option<Self> {
        Some(self)
    }
}

pin_project! {
    /// Behind a breaker.
    struct ByPermit<L> {
        // Before the permit, so that it is dropped before: a panic in what it drops is the call's own. None when the call was rejected.
        #[pin]
        inside: Option<L>,
        // While the body waits.
        permit: Option<Permit<'static>>,
        // Up to the first poll.
        site: Option<&'static Site<CircuitBreaker>>,
    }
}

impl<A: Questions, L: Layered<A>> Layered<A> for ByPermit<L> {
    #[inline(always)]
    fn poll_layers(
        self: Pin<&mut Self>,
        asked: &A,
        _: Option<&Permit<'static>>,
        context: &mut Context<'_>,
    ) -> Poll<Inward<A>> {
        let mut this = self.project();
        let permit = match this.site.take() {
            None => this.permit.take().expect(POLLED_AGAIN),
            Some(site) => match site.admit() {
                Ok(permit) => permit,
                Err(refused) => {
                    this.inside.set(None);
                    return Poll::Ready(Err(Rejection::from(refused).into()));
                }
            },
        };
        let inside = this.inside.as_mut().as_pin_mut().expect(POLLED_AGAIN);
        match inside.poll_layers(asked, Some(&permit), context) {
            Poll::Pending => {
                *this.permit = Some(permit);
                Poll::Pending
            }
            Poll::Ready(answer) => Poll::Ready(asked.settle(permit, answer)),
        }
    }
}

/// What lets a call in, or does not, and may have something held while the call is inside.
pub trait LetsIn {
    /// What is held.
    type Held<'g>: Holding
    where
        Self: 'g;

    /// At once or not at all.
    fn enter(&self) -> Result<Self::Held<'_>, Rejection>;

    /// After having waited for as long as the policy says.
    fn wait(&self) -> impl Future<Output = Result<Self::Held<'_>, Rejection>>;
}

impl LetsIn for Bulkhead {
    type Held<'g> = Place<'g>;

    #[inline(always)]
    fn enter(&self) -> Result<Place<'_>, Rejection> {
        self.try_acquire()
    }

    #[inline(always)]
    fn wait(&self) -> impl Future<Output = Result<Place<'_>, Rejection>> {
        self.acquire()
    }
}

/// A turn is over when it begins.
impl LetsIn for RateLimiter {
    type Held<'g> = ();

    #[inline(always)]
    fn enter(&self) -> Result<(), Rejection> {
        self.try_acquire()
    }

    #[inline(always)]
    fn wait(&self) -> impl Future<Output = Result<(), Rejection>> {
        self.acquire()
    }
}

/// What is told whether what is inside waits.
pub trait Holding {
    /// As the closure polls.
    fn watch_poll<R>(&self, poll: impl FnOnce() -> Poll<R>) -> Poll<R>;
}

impl Holding for Place<'_> {
    #[inline]
    fn watch_poll<R>(&self, poll: impl FnOnce() -> Poll<R>) -> Poll<R> {
        Place::watch_poll(self, poll)
    }
}

impl Holding for () {
    #[inline]
    fn watch_poll<R>(&self, poll: impl FnOnce() -> Poll<R>) -> Poll<R> {
        poll()
    }
}

/// A bulkhead or a limiter, for which the call may have to wait.
impl<P: LetsIn + Kept> Layers for &'static Site<P> {
    #[inline(always)]
    fn around<A: Questions, L: Layered<A>>(self, inside: L) -> impl Layered<A> {
        let_in(inside, move || AssertUnwindSafe(self.get().wait()))
    }
}

/// The same where the call is let in at once or not at all.
#[derive(Debug)]
pub struct NeverWaits<P: Policy>(pub &'static Site<P>);

impl<P: Policy> Clone for NeverWaits<P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P: Policy> Copy for NeverWaits<P> {}

impl<P: LetsIn + Kept> Layers for NeverWaits<P> {
    #[inline(always)]
    fn around<A: Questions, L: Layered<A>>(self, inside: L) -> impl Layered<A> {
        let Self(site) = self;
        let_in(inside, move || poll_fn(move |_| Poll::Ready(site.get().enter())))
    }
}

#[inline(always)]
fn let_in<A: Questions, Enter: Future<Output = Result<Held, Rejection>>, Held: Holding>(
    inside: impl Layered<A>,
    ask: impl FnOnce() -> Enter,
) -> impl Layered<A> {
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

impl<A, L, Ask, Enter, Held> Layered<A> for LetIn<L, Ask, Enter, Held>
where
    A: Questions,
    L: Layered<A>,
    Ask: FnOnce() -> Enter,
    Enter: Future<Output = Result<Held, Rejection>>,
    Held: Holding,
{
    #[inline(always)]
    fn poll_layers(
        self: Pin<&mut Self>,
        asked: &A,
        permit: Option<&Permit<'static>>,
        context: &mut Context<'_>,
    ) -> Poll<Inward<A>> {
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
                    break ready!(held.watch_poll(|| inside.poll_layers(asked, permit, context)));
                }
                DoorOf::Left => panic!("{POLLED_AGAIN}"),
            };
            this.door.set(next);
        };
        // Arm by arm, so that a success is not copied with all the room that a failure would need.
        let mut leave = || {
            this.inside.set(None);
            this.door.set(Door::Left);
        };
        match result {
            Ok(value) => {
                leave();
                Poll::Ready(Ok(value))
            }
            Err(failed) => {
                leave();
                Poll::Ready(Err(failed))
            }
        }
    }
}

/// A timeout, for as long as it says.
impl Layers for &'static Site<Timeout> {
    #[inline(always)]
    fn around<A: Questions, L: Layered<A>>(self, inside: L) -> impl Layered<A> {
        Within { inside: Some(inside), site: self, timeout: None, timer: Timer::default() }
    }
}

pin_project! {
    /// Within a timeout.
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

impl<A: Questions, L: Layered<A>> Layered<A> for Within<L> {
    #[inline]
    fn poll_layers(
        self: Pin<&mut Self>,
        asked: &A,
        permit: Option<&Permit<'static>>,
        context: &mut Context<'_>,
    ) -> Poll<Inward<A>> {
        let mut this = self.project();
        let timeout = this.timeout.get_or_insert_with(|| this.site.get());
        let inside = this.inside.as_mut().as_pin_mut().expect(POLLED_AGAIN);
        if let Poll::Ready(result) = inside.poll_layers(asked, permit, context) {
            return Poll::Ready(result);
        }
        let rejection = ready!(this.timer.poll_expired(timeout, context));
        this.inside.set(None);
        Poll::Ready(Err(rejection.into()))
    }
}

pin_project! {
    /// Tried until the retry says that it is enough.
    struct Retried<L, Attempt> {
        #[pin]
        trying: Trying<L>,
        run: Option<Run<'static>>,
        // Up to the first poll.
        site: Option<&'static Site<Retry>>,
        // Makes the layers of one.
        attempt: Attempt,
        breaker: Option<&'static Site<CircuitBreaker>>,
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

impl<A, L, Attempt> Layered<A> for Retried<L, Attempt>
where
    A: Questions,
    L: Layered<A>,
    Attempt: FnMut(&Run<'static>) -> L,
{
    #[inline]
    fn poll_layers(
        self: Pin<&mut Self>,
        asked: &A,
        permit: Option<&Permit<'static>>,
        context: &mut Context<'_>,
    ) -> Poll<Inward<A>> {
        let mut this = self.project();
        if let Some(site) = this.site.take() {
            *this.run = Some(site.get().start());
        }
        let run = this.run.as_mut().expect(POLLED_AGAIN);
        loop {
            let next = match this.trying.as_mut().project() {
                TryingOf::Between => Trying::Attempt { layers: (this.attempt)(run) },
                TryingOf::Attempt { layers } => {
                    let answer = ready!(layers.poll_layers(asked, permit, context));
                    this.trying.set(Trying::Between);
                    match asked.after(run, answer, *this.breaker) {
                        ControlFlow::Continue(wait) => Trying::Wait { pause: wait.into_future() },
                        ControlFlow::Break(answer) => return Poll::Ready(answer),
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
