//! A stream that does what it is told, one step a poll or more.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame};
use resilience_runtime::Rejection;
use tokio::time::Sleep;
use tokio_stream::Stream;

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    #[error("it broke")]
    Broken,
    #[error("there is none")]
    NotFound,
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

pub type Item = Result<u32, Error>;

#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    Item(u32),
    Err(Error),
    /// Until so much time has passed since it was asked for.
    Wait(Duration),
    /// For ever.
    Hang,
    Panic,
}

/// At the end of its steps it ends, and panics where it is polled after that.
pub struct Script {
    steps: VecDeque<Step>,
    sleep: Option<Pin<Box<Sleep>>>,
    has_ended: bool,
}

pub fn script(steps: impl IntoIterator<Item = Step>) -> Script {
    Script { steps: steps.into_iter().collect(), sleep: None, has_ended: false }
}

impl Stream for Script {
    type Item = Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Item>> {
        assert!(!self.has_ended, "polled after its end");
        loop {
            if let Some(sleep) = &mut self.sleep {
                if sleep.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
                self.sleep = None;
            }
            match self.steps.pop_front() {
                Some(Step::Item(item)) => return Poll::Ready(Some(Ok(item))),
                Some(Step::Err(error)) => return Poll::Ready(Some(Err(error))),
                Some(Step::Wait(time)) => self.sleep = Some(Box::pin(tokio::time::sleep(time))),
                Some(Step::Hang) => {
                    self.steps.push_front(Step::Hang);
                    return Poll::Pending;
                }
                Some(Step::Panic) => panic!("as told"),
                None => {
                    self.has_ended = true;
                    return Poll::Ready(None);
                }
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.steps.len()))
    }
}

/// The same as the body of an HTTP response: each number is a frame.
pub struct Page(pub Script);

impl Body for Page {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = |number: u32| Frame::data(Bytes::copy_from_slice(&number.to_be_bytes()));
        Pin::new(&mut self.0).poll_next(context).map_ok(frame)
    }
}
