//! A call that lasts until the stream that it answers with has ended: which of the items decide about it, and how long it took.

use super::permit::Permit;
use crate::cause::Because;
use crate::outcome::Outcome;
use crate::verdict::Verdict;
use std::task::Poll;

/// A call whose head has arrived. It is recorded once: at the first item that is a failure, at the end, or when the stream is dropped. Of a probe, the first item
/// decides.
///
/// Dropped otherwise, which a panic does, it ends as its permit does.
#[derive(Debug)]
pub(crate) struct StreamedCall {
    permit: Permit<'static>,
    seen: SoFar,
    /// The nanoseconds that it has taken, while they do not grow: until the stream is first polled, and from its first item on. So whether a call is slow does
    /// not depend on its reader.
    took: Option<u64>,
}

/// What has come so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SoFar {
    Nothing,
    /// Nothing but items that say nothing about the dependency.
    Ignored,
    /// An item that did its work.
    Item,
}

impl StreamedCall {
    pub(crate) fn new(permit: Permit<'static>) -> Self {
        permit.waits_no_longer();
        let took = permit.took();
        Self { permit, seen: SoFar::Nothing, took }
    }

    /// Polls the stream, so that a panic is known for the call's own, and for how long the stream was waited for.
    pub(crate) fn watch_poll<R>(mut self, poll: impl FnOnce() -> Poll<R>) -> (Self, Poll<R>) {
        // Before the poll, which may panic.
        self.permit = self.permit.having_taken(self.took);
        if self.seen != SoFar::Item {
            self.took = None;
        }
        let polled = self.permit.watch_poll(poll);
        (self, polled)
    }

    /// Drops what the stream is made of; a panic is the call's own.
    pub(crate) fn watch_drop(mut self, drop: impl FnOnce()) -> Self {
        if self.seen == SoFar::Item {
            self.permit = self.permit.having_taken(self.took);
        }
        self.permit.watch_call(drop);
        self
    }

    /// An item has come, of which `classify_item` says so. The call goes on, unless that decides.
    pub(crate) fn item(mut self, verdict: Verdict, because: &Because<'_>) -> Option<Self> {
        match verdict.outcome() {
            _ if verdict.opening().is_some() => self.settled().record_because(verdict, because),
            Outcome::Failure => self.settled().record_because(verdict, because),
            Outcome::Success if self.permit.is_probe() => self.permit.success(),
            Outcome::Success => {
                if self.seen != SoFar::Item {
                    (self.seen, self.took) = (SoFar::Item, self.permit.took());
                }
                return Some(self);
            }
            Outcome::Ignored => {
                if self.seen == SoFar::Nothing {
                    self.seen = SoFar::Ignored;
                }
                return Some(self);
            }
        }
        None
    }

    /// The stream has kept its reader waiting for too long.
    pub(crate) fn timed_out(self, because: &Because<'_>) {
        self.settled().record_because(Verdict::FAILURE, because);
    }

    /// The stream has come to its end.
    pub(crate) fn ended(self) {
        match self.seen {
            SoFar::Ignored => self.permit.ignore(),
            SoFar::Nothing | SoFar::Item => self.settled().success(),
        }
    }

    /// The reader has left. A feed that never ends is well by then, if it has brought anything.
    pub(crate) fn dropped(self) {
        match self.seen {
            // Cancelled, or abandoned.
            SoFar::Nothing => {}
            SoFar::Ignored => self.permit.ignore(),
            SoFar::Item => self.settled().success(),
        }
    }

    /// It took what is known.
    fn settled(self) -> Permit<'static> {
        self.permit.having_taken(self.took)
    }
}
