//! The right to make one call, from admission to outcome.

use super::state::Word;
use super::{CircuitBreaker, Clock, Present};
use crate::error::{Failure, RejectionKind};
use crate::outcome::Outcome;
use crate::sync::Flag;
use crate::window::{Counter, Shard};
use std::future::Future;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::task::{Context, Poll};

/// What a call was admitted as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admitted {
    /// In this closed state.
    Closed(Word),
    /// As a probe of the half-open state of this generation.
    Probe(u64),
    /// By a monitoring breaker that would have rejected it.
    Unjudged,
    /// By a disabled breaker.
    Uncounted,
}

/// The right to make one call that a [`CircuitBreaker`] counts.
///
/// Say how the call ended with [`success`](Self::success), [`failure`](Self::failure) or [`ignore`](Self::ignore). Dropping the permit
/// instead says that the call was cancelled: it is in no rate, and a probe's place is free again.
#[derive(Debug)]
#[must_use = "dropped at once, it counts a cancelled call"]
pub struct Permit<'a> {
    breaker: &'a CircuitBreaker,
    admitted: Admitted,
    /// Nanoseconds on the library's clock; 0 where nobody asks how long the call takes.
    began: u64,
    /// Whether a panic has left the watched body.
    panicked: Flag,
}

impl<'a> Permit<'a> {
    #[inline]
    pub(super) fn new(breaker: &'a CircuitBreaker, admitted: Admitted, began: u64) -> Self {
        Self { breaker, admitted, began, panicked: Flag::new() }
    }

    /// The call did its work.
    pub fn success(self) {
        self.record(Outcome::Success);
    }

    /// The call failed.
    pub fn failure(self) {
        self.record(Outcome::Failure);
    }

    /// The call says nothing about the dependency.
    pub fn ignore(self) {
        self.record(Outcome::Ignored);
    }

    /// The call ended so.
    #[inline]
    pub fn record(self, outcome: Outcome) {
        self.record_at(Shard::of_this_thread(), Present, outcome);
    }

    #[inline]
    pub(super) fn record_at(self, shard: Shard, clock: impl Clock, outcome: Outcome) {
        // `trip_if` is the user's and may panic: the permit is spent before it is asked.
        let this = ManuallyDrop::new(self);
        this.breaker.record(shard, clock, this.admitted, outcome, this.is_slow(clock));
    }

    /// Runs the call and records how it ended.
    pub(super) async fn run<T, E>(
        self,
        call: impl Future<Output = Result<T, E>>,
        judge: impl FnOnce(&E) -> Outcome,
    ) -> Result<T, Failure<E>> {
        let result = self.watch(std::pin::pin!(call)).await;
        self.record(result.as_ref().map_or_else(judge, |_| Outcome::Success));
        result.map_err(Failure::Call)
    }

    /// As if it had never been asked for.
    pub(super) fn give_back(self) {
        let this = ManuallyDrop::new(self);
        if let Admitted::Probe(generation) = this.admitted {
            this.breaker.answer(generation, Present, None);
        }
    }

    fn is_slow(&self, clock: impl Clock) -> bool {
        let limit = self.breaker.live.slow_call_nanos();
        if limit == 0 || self.began == 0 {
            return false;
        }
        let took = clock.precise_nanos().saturating_sub(self.began);
        if took > limit {
            self.breaker.tell_slow_call(took, limit);
        }
        took > limit
    }

    /// Runs the call, so that the permit can tell a panic of the call's own (a failure) from being dropped because something
    /// else on the thread panics (a cancellation).
    pub fn watch<'p, F: Future>(&'p self, body: Pin<&'p mut F>) -> Watch<'p, F> {
        Watch { panicked: &self.panicked, body }
    }

    /// Takes the result of what is inside, by the function's own predicates, and hands it on.
    #[inline]
    pub(crate) fn settle<T, E>(
        self,
        result: Result<T, Failure<E>>,
        failure_if: impl FnOnce(&E) -> bool,
        ignore_if: impl FnOnce(&E) -> bool,
    ) -> Result<T, Failure<E>> {
        let outcome = match &result {
            Ok(_) => Outcome::Success,
            Err(Failure::Call(error)) if ignore_if(error) => Outcome::Ignored,
            Err(Failure::Call(error)) if failure_if(error) => Outcome::Failure,
            Err(Failure::Call(_)) => Outcome::Success,
            Err(Failure::Rejected(rejection)) => match rejection.kind() {
                RejectionKind::TimedOut => Outcome::Failure,
                // The dependency was not asked, so it did not fail.
                RejectionKind::BulkheadFull | RejectionKind::RateLimited | RejectionKind::CircuitOpen => {
                    Outcome::Ignored
                }
            },
        };
        self.record(outcome);
        result
    }

    pub(super) fn drop_at(&mut self, shard: Shard, clock: impl Clock) {
        if self.panicked.is_raised() {
            if self.admitted != Admitted::Uncounted {
                self.breaker.window.count(shard, Counter::Panicked);
            }
            self.breaker.record(shard, clock, self.admitted, Outcome::Failure, self.is_slow(clock));
        } else {
            self.breaker.release(shard, clock, self.admitted, Counter::Cancelled);
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.drop_at(Shard::of_this_thread(), Present);
    }
}

/// The future of [`Permit::watch`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Watch<'p, F> {
    panicked: &'p Flag,
    body: Pin<&'p mut F>,
}

impl<F: Future> Future for Watch<'_, F> {
    type Output = F::Output;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        struct Unwinding<'p>(&'p Flag);

        impl Drop for Unwinding<'_> {
            fn drop(&mut self) {
                self.0.raise();
            }
        }

        let unwinding = Unwinding(self.panicked);
        let polled = self.body.as_mut().poll(context);
        std::mem::forget(unwinding);
        polled
    }
}
