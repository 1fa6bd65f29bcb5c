//! Several layers around the body of a guarded function, in one future; a breaker alone has one of its own, in `guarded`.
//!
//! A generated function makes one call, with the body, the sites of its layers in a tuple, and what is to be asked about the results. What is made of the
//! sites is a future in a future for each layer, but here: what is not of the function's own types, the compiler looks at once and not in every function anew.
//!
//! Nothing is demanded of a user's types and hooks, and what is returned is opaque: what is demanded stands in the closures, in which the compiler
//! proves it once. It would prove it once more for what the function returns.

use crate::bulkhead::{Bulkhead, NoPlace, Place};
use crate::cause::{Describe, undescribed};
use crate::circuit_breaker::{CircuitBreaker, Permit, Refused, Settles};
use crate::error::{Failure, Rejection};
use crate::event::RetryEvent;
use crate::guarded::POLLED_AGAIN;
use crate::policy::Policy;
use crate::rate_limit::{NoTurn, RateLimiter};
use crate::registry::{Kept, Site};
use crate::retry::{Pause, Retry, Run, Wait, in_attempt};
use crate::timeout::{Timeout, Timer};
use crate::verdict::Verdict;
use pin_project_lite::pin_project;
use std::future::Future;
use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};

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

    /// Whether any hooks are written.
    const HAS_HOOKS: bool;

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
pub fn settle_any<T, E>(permit: impl Settles, describe: Describe<E>, result: Outward<T, E>) -> Outward<T, E> {
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

    const HAS_HOOKS: bool = false;

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

    const HAS_HOOKS: bool = true;

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
    finish: impl Fn(Outward<T, E>) -> R,
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
    finish: impl Fn(Outward<T, E>) -> R,
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
    finish: impl Fn(Outward<T, E>) -> R,
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
    finish: impl Fn(Outward<T, E>) -> R,
) -> impl Future<Output = R> {
    retrying(Hooks { called, settle, after, types: PhantomData::<fn() -> (R, T, E)> }, layers, attempt, finish)
}

#[inline(always)]
fn retrying<A: Questions, B: Future<Output = A::Returned>>(
    asked: A,
    (outer, retry, inner): (impl Layers, &'static Site<Retry>, impl Layers),
    mut attempt: impl FnMut(&Run<'static>) -> B,
    finish: impl Fn(Outward<A::Value, A::Error>) -> A::Returned,
) -> impl Future<Output = A::Returned> {
    let attempt =
        move |run: &Run<'static>| inner.around::<A, _>(Innermost { body: in_attempt(run.attempt(), attempt(run)) });
    asking(asked, outer, Retried { trying: Trying::Before { site: retry }, run: None, attempt, inner }, finish)
}

#[inline(always)]
fn asking<A: Questions>(
    asked: A,
    layers: impl Layers,
    inside: impl Layered<A>,
    finish: impl Fn(Outward<A::Value, A::Error>) -> A::Returned,
) -> impl Future<Output = A::Returned> {
    GuardedCall { layers: Some(layers.around::<A, _>(inside)), asked, finish }
}

pin_project! {
    /// The whole call.
    #[must_use = "futures do nothing unless awaited"]
    struct GuardedCall<L, A, End> {
        #[pin]
        layers: Option<L>,
        asked: A,
        finish: End,
    }
}

impl<A, L, End> Future for GuardedCall<L, A, End>
where
    A: Questions,
    L: Layered<A>,
    End: Fn(Outward<A::Value, A::Error>) -> A::Returned,
{
    type Output = A::Returned;

    /// Always inlined, as all that a success passes through. Each arm ends the call by itself: behind a place where all of them meet, a success would be copied with the
    /// room that a failure needs.
    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<A::Returned> {
        let this = self.as_mut().project();
        let layers = this.layers.as_pin_mut().expect(POLLED_AGAIN);
        match layers.poll_layers(this.asked, None, context) {
            CallPoll::Pending => Poll::Pending,
            CallPoll::Succeeded(value) => Poll::Ready(self.end()(Ok(value))),
            CallPoll::Failed(Described { failure, .. }) => Poll::Ready(self.end()(Err(failure))),
            CallPoll::Refused(refusal) => Poll::Ready(self.end()(Err(Failure::Rejected(refusal.into())))),
        }
    }
}

impl<L, A, End> GuardedCall<L, A, End> {
    /// What makes the function's result. What is left of the layers is dropped before.
    #[inline(always)]
    fn end(self: Pin<&mut Self>) -> &mut End {
        let mut this = self.project();
        this.layers.set(None);
        this.finish
    }
}

/// The sites of layers that are in each other, outermost first.
pub trait Layers: Copy {
    /// Those layers around what is `inside`.
    fn around<A: Questions, L: Layered<A>>(self, inside: L) -> impl Layered<A>;

    /// A breaker among them.
    #[inline(always)]
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

            #[inline(always)]
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

/// What a call has come to, in one poll.
pub enum CallPoll<A: Questions> {
    /// It waits.
    Pending,
    /// It has returned what it was to.
    Succeeded(A::Value),
    /// It has failed, or was rejected after it had waited.
    Failed(Described<A::Error>),
    /// It was rejected at once.
    Refused(Refusal),
}

impl<A: Questions> CallPoll<A> {
    #[inline(always)]
    fn ended(answer: Inward<A>) -> Self {
        match answer {
            Ok(value) => Self::Succeeded(value),
            Err(described) => Self::Failed(described),
        }
    }
}

/// A call that was not let in, in the words of who did not: they take no room, and the rejection is made of them, and counted, where the function's own result is.
#[derive(Clone, Copy, Debug)]
pub enum Refusal {
    /// By a breaker.
    Open(Refused<'static>),
    /// By a bulkhead.
    Full(NoPlace<'static>),
    /// By a limiter.
    Limited(NoTurn<'static>),
}

impl From<Refusal> for Rejection {
    #[inline(always)]
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Open(refused) => refused.into(),
            Refusal::Full(refused) => refused.into(),
            Refusal::Limited(refused) => refused.into(),
        }
    }
}

/// A body with the layers inside of some other one.
pub trait Layered<A: Questions> {
    /// As a future is polled. The `permit` is that of the breaker around it, which wants to know of the body alone whether it waits or panics.
    ///
    /// Always inlined, and what it returns is handed on arm by arm: see how [`GuardedCall`] is polled.
    fn poll_layers(
        self: Pin<&mut Self>,
        asked: &A,
        permit: Option<&Permit<'static>>,
        context: &mut Context<'_>,
    ) -> CallPoll<A>;
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
    ) -> CallPoll<A> {
        let running = permit.map(Permit::runs);
        let polled = self.project().body.poll(context);
        if let Some(running) = running {
            running.returned();
        }
        match polled {
            Poll::Pending => {
                if let Some(permit) = permit {
                    permit.waits();
                }
                CallPoll::Pending
            }
            Poll::Ready(returned) => CallPoll::ended(asked.called(returned)),
        }
    }
}

/// A breaker, which is told how what is inside ended.
impl Layers for &'static Site<CircuitBreaker> {
    #[inline(always)]
    fn around<A: Questions, L: Layered<A>>(self, inside: L) -> impl Layered<A> {
        ByPermit { inside: Some(inside), permit: None, site: Some(self) }
    }

    #[inline(always)]
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
    ) -> CallPoll<A> {
        let mut this = self.project();
        let permit = match this.site.take() {
            None => this.permit.take().expect(POLLED_AGAIN),
            Some(site) => match site.admit() {
                Ok(permit) => permit,
                Err(refused) => {
                    this.inside.set(None);
                    return CallPoll::Refused(Refusal::Open(refused));
                }
            },
        };
        let inside = this.inside.as_mut().as_pin_mut().expect(POLLED_AGAIN);
        match inside.poll_layers(asked, Some(&permit), context) {
            CallPoll::Pending => {
                *this.permit = Some(permit);
                CallPoll::Pending
            }
            CallPoll::Succeeded(value) => CallPoll::ended(asked.settle(permit, Ok(value))),
            CallPoll::Failed(failed) => CallPoll::ended(asked.settle(permit, Err(failed))),
            // The dependency was not asked, so it did not fail, whatever the hooks would say.
            CallPoll::Refused(refusal) => {
                permit.ignore();
                CallPoll::Refused(refusal)
            }
        }
    }
}

/// What lets a call in, or does not, and may have something held while the call is inside.
pub trait LetsIn {
    /// What is held.
    type Held: Holding + 'static;

    /// At once or not at all.
    fn enter(&'static self) -> Result<Self::Held, Refusal>;

    /// After having waited for as long as the policy says.
    fn wait(&'static self) -> impl Future<Output = Result<Self::Held, Rejection>>;
}

impl LetsIn for Bulkhead {
    type Held = Place<'static>;

    #[inline(always)]
    fn enter(&'static self) -> Result<Place<'static>, Refusal> {
        self.try_enter().map_err(Refusal::Full)
    }

    #[inline(always)]
    fn wait(&'static self) -> impl Future<Output = Result<Place<'static>, Rejection>> {
        self.acquire()
    }
}

/// A turn is over when it begins.
impl LetsIn for RateLimiter {
    type Held = ();

    #[inline(always)]
    fn enter(&'static self) -> Result<(), Refusal> {
        self.try_pass(1).map_err(Refusal::Limited)
    }

    #[inline(always)]
    fn wait(&'static self) -> impl Future<Output = Result<(), Rejection>> {
        self.acquire()
    }
}

/// What is told whether what is inside waits.
pub trait Holding: Sized {
    /// What is inside is about to be polled; what this returns is for [`waits`](Self::waits).
    fn polls(&self) -> usize;

    /// What is inside waits, which was polled since.
    fn waits(&self, since: usize);

    /// What is inside has ended.
    fn end(self);
}

impl Holding for Place<'_> {
    #[inline(always)]
    fn polls(&self) -> usize {
        Place::polls(self)
    }

    #[inline(always)]
    fn waits(&self, since: usize) {
        Place::waits(self, since);
    }

    #[inline(always)]
    fn end(self) {
        Place::end(self);
    }
}

impl Holding for () {
    #[inline(always)]
    fn polls(&self) -> usize {
        0
    }

    #[inline(always)]
    fn waits(&self, _: usize) {}

    #[inline(always)]
    fn end(self) {}
}

/// A bulkhead or a limiter, for which the call may have to wait.
impl<P: LetsIn + Kept> Layers for &'static Site<P> {
    #[inline(always)]
    fn around<A: Questions, L: Layered<A>>(self, inside: L) -> impl Layered<A> {
        let wait = |policy: &'static P| AssertUnwindSafe(policy.wait());
        LetIn { inside: Some(inside), door: Door::Before { site: self }, wait }
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
        LetInAtOnce { inside: Some(inside), held: None, site: Some(site) }
    }
}

pin_project! {
    /// What is let in at once or not at all.
    struct LetInAtOnce<L, P, Held>
    where
        P: Policy,
        P: 'static,
    {
        // Before what it holds, so that it is dropped before.
        #[pin]
        inside: Option<L>,
        // While the body waits.
        held: Option<Held>,
        // Up to the first poll.
        site: Option<&'static Site<P>>,
    }
}

impl<A: Questions, L: Layered<A>, P: LetsIn + Kept> Layered<A> for LetInAtOnce<L, P, P::Held> {
    #[inline(always)]
    fn poll_layers(
        self: Pin<&mut Self>,
        asked: &A,
        permit: Option<&Permit<'static>>,
        context: &mut Context<'_>,
    ) -> CallPoll<A> {
        let mut this = self.project();
        let held = match this.site.take() {
            None => this.held.take().expect(POLLED_AGAIN),
            Some(site) => match site.get().enter() {
                Ok(held) => held,
                Err(refusal) => {
                    this.inside.set(None);
                    return CallPoll::Refused(refusal);
                }
            },
        };
        let inside = this.inside.as_mut().as_pin_mut().expect(POLLED_AGAIN);
        let since = held.polls();
        match inside.poll_layers(asked, permit, context) {
            CallPoll::Pending => {
                held.waits(since);
                *this.held = Some(held);
                CallPoll::Pending
            }
            CallPoll::Succeeded(value) => {
                held.end();
                CallPoll::Succeeded(value)
            }
            CallPoll::Failed(failed) => {
                held.end();
                CallPoll::Failed(failed)
            }
            CallPoll::Refused(refusal) => {
                held.end();
                CallPoll::Refused(refusal)
            }
        }
    }
}

pin_project! {
    /// What has to be let in, and may hold something while it is.
    struct LetIn<L, P, Wait, Enter, Held>
    where
        P: Policy,
        P: 'static,
    {
        // Before what it holds, so that it is dropped before.
        #[pin]
        inside: Option<L>,
        #[pin]
        door: Door<P, Enter, Held>,
        // Makes the future of waiting.
        wait: Wait,
    }
}

pin_project! {
    #[project = DoorOf]
    enum Door<P, Enter, Held>
    where
        P: Policy,
        P: 'static,
    {
        Before { site: &'static Site<P> },
        At { #[pin] enter: Enter },
        Inside { held: Held },
        Left,
    }
}

impl<A, L, P, Wait, Enter> Layered<A> for LetIn<L, P, Wait, Enter, P::Held>
where
    A: Questions,
    L: Layered<A>,
    P: LetsIn + Kept,
    Wait: Fn(&'static P) -> Enter,
    Enter: Future<Output = Result<P::Held, Rejection>>,
{
    #[inline(always)]
    fn poll_layers(
        self: Pin<&mut Self>,
        asked: &A,
        permit: Option<&Permit<'static>>,
        context: &mut Context<'_>,
    ) -> CallPoll<A> {
        let mut this = self.project();
        loop {
            // Each step is written where it was found out: one place that all of them came to would copy the largest.
            match this.door.as_mut().project() {
                DoorOf::Before { site } => {
                    let policy = site.get();
                    // Most calls need not wait, and have no future of waiting then.
                    match policy.enter() {
                        Ok(held) => this.door.set(Door::Inside { held }),
                        Err(_) => this.door.set(Door::At { enter: (this.wait)(policy) }),
                    }
                }
                DoorOf::At { enter } => match enter.poll(context) {
                    Poll::Pending => return CallPoll::Pending,
                    Poll::Ready(Ok(held)) => this.door.set(Door::Inside { held }),
                    Poll::Ready(Err(rejection)) => {
                        this.door.set(Door::Left);
                        this.inside.set(None);
                        return CallPoll::Failed(rejection.into());
                    }
                },
                DoorOf::Inside { held } => {
                    let inside = this.inside.as_mut().as_pin_mut().expect(POLLED_AGAIN);
                    let since = held.polls();
                    return match inside.poll_layers(asked, permit, context) {
                        CallPoll::Pending => {
                            held.waits(since);
                            CallPoll::Pending
                        }
                        CallPoll::Succeeded(value) => {
                            this.door.set(Door::Left);
                            CallPoll::Succeeded(value)
                        }
                        CallPoll::Failed(failed) => {
                            this.door.set(Door::Left);
                            CallPoll::Failed(failed)
                        }
                        CallPoll::Refused(refusal) => {
                            this.door.set(Door::Left);
                            CallPoll::Refused(refusal)
                        }
                    };
                }
                DoorOf::Left => panic!("{POLLED_AGAIN}"),
            }
        }
    }
}

/// A timeout, for as long as it says.
impl Layers for &'static Site<Timeout> {
    #[inline(always)]
    fn around<A: Questions, L: Layered<A>>(self, inside: L) -> impl Layered<A> {
        Within { inside: Some(inside), site: self, timeout: None, timer: Timer::Unset }
    }
}

pin_project! {
    /// Within a timeout.
    struct Within<L> {
        #[pin]
        inside: Option<L>,
        site: &'static Site<Timeout>,
        // Once it waits.
        timeout: Option<&'static Timeout>,
        #[pin]
        timer: Timer,
    }
}

impl<A: Questions, L: Layered<A>> Layered<A> for Within<L> {
    #[inline(always)]
    fn poll_layers(
        self: Pin<&mut Self>,
        asked: &A,
        permit: Option<&Permit<'static>>,
        context: &mut Context<'_>,
    ) -> CallPoll<A> {
        let mut this = self.project();
        let timeout = this.timeout.unwrap_or_else(|| this.site.get());
        let inside = this.inside.as_mut().as_pin_mut().expect(POLLED_AGAIN);
        match inside.poll_layers(asked, permit, context) {
            CallPoll::Pending => {
                *this.timeout = Some(timeout);
                match this.timer.poll_expired(timeout, context) {
                    Poll::Pending => CallPoll::Pending,
                    Poll::Ready(rejection) => {
                        this.inside.set(None);
                        CallPoll::Failed(rejection.into())
                    }
                }
            }
            CallPoll::Succeeded(value) => CallPoll::Succeeded(value),
            CallPoll::Failed(failed) => CallPoll::Failed(failed),
            CallPoll::Refused(refusal) => CallPoll::Refused(refusal),
        }
    }
}

pin_project! {
    /// Tried until the retry says that it is enough.
    struct Retried<L, Inner, Attempt> {
        #[pin]
        trying: Trying<L>,
        // Once it was polled and has not succeeded at once.
        run: Option<Run<'static>>,
        // Makes the layers of one.
        attempt: Attempt,
        // By which one is known that is below.
        inner: Inner,
    }
}

pin_project! {
    /// Whatever an attempt does not use up is gone before the wait for the next one. Which it is stands in a word by itself: told by a value that a pause cannot have, it
    /// takes steps to find out.
    #[project = TryingOf]
    #[repr(u64)]
    enum Trying<L> {
        Before { site: &'static Site<Retry> },
        Between,
        Attempt { #[pin] layers: L },
        Wait { #[pin] pause: Pause },
    }
}

impl<A, L, Inner, Attempt> Layered<A> for Retried<L, Inner, Attempt>
where
    A: Questions,
    L: Layered<A>,
    Inner: Layers,
    Attempt: FnMut(&Run<'static>) -> L,
{
    #[inline(always)]
    fn poll_layers(
        self: Pin<&mut Self>,
        asked: &A,
        permit: Option<&Permit<'static>>,
        context: &mut Context<'_>,
    ) -> CallPoll<A> {
        let mut this = self.project();
        // What the first attempt begins with, which is in no memory while it may succeed at once.
        let mut begun = None;
        if let TryingOf::Before { site } = this.trying.as_mut().project() {
            let run = site.get().start_with(A::HAS_HOOKS);
            let layers = (this.attempt)(&run);
            this.trying.set(Trying::Attempt { layers });
            begun = Some(run);
        }
        loop {
            // Each step is written where it was found out: one place that all of them came to would copy the largest.
            match this.trying.as_mut().project() {
                TryingOf::Before { .. } => unreachable!("it has begun"),
                TryingOf::Between => {
                    let layers = (this.attempt)(kept(this.run, &mut begun));
                    this.trying.set(Trying::Attempt { layers });
                }
                TryingOf::Attempt { layers } => {
                    let after = match layers.poll_layers(asked, permit, context) {
                        CallPoll::Pending => {
                            kept(this.run, &mut begun);
                            return CallPoll::Pending;
                        }
                        // What is left of the attempt is dropped with the call.
                        CallPoll::Succeeded(value) if !A::HAS_HOOKS => {
                            if begun.is_none() {
                                kept(this.run, &mut begun).succeeded();
                            }
                            return CallPoll::Succeeded(value);
                        }
                        CallPoll::Succeeded(value) => {
                            match asked.after(kept(this.run, &mut begun), Ok(value), this.inner.breaker()) {
                                ControlFlow::Break(Ok(value)) => return CallPoll::Succeeded(value),
                                after => after,
                            }
                        }
                        CallPoll::Failed(failed) => {
                            this.trying.set(Trying::Between);
                            after_failure(asked, kept(this.run, &mut begun), failed, this.inner.breaker())
                        }
                        CallPoll::Refused(refusal) => {
                            this.trying.set(Trying::Between);
                            let rejection = Rejection::from(refusal);
                            after_failure(asked, kept(this.run, &mut begun), rejection.into(), this.inner.breaker())
                        }
                    };
                    match after {
                        ControlFlow::Continue(wait) => this.trying.set(Trying::Wait { pause: wait.into_future() }),
                        ControlFlow::Break(answer) => return CallPoll::ended(answer),
                    }
                }
                TryingOf::Wait { pause } => match pause.poll(context) {
                    Poll::Pending => return CallPoll::Pending,
                    Poll::Ready(()) => this.trying.set(Trying::Between),
                },
            }
        }
    }
}

/// The run, which is kept from now on if it has just begun.
#[inline(always)]
fn kept<'r>(run: &'r mut Option<Run<'static>>, begun: &mut Option<Run<'static>>) -> &'r mut Run<'static> {
    if begun.is_some() {
        *run = begun.take();
    }
    run.as_mut().expect(POLLED_AGAIN)
}

/// What a retry makes of an attempt that failed.
#[cold]
#[inline(never)]
fn after_failure<A: Questions>(
    asked: &A,
    run: &mut Run<'static>,
    failed: Described<A::Error>,
    breaker: Option<&'static Site<CircuitBreaker>>,
) -> ControlFlow<Inward<A>, Wait> {
    asked.after(run, Err(failed), breaker)
}
