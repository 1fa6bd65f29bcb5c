//! Calls of every form, each of which does what it is told when it is told: with a permit by hand, with one that is owned, guarded, and one that answers with a stream.

use super::reference::{self, Admitted, End, Reference, Verdict};
use super::{check_rejection, millis};
use proptest::prelude::*;
use resilience_runtime::{
    CircuitBreaker, Failure, OwnedPermit, Permit, Rejection, Verdict as Said, circuit_breaker, registry, timeout,
};
use std::cell::Cell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use tokio_stream::Stream;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Form {
    ByHand,
    Owned,
    Guarded,
    Stream,
}

pub fn form() -> impl Strategy<Value = Form> {
    prop_oneof![
        4 => Just(Form::ByHand),
        2 => Just(Form::Owned),
        3 => Just(Form::Guarded),
        3 => Just(Form::Stream),
    ]
}

/// The breaker with that name, or that of the key which is called now.
#[derive(Clone, Copy)]
pub struct Guard<'b> {
    pub breaker: &'b Arc<CircuitBreaker>,
    pub key: Option<u32>,
}

impl<'b> Guard<'b> {
    pub fn try_acquire(self) -> Result<Permit<'b>, Rejection> {
        match self.key {
            None => self.breaker.try_acquire(),
            Some(key) => self.breaker.keyed(key).try_acquire(),
        }
    }

    /// A call that is under way, unless it is rejected. What is not by hand waits.
    pub fn begin(self, form: Form) -> Result<Real<'b>, Rejection> {
        let told = Told { key: self.key, ..Told::default() };
        match (form, self.key) {
            (Form::ByHand, _) => self.try_acquire().map(Real::ByHand),
            (Form::Owned, None) => self.breaker.try_acquire_owned().map(Real::Owned),
            (Form::Owned, Some(key)) => self.breaker.try_acquire_owned_for(key).map(Real::Owned),
            (Form::Guarded, key) => {
                let (body, breaker) = (told.clone().head(), self.breaker);
                let classify = |result: Result<&Said, &Said>| result.map_or_else(|said| *said, |said| *said);
                let mut future: Guarded<'b> = match key {
                    None => Box::pin(breaker.call_classified(body, classify)),
                    Some(key) => Box::pin(breaker.keyed(key).call_classified(body, classify)),
                };
                match poll(future.as_mut()) {
                    Poll::Pending => Ok(Real::Guarded(future, told)),
                    Poll::Ready(Err(Failure::Rejected(rejection))) => Err(rejection),
                    Poll::Ready(other) => panic!("nothing has told the body to end so: {other:?}"),
                }
            }
            (Form::Stream, key) => {
                let body = told.clone();
                let mut head: StreamHead = match key {
                    None => Box::pin(async { Ok(Box::pin(rows(body).await?) as Rows) }),
                    Some(key) => Box::pin(async move { Ok(Box::pin(rows_of(key, body).await?) as Rows) }),
                };
                match poll(head.as_mut()) {
                    Poll::Pending => Ok(Real::Stream(Answer::Awaited(head), told)),
                    Poll::Ready(Err(Error::Rejected(rejection))) => Err(rejection),
                    Poll::Ready(_) => panic!("nothing has told the body to end"),
                }
            }
        }
    }
}

fn poll<T>(future: impl Future<Output = T>) -> Poll<T> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

pub fn panics() {
    std::panic::resume_unwind(Box::new("the body's own"))
}

/// What a body does when it is polled next, and what came of the call that it has made.
#[derive(Clone, Default)]
pub struct Told {
    key: Option<u32>,
    next: Rc<Cell<Option<Next>>>,
    answer: Rc<Cell<Option<Result<(), Rejection>>>>,
}

enum Next {
    /// It answers. A stream has items then.
    Head(Result<Said, Said>),
    Item(Said),
    Over,
    Panic,
    Call(End),
}

impl Told {
    fn poll(&self) -> Poll<Next> {
        match self.next.take() {
            None => Poll::Pending,
            Some(Next::Panic) => {
                panics();
                Poll::Pending
            }
            Some(Next::Call(end)) => {
                let breaker = registry().circuit_breaker("reference").unwrap();
                let guard = Guard { breaker: &breaker, key: self.key };
                self.answer.set(Some(guard.try_acquire().map(|permit| finish(permit, end))));
                Poll::Pending
            }
            Some(next) => Poll::Ready(next),
        }
    }

    async fn head(self) -> Result<Said, Said> {
        match std::future::poll_fn(|_| self.poll()).await {
            Next::Head(head) => head,
            _ => panic!("it has not answered yet"),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("it said so")]
    Said(Said),
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

/// What an [`Error::Said`] says.
const SAID: &str = "it said so";
/// What a guarded answer, or an item, says.
const CLASSIFIED: &str = "an answer that is classified as a failure";
/// A stream whose reader waits for an item for longer has failed, and what that says.
const BETWEEN: u64 = 2000;
const TIMED_OUT: &str = "`reference` timed out after 2s";

type Item = Result<Said, Error>;
type Rows = Pin<Box<dyn Stream<Item = Item>>>;
type StreamHead = Pin<Box<dyn Future<Output = Result<Rows, Error>>>>;
type Guarded<'b> = Pin<Box<dyn Future<Output = Result<Said, Failure<Said>>> + 'b>>;

struct ToldRows(Told);

impl Stream for ToldRows {
    type Item = Item;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Item>> {
        self.0.poll().map(|next| match next {
            Next::Item(said) if said == Said::SUCCESS => Some(Ok(said)),
            Next::Item(said) => Some(Err(Error::Said(said))),
            _ => None,
        })
    }
}

fn said<T>(result: Result<&T, &Error>) -> Said {
    match result {
        Ok(_) => Said::SUCCESS,
        Err(Error::Said(said)) => *said,
        Err(Error::Rejected(_)) => Said::FAILURE,
    }
}

#[circuit_breaker("reference", stream = true, classify = said)]
#[timeout("24h", between = "2s", name = "reference", classify_item = |item| said(item.as_ref()))]
async fn rows(told: Told) -> Result<impl Stream<Item = Item>, Error> {
    told.clone().head().await.map_err(Error::Said)?;
    Ok(ToldRows(told))
}

#[circuit_breaker("reference", key = key, stream = true, classify = said)]
#[timeout("24h", between = "2s", name = "reference", classify_item = |item| said(item.as_ref()))]
async fn rows_of(key: u32, told: Told) -> Result<impl Stream<Item = Item>, Error> {
    told.clone().head().await.map_err(Error::Said)?;
    Ok(ToldRows(told))
}

pub enum Real<'b> {
    ByHand(Permit<'b>),
    Owned(OwnedPermit),
    Guarded(Guarded<'b>, Told),
    Stream(Answer, Told),
}

pub enum Answer {
    Awaited(StreamHead),
    Rows(Rows),
}

/// A call that is under way, and what the reference gave for it.
pub struct UnderWay<'b> {
    real: Real<'b>,
    expected: reference::Permit,
}

/// As both kinds of permits are; `$panic` has the permit watch a body that panics.
macro_rules! finish {
    ($permit:ident, $end:expr, $panic:expr) => {
        match $end {
            End::Success => $permit.success(),
            End::Failure(None) => $permit.failure(),
            End::Failure(Some(says)) => $permit.failure_because(&says),
            End::Ignored => $permit.ignore(),
            End::Cancelled => drop($permit),
            End::Abandoned => $permit.abandoned(),
            End::Panicked => {
                let unwound = catch_unwind(AssertUnwindSafe($panic));
                assert!(unwound.is_err());
            }
        }
    };
}

fn finish(permit: Permit<'_>, end: End) {
    finish!(permit, end, || {
        let permit = permit;
        let body = pin!(async { panics() });
        _ = poll(permit.watch(body));
    });
}

fn finish_owned(permit: OwnedPermit, end: End) {
    finish!(permit, end, move || permit.watch_call(panics));
}

impl<'b> UnderWay<'b> {
    pub fn new(real: Real<'b>, mut expected: reference::Permit, now: u64) -> Self {
        if matches!(real, Real::Guarded(..) | Real::Stream(..)) {
            expected.waits(now);
        }
        Self { real, expected }
    }

    /// Whether its key keeps its breaker for it: what a closed one has admitted may still be told to it.
    pub fn is_known(&self) -> bool {
        matches!(self.expected.admitted, Admitted::Closed { .. })
    }

    pub fn has_a_body(&self) -> bool {
        matches!(self.real, Real::Guarded(..) | Real::Stream(..))
    }

    pub fn is_counted(&self) -> bool {
        self.expected.admitted != Admitted::Uncounted
    }

    /// Its body is asked, and does that.
    fn ask(&mut self, next: Option<Next>) -> Poll<Option<Item>> {
        let context = &mut Context::from_waker(Waker::noop());
        match &mut self.real {
            Real::ByHand(permit) => {
                assert!(next.is_none() && poll(permit.watch(pin!(std::future::pending::<()>()))).is_pending());
                Poll::Pending
            }
            Real::Owned(permit) => {
                assert!(next.is_none() && poll(permit.watch(pin!(std::future::pending::<()>()))).is_pending());
                Poll::Pending
            }
            Real::Guarded(future, told) => {
                told.next.set(next);
                poll(future.as_mut()).map(|_| None)
            }
            Real::Stream(answer, told) => {
                told.next.set(next);
                match answer {
                    Answer::Rows(rows) => rows.as_mut().poll_next(context),
                    Answer::Awaited(head) => head.as_mut().poll(context).map(|head| {
                        *answer = Answer::Rows(head.ok()?);
                        Some(Ok(Said::SUCCESS))
                    }),
                }
            }
        }
    }

    /// Its body waits. Of an item of a stream it may be told that it waits for too long, and that ends it.
    pub fn waits(mut self, reference: &mut Reference) -> Option<Self> {
        let is_over = match self.expected.streamed {
            None => {
                self.expected.waits(reference.now);
                false
            }
            Some(_) => reference.waits_for_item(&mut self.expected, BETWEEN),
        };
        match self.ask(None) {
            Poll::Pending if !is_over => return Some(self),
            Poll::Ready(Some(Err(Error::Rejected(rejection)))) if is_over => {
                assert_eq!(rejection.to_string(), TIMED_OUT);
                reference.finish(self.expected, End::Failure(Some(TIMED_OUT)).into());
                self.goes_on_undecided();
            }
            other => panic!("{other:?}, and that it is over is {is_over}"),
        }
        None
    }

    /// The reader of a stream goes on to its end, which decides nothing any more.
    fn goes_on_undecided(mut self) {
        assert!(matches!(self.ask(Some(Next::Over)), Poll::Ready(None)));
    }

    /// Of a stream: the head comes, and after it items. Of another call: it waits.
    pub fn item(mut self, verdict: Verdict, reference: &mut Reference) -> Option<Self> {
        match (said_by(verdict), &self.real, self.expected.streamed) {
            (Some(_), Real::Stream(..), None) => {
                assert!(matches!(self.ask(Some(Next::Head(Ok(Said::SUCCESS)))), Poll::Ready(Some(Ok(_)))));
                self.expected.head(reference.now);
                Some(self)
            }
            (Some(said), Real::Stream(..), Some(_)) => {
                assert!(matches!(self.ask(Some(Next::Item(said))), Poll::Ready(Some(_))));
                let Some(expected) = reference.item(self.expected, verdict.saying(SAID)) else {
                    self.goes_on_undecided();
                    return None;
                };
                Some(Self { expected, ..self })
            }
            _ => self.waits(reference),
        }
    }

    /// In its body there is another call.
    pub fn call_in(&mut self, end: End, reference: &mut Reference, context: &dyn Fn() -> String) {
        let (Real::Guarded(_, told) | Real::Stream(_, told)) = &self.real else { return };
        let told = told.clone();
        if self.expected.streamed.is_some() && reference.waits_for_item(&mut self.expected, BETWEEN) {
            return;
        }
        assert!(self.ask(Some(Next::Call(end))).is_pending());
        match (told.answer.take().expect("it was polled"), reference.call_in(&mut self.expected, end)) {
            (Ok(()), Ok(())) => {}
            (Err(real), Err(expected)) => check_rejection(real, expected, context),
            (real, expected) => panic!("{real:?} in place of {expected:?} {}", context()),
        }
    }

    pub fn finish(mut self, verdict: Verdict, reference: &mut Reference) {
        let Verdict { end, .. } = verdict;
        let (said, has_left) = (said_by(verdict), matches!(end, End::Cancelled | End::Abandoned));
        match &self.real {
            // A permit by hand has no verdict.
            Real::ByHand(_) | Real::Owned(_) => {
                reference.finish(self.expected, end.into());
                match self.real {
                    Real::ByHand(permit) => finish(permit, end),
                    Real::Owned(permit) => finish_owned(permit, end),
                    Real::Guarded(..) | Real::Stream(..) => unreachable!(),
                }
            }
            Real::Guarded(..) | Real::Stream(..) if has_left => match self.expected.streamed {
                None => reference.finish(self.expected, End::Cancelled.into()),
                Some(_) => reference.left(self.expected),
            },
            Real::Guarded(..) | Real::Stream(..) if end == End::Panicked => {
                let ask = AssertUnwindSafe(|| self.ask(Some(Next::Panic)).is_ready());
                assert!(catch_unwind(ask).is_err());
                self.expected.asked(reference.now);
                reference.finish(self.expected, end.into());
            }
            Real::Guarded(..) => {
                let said = said.expect("it answers");
                let head = if end == End::Success { Ok(said) } else { Err(said) };
                assert!(self.ask(Some(Next::Head(head))).is_ready());
                reference.finish(self.expected, verdict.saying(CLASSIFIED));
            }
            Real::Stream(..) if self.expected.streamed.is_none() && end != End::Success => {
                assert!(matches!(self.ask(Some(Next::Head(Err(said.expect("it answers"))))), Poll::Ready(None)));
                reference.finish(self.expected, verdict.saying(SAID));
            }
            Real::Stream(..) => {
                if let Some(mut goes_on) = self.item(verdict, reference) {
                    assert!(matches!(goes_on.ask(Some(Next::Over)), Poll::Ready(None)));
                    reference.ended(goes_on.expected);
                }
            }
        }
    }
}

/// What the body says that ends so; `None` where it says nothing.
fn said_by(Verdict { end, opens }: Verdict) -> Option<Said> {
    let said = match end {
        End::Success => Said::SUCCESS,
        End::Failure(_) => Said::FAILURE,
        End::Ignored => Said::IGNORED,
        End::Cancelled | End::Abandoned | End::Panicked => return None,
    };
    Some(opens.map_or(said, |time| said.opens_for(millis(time))))
}
