//! A guarded function that answers with a stream: its call lasts until the stream has ended.
//!
//! ```text
//! body -> Head<S> -> each layer leaves in it what it holds -> apart -> the function's own result -> GuardedStream<S, …>
//! ```
//!
//! Up to the head, a call is what it is without a stream; so a retry and a fallback know nothing of it. The stream of a function that returns `impl Stream` gets another
//! type, and one in a box gets another box. The body of an HTTP response is a stream of frames, whose head has something to say (`body`).

#[cfg(feature = "http")]
mod body;

use crate::bulkhead::Place;
use crate::cause::{Because, CauseText, Describe, ErrorOf, ErrorType};
use crate::circuit_breaker::{Permit, StreamedCall};
use crate::error::{Failure, Rejection};
use crate::fallback::GuardedResult;
use crate::hooks::{ClassifyBy, ClassifyItem, ClassifyItemBy, MapRejection};
use crate::outcome::Outcome;
use crate::timeout::{Between, Timeout};
use crate::verdict::Verdict;
use futures_core::Stream;
use pin_project_lite::pin_project;
use std::fmt::{self, Write};
use std::marker::PhantomData;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A stream on its way outward through the layers, with what those hold that it has passed.
#[derive(Debug)]
pub struct Head<S> {
    stream: S,
    held: Holdings,
}

/// What is held until a stream has ended.
#[derive(Debug, Default)]
pub struct Holdings {
    call: Option<StreamedCall>,
    between: Option<Between>,
    place: Option<Place<'static>>,
}

impl Holdings {
    fn is_any(&self) -> bool {
        self.call.is_some() || self.between.is_some() || self.place.is_some()
    }

    /// The stream has come to its end.
    #[cfg(feature = "http")]
    fn end(self) {
        if let Some(call) = self.call {
            call.ended();
        }
    }
}

impl<S> Head<S> {
    /// Inside of a circuit breaker.
    #[must_use]
    pub fn with_permit(mut self, permit: Permit<'static>) -> Self {
        self.held.call = Some(StreamedCall::new(permit));
        self
    }

    /// Inside of a circuit breaker, where `classify` says that of the head: what is no success is recorded already.
    #[must_use]
    pub fn with_judged_permit(self, permit: Permit<'static>, verdict: Verdict) -> Self {
        if verdict.outcome() == Outcome::Success && verdict.opening().is_none() {
            return self.with_permit(permit);
        }
        permit.record_verdict(verdict);
        self
    }

    /// Inside of a bulkhead.
    #[must_use]
    pub fn with_place(mut self, place: Place<'static>) -> Self {
        self.held.place = Some(place);
        self
    }

    /// With a timeout that limits the waits for items.
    #[must_use]
    pub fn with_timeout(mut self, timeout: &'static Timeout) -> Self {
        self.held.between = Some(Between::new(timeout));
        self
    }
}

/// The body's own result on its way outward.
#[inline]
pub fn called_stream<R: GuardedResult<S, E>, S, E>(result: R) -> Result<Head<S>, Failure<E>> {
    result.called().map(|stream| Head { stream, held: Holdings::default() })
}

/// Outside of all layers: what they hold, and the result as it is without.
#[inline]
pub fn apart<S, E>(result: Result<Head<S>, Failure<E>>) -> (Option<Holdings>, Result<S, Failure<E>>) {
    match result {
        Ok(Head { stream, held }) => (Some(held), Ok(stream)),
        Err(failure) => (None, Err(failure)),
    }
}

/// What `classify` says of the head; of what has failed before there was one, nothing that anybody asks for.
pub fn verdict_of_head<S, E>(result: &Result<Head<S>, Failure<E>>, classify: &impl ClassifyBy<Head<S>, E>) -> Verdict {
    result.as_ref().map_or(Verdict::FAILURE, |head| classify.verdict(Ok(head)))
}

/// The answer of a fallback, for which nothing is held.
pub fn let_go<T, E>(answer: Result<T, E>, held: &mut Option<Holdings>) -> Result<T, E> {
    if answer.is_ok() {
        *held = None;
    }
    answer
}

/// The function's own result, with a stream that holds what the layers do. Where another one answers, nothing is held.
#[inline]
pub fn guarded_stream<S: AnyStream<Fit>, E, J, M, Fit>(
    result: Result<S, E>,
    held: Option<Holdings>,
    judge: J,
    made: M,
) -> Result<S::Guarded<J, M>, E> {
    result.map(|stream| stream.guarded(held.unwrap_or_default(), judge, made))
}

/// The same for a box.
#[inline]
pub fn guarded_box<S: BoxedStream<J, M>, E, J, M>(
    result: Result<S, E>,
    held: Option<Holdings>,
    judge: J,
    made: M,
) -> Result<S, E> {
    result.map(|stream| match held {
        Some(held) if held.is_any() => stream.box_again(held, judge, made),
        _ => stream,
    })
}

/// What a function may return beside `impl Stream`: what can be put into another box of the same type.
#[diagnostic::on_unimplemented(
    message = "the stream cannot go on being guarded as `{Self}` after it was returned",
    label = "return `impl Stream`, as in `Result<impl Stream<Item = …>, E>`",
    note = "the stream that a function with `stream = true` returns is another one around that of its body; what is returned as `impl Stream<Item = …>` or \
        `Pin<Box<dyn Stream<Item = …>>>` can be another one",
    note = "of an `http::Response`, return `Response<impl Body<Data = …, Error = …>>` or a body in a box"
)]
pub trait BoxedStream<J, M>: Sized {
    /// In another box, with what is held until it ends.
    #[must_use]
    fn box_again(self, held: Holdings, judge: J, made: M) -> Self;
}

macro_rules! boxed {
    ($($bounds:tt)*) => {
        #[diagnostic::do_not_recommend]
        impl<'s, I, J, M> BoxedStream<J, M> for Pin<Box<dyn Stream<Item = I> $($bounds)* + 's>>
        where
            I: 's,
            J: JudgeItem<I> + Send + Sync + 's,
            M: MakeItem<I> + Send + Sync + 's,
        {
            fn box_again(self, held: Holdings, judge: J, made: M) -> Self {
                Box::pin(GuardedStream::new(self, held, judge, made))
            }
        }
    };
}

boxed!();
boxed!(+ Send);
boxed!(+ Sync);
boxed!(+ Send + Sync);

/// `classify` where the function answers with a stream: it is asked about the errors of the head, and about a head that says something itself.
#[derive(Clone, Copy, Debug)]
pub struct OfHead<C, Fit>(C, PhantomData<fn(Fit)>);

impl<C, Fit> OfHead<C, Fit> {
    pub(crate) fn new(classify: C) -> Self {
        Self(classify, PhantomData)
    }

    #[inline]
    fn of_head<S: AnyStream<Fit>, E>(&self, head: Result<&S, &E>) -> Verdict
    where
        C: ClassifyBy<S, E>,
    {
        match head {
            // What it comes to is said by its items.
            Ok(_) if !S::HEAD_SAYS => Verdict::SUCCESS,
            head => self.0.verdict(head),
        }
    }
}

impl<S: AnyStream<Fit>, E, C: ClassifyBy<S, E>, Fit> ClassifyBy<Head<S>, E> for OfHead<C, Fit> {
    #[inline]
    fn verdict(&self, result: Result<&Head<S>, &E>) -> Verdict {
        self.of_head(result.map(|head| &head.stream))
    }
}

// Outside of the layers, for a fallback.
impl<S: Stream, E, C: ClassifyBy<S, E>> ClassifyBy<S, E> for OfHead<C, OfStream> {
    #[inline]
    fn verdict(&self, result: Result<&S, &E>) -> Verdict {
        self.of_head(result)
    }
}

/// What the items of a stream say.
pub trait JudgeItem<I> {
    /// About the dependency.
    fn verdict(&self, item: &I) -> Verdict;

    /// Where it is a failure.
    fn describe(&self, item: &I, words: &mut CauseText) -> fmt::Result;
}

/// An `Err` is a failure.
impl<T, E> JudgeItem<Result<T, E>> for Describe<E> {
    fn verdict(&self, item: &Result<T, E>) -> Verdict {
        if item.is_ok() { Verdict::SUCCESS } else { Verdict::FAILURE }
    }

    fn describe(&self, item: &Result<T, E>, words: &mut CauseText) -> fmt::Result {
        match item {
            Ok(_) => words.write_str("an item that is classified as a failure"),
            Err(error) => self(error, words),
        }
    }
}

/// Of items that are no results.
#[derive(Clone, Copy, Debug)]
pub struct NeverFails;

impl<I> JudgeItem<I> for NeverFails {
    fn verdict(&self, _: &I) -> Verdict {
        Verdict::SUCCESS
    }

    fn describe(&self, _: &I, words: &mut CauseText) -> fmt::Result {
        words.write_str("an item that is classified as a failure")
    }
}

/// `classify_item`, and how the items are described.
#[derive(Clone, Copy, Debug)]
pub struct ClassifiedItems<C, D>(C, D);

impl<I, C: ClassifyItemBy<I>, D: JudgeItem<I>> JudgeItem<I> for ClassifiedItems<C, D> {
    fn verdict(&self, item: &I) -> Verdict {
        self.0.item_verdict(item)
    }

    fn describe(&self, item: &I, words: &mut CauseText) -> fmt::Result {
        self.1.describe(item, words)
    }
}

/// Items as `classify_item` sees them: a closure gets the types that it leaves out from here.
pub fn classified_items<I, D, Fit, F>(_: &ItemsOf<I>, described: D, classify: F) -> ClassifiedItems<F::By, D>
where
    F: ClassifyItem<I, Fit>,
{
    ClassifiedItems(classify.item_by(), described)
}

/// What a function with `stream = true` returns: a stream, or an HTTP response, of which `Fit` says which.
#[diagnostic::on_unimplemented(
    message = "a function with `stream = true` must return a stream",
    label = "`{Self}` is not a `Stream`",
    note = "return `Result<impl Stream<Item = …>, E>`, or remove `stream = true`",
    note = "with the feature `http` of `resilience-runtime`, it may also return a `Result<http::Response<impl Body>, E>`"
)]
pub trait AnyStream<Fit>: Sized {
    /// What comes of it. A type of this trait, so that nothing more is said where there is none.
    type Each;

    /// Whether the head says how the call went, before anything comes.
    const HEAD_SAYS: bool;

    /// The same with what is held.
    type Guarded<J, M>;

    /// With what is held until it ends.
    fn guarded<J, M>(self, held: Holdings, judge: J, made: M) -> Self::Guarded<J, M>;
}

/// A stream.
#[derive(Debug)]
pub struct OfStream;

#[diagnostic::do_not_recommend]
impl<S: Stream> AnyStream<OfStream> for S {
    type Each = S::Item;

    const HEAD_SAYS: bool = false;

    type Guarded<J, M> = GuardedStream<S, J, M>;

    fn guarded<J, M>(self, held: Holdings, judge: J, made: M) -> GuardedStream<S, J, M> {
        GuardedStream::new(self, held, judge, made)
    }
}

/// The items of a stream, asked what their errors are: the method is that of the first of these for which it holds what is demanded, as in
/// [`ErrorOf`].
#[derive(Debug)]
pub struct ItemsOf<I>(PlainItemsOf<I>);

/// Of items that are no results.
#[derive(Debug)]
pub struct PlainItemsOf<I>(PhantomData<fn(&I)>);

/// The items of the stream that a guarded function answers with, by its result on the way outward.
pub fn items_of<S: AnyStream<Fit>, E, Fit>(_: &Result<S, Failure<E>>) -> ItemsOf<S::Each> {
    ItemsOf(PlainItemsOf(PhantomData))
}

/// The same where the signature says what they are: the body may leave it to that.
pub fn known_items_of<I, S: AnyStream<OfStream, Each = I>, E>(_: &Result<S, Failure<E>>) -> ItemsOf<I> {
    ItemsOf(PlainItemsOf(PhantomData))
}

impl<I> Deref for ItemsOf<I> {
    type Target = PlainItemsOf<I>;

    fn deref(&self) -> &PlainItemsOf<I> {
        &self.0
    }
}

impl<T, E> ItemsOf<Result<T, E>> {
    /// Asked how they can be described.
    pub fn errors<'a>(&self) -> ErrorOf<'a, E>
    where
        E: 'a,
    {
        ErrorType::asked()
    }
}

/// There are none.
#[derive(Debug)]
pub struct NoErrors;

impl<I> PlainItemsOf<I> {
    /// There are none.
    pub fn errors(&self) -> NoErrors {
        NoErrors
    }
}

impl NoErrors {
    /// How they are described.
    pub fn describe_error(&self) -> NeverFails {
        NeverFails
    }
}

/// What stands in the place of an item that did not come in time.
pub trait MakeItem<I> {
    /// None where the stream simply ends.
    fn make(self, rejection: Rejection) -> Option<I>;
}

/// Of a stream that may keep its reader waiting for ever.
#[derive(Clone, Copy, Debug)]
pub struct NeverTimesOut;

impl<I> MakeItem<I> for NeverTimesOut {
    fn make(self, _: Rejection) -> Option<I> {
        None
    }
}

/// By what makes errors of rejections, and items of those.
#[derive(Debug)]
pub struct TimesOut<I, Map> {
    map: Map,
    make: fn(Rejection, Map) -> I,
}

impl<I, Map> MakeItem<I> for TimesOut<I, Map> {
    fn make(self, rejection: Rejection) -> Option<I> {
        Some((self.make)(rejection, self.map))
    }
}

/// An item that can say that it did not come in time.
#[diagnostic::on_unimplemented(
    message = "`between` requires the items of the stream to be `Result`s, so that one can say that the stream timed out",
    label = "the items are of type `{Self}`",
    note = "return `impl Stream<Item = Result<{Self}, E>>`, where `E` implements `From<Rejection>`"
)]
pub trait TimedOutItem<Map> {
    /// That item.
    fn timed_out(rejection: Rejection, map: Map) -> Self;
}

impl<T, E, Map: MapRejection<E>> TimedOutItem<Map> for Result<T, E> {
    fn timed_out(rejection: Rejection, map: Map) -> Self {
        Err(map.map_rejection(rejection))
    }
}

/// `between`: items are demanded of which one can say that the stream timed out. It is demanded here alone, so that it is said once.
pub fn times_out<I: TimedOutItem<Map>, Map>(_: &ItemsOf<I>, map: Map) -> TimesOut<I, Map> {
    TimesOut { map, make: I::timed_out }
}

pin_project! {
    /// The stream that the caller of a guarded function gets.
    ///
    /// It ends for good: after its end, and after a timeout, the stream inside is gone.
    #[derive(Debug)]
    #[must_use = "streams do nothing unless polled"]
    pub struct GuardedStream<S, J, M> {
        // Before what is held, so that it is dropped before.
        #[pin]
        stream: Option<S>,
        held: Holdings,
        judge: J,
        made: Option<M>,
        // Whether there is nothing more to ask it for. Of a body of HTTP, whose reader may leave without asking for the end.
        is_over: fn(&S) -> bool,
    }

    impl<S, J, M> PinnedDrop for GuardedStream<S, J, M> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if let Some(call) = this.held.call.take() {
                let is_over = this.stream.as_ref().as_pin_ref().is_some_and(|stream| (this.is_over)(&stream));
                let call = call.watch_drop(|| this.stream.set(None));
                if is_over { call.ended() } else { call.dropped() }
            }
        }
    }
}

impl<S, J, M> GuardedStream<S, J, M> {
    fn new(stream: S, held: Holdings, judge: J, made: M) -> Self {
        Self::ending(stream, held, judge, made, |_| false)
    }

    fn ending(stream: S, held: Holdings, judge: J, made: M, is_over: fn(&S) -> bool) -> Self {
        Self { stream: Some(stream), held, judge, made: Some(made), is_over }
    }

    /// Lets go of everything, and says first what the call has come to: where it cannot, because what is dropped panics, the call has failed.
    fn end(self: Pin<&mut Self>, call: Option<StreamedCall>, record: impl FnOnce(StreamedCall)) {
        let mut this = self.project();
        match call {
            Some(call) => record(call.watch_drop(|| this.stream.set(None))),
            None => this.stream.set(None),
        }
        *this.held = Holdings::default();
    }
}

impl<S, J, M> GuardedStream<S, J, M> {
    /// What `poll` asks the stream for, which says what the call has come to.
    fn poll_item<I>(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        poll: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<Option<I>>,
    ) -> Poll<Option<I>>
    where
        J: JudgeItem<I>,
        M: MakeItem<I>,
    {
        let mut this = self.as_mut().project();
        let Some(stream) = this.stream.as_mut().as_pin_mut() else { return Poll::Ready(None) };
        // Not in the stream while code of the user's runs: where that panics, it ends.
        let (call, polled) = match this.held.call.take() {
            Some(call) => {
                let (call, polled) = call.watch_poll(|| poll(stream, context));
                (Some(call), polled)
            }
            None => (None, poll(stream, context)),
        };
        match polled {
            Poll::Ready(Some(item)) => {
                if let Some(between) = &mut this.held.between {
                    between.item();
                }
                let judge = &*this.judge;
                let call = call.and_then(|call| {
                    let describe = |words: &mut CauseText| judge.describe(&item, words);
                    call.item(judge.verdict(&item), &Because::new(&describe))
                });
                if this.stream.as_ref().as_pin_ref().is_some_and(|stream| (this.is_over)(&stream)) {
                    self.end(call, StreamedCall::ended);
                } else {
                    this.held.call = call;
                }
                Poll::Ready(Some(item))
            }
            Poll::Ready(None) => {
                self.end(call, StreamedCall::ended);
                Poll::Ready(None)
            }
            Poll::Pending => {
                let timed_out = this.held.between.as_mut().and_then(|between| between.poll_timed_out(context));
                let Some(rejection) = timed_out else {
                    this.held.call = call;
                    return Poll::Pending;
                };
                let made = this.made.take();
                self.end(call, |call| {
                    let describe = |words: &mut CauseText| write!(words, "{rejection}");
                    call.timed_out(&Because::new(&describe));
                });
                Poll::Ready(made.and_then(|made| made.make(rejection)))
            }
        }
    }
}

impl<S: Stream, J: JudgeItem<S::Item>, M: MakeItem<S::Item>> Stream for GuardedStream<S, J, M> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        self.poll_item(context, S::poll_next)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.stream {
            None => (0, Some(0)),
            // A stream that times out ends sooner, and with an item more.
            Some(stream) if self.held.between.is_some() => {
                (0, stream.size_hint().1.and_then(|most| most.checked_add(1)))
            }
            Some(stream) => stream.size_hint(),
        }
    }
}
