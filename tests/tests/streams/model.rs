//! Streams beside a plain reference: a script of items, errors, waits and panics, a reader that leaves at some time, and what is recorded.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body::{Body, Frame};
use proptest::collection::vec;
use proptest::prelude::*;
use resilience_runtime::{Verdict, bulkhead, circuit_breaker, registry, timeout};
use tokio_stream::Stream;

use super::script::{Error, Item, Page, Step, script};
use super::{Answer, counted, millis};

/// Of a stream that nobody reads for longer than this, nothing is expected any more.
const BETWEEN: u64 = 1500;
const ABANDONED_AFTER: u64 = 1000;

#[circuit_breaker("streams: model", mode = monitor, window = none, consecutive_failures = 1_000_000, stream = true)]
#[bulkhead(2, name = "streams: model")]
#[timeout("1s", between = "1500ms", classify_item = |item| match item {
    Err(Error::NotFound) => Verdict::IGNORED,
    Err(_) => Verdict::FAILURE,
    Ok(_) => Verdict::SUCCESS,
})]
async fn rows(steps: Vec<Step>) -> Answer<impl Stream<Item = Item> + Unpin> {
    Ok(script(steps))
}

/// The same as the body of a response.
#[circuit_breaker("streams: model", stream = true)]
#[bulkhead(2, name = "streams: model")]
#[timeout("1s", between = "1500ms", classify_item = |frame| match frame {
    Err(Error::NotFound) => Verdict::IGNORED,
    Err(_) => Verdict::FAILURE,
    Ok(_) => Verdict::SUCCESS,
})]
async fn page(steps: Vec<Step>) -> Answer<Response<impl Body<Data = Bytes, Error = Error> + Unpin>> {
    Ok(Response::new(Page(script(steps))))
}

/// What the reader does.
#[derive(Clone, Debug)]
enum Act {
    Poll,
    /// Does something else for so many milliseconds.
    Pause(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..100_u32).prop_map(Step::Item),
        1 => Just(Step::Err(Error::Broken)),
        1 => Just(Step::Err(Error::NotFound)),
        3 => (1..40_u64).prop_map(|tenths| Step::Wait(millis(tenths * 100))),
        1 => Just(Step::Hang),
        1 => Just(Step::Panic),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![3 => Just(Act::Poll), 2 => (1..20_u64).prop_map(|tenths| Act::Pause(tenths * 100))]
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    Success,
    Failure,
    Ignored,
    Cancelled,
    Abandoned,
}

/// What a poll comes to.
#[derive(Clone, Debug, PartialEq)]
enum Polled {
    Pending,
    Item(Item),
    TimedOut,
    End,
    Panic,
}

/// The rules of a stream, step by step on a clock of its own.
struct Reference {
    steps: std::collections::VecDeque<Step>,
    now: u64,
    /// Until when the step that it is at lasts.
    busy_until: Option<u64>,
    /// Since when the reader waits for the item that has not come.
    waits_since: Option<u64>,
    /// The first time it had to wait, for the outcome of a call that is dropped.
    first_wait: Option<u64>,
    has_ended: bool,
    seen: bool,
    seen_ignored: bool,
    outcome: Option<Outcome>,
}

impl Reference {
    fn new(steps: Vec<Step>) -> Self {
        Self {
            steps: steps.into(),
            now: 0,
            busy_until: None,
            waits_since: None,
            first_wait: None,
            has_ended: false,
            seen: false,
            seen_ignored: false,
            outcome: None,
        }
    }

    fn decide(&mut self, outcome: Outcome) {
        self.outcome.get_or_insert(outcome);
    }

    fn poll(&mut self) -> Polled {
        if self.has_ended {
            return Polled::End;
        }
        loop {
            if self.busy_until.is_some_and(|until| self.now < until) || self.steps.front() == Some(&Step::Hang) {
                self.first_wait.get_or_insert(self.now);
                let since = *self.waits_since.get_or_insert(self.now);
                if self.now < since + BETWEEN {
                    return Polled::Pending;
                }
                self.decide(Outcome::Failure);
                self.has_ended = true;
                return Polled::TimedOut;
            }
            self.busy_until = None;
            match self.steps.pop_front() {
                Some(Step::Wait(time)) => {
                    self.busy_until = Some(self.now + u64::try_from(time.as_millis()).unwrap());
                    continue;
                }
                Some(Step::Panic) => {
                    self.decide(Outcome::Failure);
                    return Polled::Panic;
                }
                Some(Step::Item(item)) => {
                    self.seen = true;
                    self.waits_since = None;
                    return Polled::Item(Ok(item));
                }
                Some(Step::Err(error)) => {
                    match error {
                        Error::NotFound => self.seen_ignored = true,
                        _ => self.decide(Outcome::Failure),
                    }
                    self.waits_since = None;
                    return Polled::Item(Err(error));
                }
                Some(Step::Hang) => unreachable!(),
                None => {
                    let nothing_said = self.seen_ignored && !self.seen;
                    self.decide(if nothing_said { Outcome::Ignored } else { Outcome::Success });
                    self.has_ended = true;
                    return Polled::End;
                }
            }
        }
    }

    /// The reader leaves.
    fn left(mut self) -> Outcome {
        let waited = self.first_wait.map_or(0, |since| self.now - since);
        self.decide(match () {
            () if self.seen => Outcome::Success,
            () if self.seen_ignored => Outcome::Ignored,
            () if waited >= ABANDONED_AFTER => Outcome::Abandoned,
            () => Outcome::Cancelled,
        });
        self.outcome.unwrap()
    }
}

/// What a reader asks, and how.
type Ask<'a> = Box<dyn FnMut(&mut Context<'_>) -> Poll<Option<Item>> + 'a>;

async fn asked(steps: Vec<Step>, as_body: bool) -> Ask<'static> {
    if as_body {
        let mut body = page(steps).await.unwrap().into_body();
        let number = |frame: Frame<Bytes>| u32::from_be_bytes(frame.into_data().unwrap()[..].try_into().unwrap());
        return Box::new(move |context| Pin::new(&mut body).poll_frame(context).map_ok(number));
    }
    let mut stream = rows(steps).await.unwrap();
    Box::new(move |context| Pin::new(&mut stream).poll_next(context))
}

fn poll(ask: &mut Ask<'_>) -> Polled {
    let polled = catch_unwind(AssertUnwindSafe(|| ask(&mut Context::from_waker(Waker::noop()))));
    match polled {
        Err(_) => Polled::Panic,
        Ok(Poll::Pending) => Polled::Pending,
        Ok(Poll::Ready(None)) => Polled::End,
        Ok(Poll::Ready(Some(Err(Error::Rejected(_))))) => Polled::TimedOut,
        Ok(Poll::Ready(Some(item))) => Polled::Item(item),
    }
}

async fn compare(steps: Vec<Step>, acts: Vec<Act>, as_body: bool) -> Result<(), TestCaseError> {
    let inside = || registry().bulkhead("streams: model").unwrap().snapshot().inside;
    let mut stream = asked(steps.clone(), as_body).await;
    let mut reference = Reference::new(steps);
    let before = counted("streams: model");
    for act in acts {
        match act {
            Act::Poll => prop_assert_eq!(poll(&mut stream), reference.poll()),
            Act::Pause(time) => {
                tokio::time::advance(Duration::from_millis(time)).await;
                reference.now += time;
            }
        }
        prop_assert_eq!(inside(), u64::from(!reference.has_ended));
        let is_recorded = counted("streams: model") != before;
        prop_assert_eq!(is_recorded, reference.outcome.is_some());
    }
    drop(stream);
    prop_assert_eq!(inside(), 0);
    let mut recorded = counted("streams: model");
    recorded.iter_mut().zip(before).for_each(|(after, before)| *after -= before);
    let mut expected = [0; 5];
    expected[reference.left() as usize] = 1;
    prop_assert_eq!(recorded, expected);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn a_stream_is_recorded_once_and_as_its_script_says(
        steps in vec(step(), 0..8),
        acts in vec(act(), 0..16),
        as_body in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(compare(steps, acts, as_body))?;
    }
}
