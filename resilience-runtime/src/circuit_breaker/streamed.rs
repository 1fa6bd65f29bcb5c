//! A call that lasts until the stream that it answers with has ended: which of the items decide about it, and how long it took.

use super::known::UnderWay;
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
    _known: UnderWay<'static>,
    seen: SoFar,
    /// How long the head took, until the stream is polled: whether a call is slow does not depend on when its reader begins.
    head_took: Option<u64>,
}

/// What has come so far.
#[derive(Clone, Copy, Debug)]
enum SoFar {
    Nothing,
    /// Nothing but items that say nothing about the dependency.
    Ignored,
    /// An item that did its work. With the nanoseconds that the first one took, where somebody wants to know.
    Item(Option<u64>),
}

impl StreamedCall {
    pub(crate) fn new(permit: Permit<'static>) -> Self {
        permit.waits_no_longer();
        let (head_took, known) = (permit.took(), UnderWay::of(permit.breaker()));
        Self { permit, _known: known, seen: SoFar::Nothing, head_took }
    }

    /// Polls the stream, so that a panic is known for the call's own, and for how long the stream was waited for.
    pub(crate) fn watch_poll<R>(mut self, poll: impl FnOnce() -> Poll<R>) -> (Self, Poll<R>) {
        if let Some(head_took) = self.head_took.take() {
            self.permit = self.permit.having_taken(Some(head_took));
        }
        let polled = self.permit.watch_poll(poll);
        (self, polled)
    }

    /// Drops what the stream is made of; a panic is the call's own.
    pub(crate) fn watch_drop(&self, drop: impl FnOnce()) {
        self.permit.watch_call(drop);
    }

    /// An item has come, of which `classify_item` says so. The call goes on, unless that decides.
    pub(crate) fn item(mut self, verdict: Verdict, because: &Because<'_>) -> Option<Self> {
        match verdict.outcome() {
            _ if verdict.opening().is_some() => self.settled().record_because(verdict, because),
            Outcome::Failure => self.settled().record_because(verdict, because),
            Outcome::Success if self.permit.is_probe() => self.permit.success(),
            Outcome::Success => {
                if !matches!(self.seen, SoFar::Item(_)) {
                    self.seen = SoFar::Item(self.permit.took());
                }
                return Some(self);
            }
            Outcome::Ignored => {
                if matches!(self.seen, SoFar::Nothing) {
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
            SoFar::Nothing | SoFar::Item(_) => self.settled().success(),
        }
    }

    /// The reader has left. A feed that never ends is well by then, if it has brought anything.
    pub(crate) fn dropped(self) {
        match self.seen {
            // Cancelled, or abandoned.
            SoFar::Nothing => {}
            SoFar::Ignored => self.permit.ignore(),
            SoFar::Item(_) => self.settled().success(),
        }
    }

    /// What it took was decided by its first item.
    fn settled(self) -> Permit<'static> {
        match self.seen {
            SoFar::Item(took) => self.permit.having_taken(took),
            SoFar::Nothing | SoFar::Ignored => self.permit,
        }
    }
}
