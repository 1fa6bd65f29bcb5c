//! The right to make one call, from admission to outcome.

use super::breaker::CircuitBreaker;
use super::clock::{Clock, Present};
use super::in_flight::UnderWay;
use super::judging::Admitted;
use super::nested;
use crate::cause::{Because, CauseText, Describe};
use crate::error::{Failure, RejectionKind};
use crate::outcome::Outcome;
use crate::sync::Note;
use crate::verdict::Verdict;
use crate::window::{Counter, Shard};
use std::fmt::{Display, Write};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The right to make one call that a [`CircuitBreaker`] counts.
///
/// Say how the call ended with [`success`](Self::success), [`failure`](Self::failure) or [`ignore`](Self::ignore). Dropping the permit
/// instead says that the call was cancelled: it is in no rate, and a probe's permit is free again `abandoned_after` the probe began, or up to 20 ms later. A call that was
/// [watched](Self::watch) and had waited for `abandoned_after` by then is [abandoned](Self::abandoned).
#[derive(Debug)]
#[must_use = "dropped at once, it counts a cancelled call"]
pub struct Permit<'a> {
    call: Call<'a>,
    /// What is known of the watched body.
    watched: Watched,
}

/// Since when a body waits, on the coarse clock, or that a panic has left it.
#[derive(Debug)]
pub(super) struct Watched(Note);

impl Watched {
    pub(super) fn new() -> Self {
        Self(Note::new())
    }

    /// What another one knows.
    pub(super) fn know(&self, other: &Self) {
        self.0.set(other.0.get());
    }

    const PANICKED: u64 = u64::MAX;
    /// Of a probe: a call in its body has failed.
    const NESTED_FAILED: u64 = 1 << 63;

    #[inline]
    fn noted(&self) -> Noted {
        let Self(note) = self;
        Noted(note.get())
    }

    /// The body waits, which it may have done before.
    #[inline]
    fn waits(&self) {
        let Noted(note) = self.noted();
        if note & !Self::NESTED_FAILED == 0 {
            self.0.set(note | (Present.coarse_millis() + 1));
        }
    }
}

/// What [`Watched`] has noted.
#[derive(Clone, Copy)]
struct Noted(u64);

impl Noted {
    fn has_panicked(self) -> bool {
        self.0 == Watched::PANICKED
    }

    fn has_nested_failed(self) -> bool {
        self.0 & Watched::NESTED_FAILED != 0
    }

    /// `None` of a body that has not waited.
    fn waits_since(self) -> Option<u64> {
        (self.0 & !Watched::NESTED_FAILED).checked_sub(1)
    }
}

/// A call under way.
///
/// Handed on word by word: words that were written one by one a moment ago, and are copied in larger pieces, make a processor wait for longer than all
/// the rest of a call takes. So whatever takes a permit on the way of a success is always inlined.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call<'a> {
    breaker: &'a CircuitBreaker,
    admitted: Admitted,
    /// Nanoseconds on the library's clock; 0 of a call that is no probe, where nobody asks how long it takes.
    began: u64,
}

impl<'a> Call<'a> {
    /// The call ended so.
    #[inline(always)]
    fn end(self, shard: Shard, clock: impl Clock, outcome: Outcome) {
        let Self { breaker, admitted, began } = self;
        if let (Outcome::Success, Admitted::Closed(word), 0) = (outcome, admitted, began)
            && breaker.record_calm_success(shard, word, || clock.coarse_millis())
        {
            return;
        }
        Self::end_otherwise(breaker, admitted, began, shard, clock, outcome);
    }

    /// In words, which stay in registers: a call that is handed on whole is stored first, by each success too.
    #[inline(never)]
    fn end_otherwise(
        breaker: &CircuitBreaker,
        admitted: Admitted,
        began: u64,
        shard: Shard,
        clock: impl Clock,
        outcome: Outcome,
    ) {
        let _known = Call { breaker, admitted, began }.known();
        breaker.record(shard, clock, (admitted, began), outcome, None);
    }

    /// If it is known to be under way, it is until this is dropped: whatever ends it drops this last.
    #[inline]
    fn known(&self) -> Option<UnderWay<'a>> {
        matches!(self.admitted, Admitted::Known(_)).then(|| self.breaker.in_flight.begun())
    }

    /// Its permit was dropped, which had noted that of the body.
    fn dropped(self, noted: Noted, shard: Shard, clock: impl Clock) {
        let Self { breaker, admitted, began } = self;
        let _known = self.known();
        if noted.has_panicked() {
            if admitted != Admitted::Uncounted {
                breaker.cold.made().panicked.increment();
            }
            let because = Because::new(&|words| words.write_str("a panic"));
            return breaker.record(shard, clock, (admitted, began), Outcome::Failure, breaker.because(&because));
        }
        match noted.waits_since().filter(|_| !std::thread::panicking()) {
            Some(since) => {
                let abandoned = breaker.is_abandoned(clock.coarse_millis().saturating_sub(since));
                breaker.record_dropped(shard, clock, (admitted, began), abandoned);
            }
            // The dependency was not asked, or something else is the reason.
            None => breaker.release(shard, clock, admitted, Counter::Cancelled, began),
        }
    }

    /// As [`end`](Self::end), and opens the breaker where the verdict says so; what a failure says may be wanted.
    #[cold]
    #[inline(never)]
    fn end_because(self, verdict: Verdict, because: &Because<'_>) {
        let Self { breaker, admitted, began } = self;
        let _known = self.known();
        let (shard, outcome) = (Shard::if_taken(), verdict.outcome());
        let because = if outcome == Outcome::Failure { breaker.because(because) } else { None };
        match verdict.opening() {
            Some(time) => {
                breaker.record_opening(shard, Present, (admitted, began), (outcome, time), because);
            }
            None => breaker.record(shard, Present, (admitted, began), outcome, because),
        }
    }
}

impl<'a> Permit<'a> {
    #[inline]
    pub(super) fn new(breaker: &'a CircuitBreaker, admitted: Admitted, began: u64) -> Self {
        Self { call: Call { breaker, admitted, began }, watched: Watched(Note::new()) }
    }

    /// Of a call that is known to be under way by that. No other key gets what is not closed, so that it is no matter there.
    #[inline]
    pub(super) fn known_by(mut self, under_way: UnderWay<'_>) -> Self {
        if let Admitted::Closed(word) = self.call.admitted {
            self.call.admitted = Admitted::Known(word);
            under_way.keep();
        }
        self
    }

    /// Records a success at that time, if that is all there is to do.
    #[inline(always)]
    pub(super) fn is_calm_success(&self, now: u64) -> bool {
        let Call { breaker, admitted, began } = self.call;
        match (admitted, began) {
            (Admitted::Closed(word), 0) => breaker.record_calm_success(Shard::if_taken(), word, || now),
            _ => false,
        }
    }

    /// What was found out by another permit of the same call.
    pub(super) fn having_watched(self, watched: &Watched) -> Self {
        self.watched.know(watched);
        self
    }

    pub(super) fn watched(&self) -> &Watched {
        &self.watched
    }

    /// The call did its work.
    pub fn success(self) {
        self.record(Outcome::Success);
    }

    /// The call failed.
    pub fn failure(self) {
        self.record(Outcome::Failure);
    }

    /// As [`failure`](Self::failure), and why: for events, and for the snapshot's [last error](crate::CircuitBreakerSnapshot::last_error). It is printed
    /// only where somebody wants to know.
    ///
    /// ```
    /// # use resilience_runtime::CircuitBreaker;
    /// let breaker = CircuitBreaker::builder("payment").build()?;
    /// breaker.try_acquire()?.failure_because(&"connection refused");
    /// assert_eq!(breaker.snapshot().last_error.unwrap().cause, "connection refused");
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn failure_because(self, why: &dyn Display) {
        self.spent().end_because(Verdict::FAILURE, &Because::new(&|words| write!(words, "{why}")));
    }

    /// The call says nothing about the dependency.
    pub fn ignore(self) {
        self.record(Outcome::Ignored);
    }

    /// Whoever wanted the answer has given up, after the dependency had its time: this lengthens the row of `consecutive_failures` and is in no failure
    /// rate, and a probe that ends so has failed. A [watched](Self::watch) call is found out by itself.
    pub fn abandoned(self) {
        self.dropped_at(Shard::if_taken(), Present, true);
    }

    pub(super) fn dropped_at(self, shard: Shard, clock: impl Clock, abandoned: bool) {
        let call = self.spent();
        let Call { breaker, admitted, began } = call;
        let _known = call.known();
        breaker.record_dropped(shard, clock, (admitted, began), abandoned);
    }

    /// The call ended so.
    #[inline(always)]
    pub fn record(self, outcome: Outcome) {
        // Spent before anything else: `trip_if` is the user's and may panic, and whatever might unwind before would want the permit whole, and copy it.
        self.spent().end(Shard::if_taken(), Present, outcome);
    }

    #[cfg(all(test, resilience_loom))]
    pub(super) fn record_at(self, shard: Shard, clock: impl Clock, outcome: Outcome) {
        self.spent().end(shard, clock, outcome);
    }

    /// As [`record`](Self::record), of an `Ok`, and opens the breaker where the verdict says so.
    #[inline(always)]
    pub(crate) fn record_verdict(self, verdict: Verdict) {
        if verdict.is_outcome_alone() {
            return self.record(verdict.outcome());
        }
        let because = |words: &mut CauseText| words.write_str("an answer that is classified as a failure");
        self.spent().end_because(verdict, &Because::new(&because));
    }

    /// The words of the call, and no others: the last two of a permit, which were written one by one, are read as one where the whole of it is moved.
    #[inline(always)]
    fn spent(self) -> Call<'a> {
        let call = self.call;
        std::mem::forget(self);
        call
    }

    /// Its words, of which another one is made.
    #[inline(always)]
    pub(super) fn in_words(&self) -> (Call<'a>, u64) {
        let Noted(noted) = self.watched.noted();
        (self.call, noted)
    }

    pub(super) fn of(call: Call<'a>, noted: u64) -> Self {
        let permit = Self { call, watched: Watched::new() };
        permit.watched.0.set(noted);
        permit
    }

    /// As what the call was admitted, and when it began.
    pub(super) fn words(&self) -> (Admitted, u64) {
        (self.call.admitted, self.call.began)
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

    /// Runs the call and records what its result is classified as.
    pub(super) async fn run_classified<T, E>(
        self,
        call: impl Future<Output = Result<T, E>>,
        classify: impl Fn(Result<&T, &E>) -> Verdict,
    ) -> Result<T, Failure<E>> {
        let result = self.watch(std::pin::pin!(call)).await;
        self.record_verdict(classify(result.as_ref()));
        result.map_err(Failure::Call)
    }

    /// What it was admitted as, and when it began, for whoever goes on with it.
    pub(super) fn into_words(self) -> (Admitted, u64) {
        let Call { admitted, began, .. } = self.spent();
        (admitted, began)
    }

    /// As if it had never been asked for.
    pub(super) fn give_back(self) {
        let call = self.spent();
        let Call { breaker, admitted, .. } = call;
        let _known = call.known();
        if let Admitted::Probe(generation) = admitted {
            breaker.answer(generation, Present, None, None);
        }
    }

    /// Runs the call, so that the permit can tell a panic of the call's own (a failure) from being dropped because something
    /// else on the thread panics (a cancellation), and knows for how long the call has waited when it is dropped: as long as `abandoned_after`, it is
    /// [abandoned](Self::abandoned).
    #[doc(hidden)]
    #[inline]
    pub fn watch<'p, F: Future>(&'p self, body: Pin<&'p mut F>) -> WatchedCall<'p, F> {
        WatchedCall { permit: self, body }
    }

    /// As [`watch`](Self::watch), for a call that is not async.
    #[doc(hidden)]
    #[inline]
    pub fn watch_call<R>(&self, body: impl FnOnce() -> R) -> R {
        let running = self.runs();
        let returned = body();
        running.returned();
        returned
    }

    /// The body runs from now on, for one poll or to its end.
    #[inline(always)]
    pub(crate) fn runs(&self) -> Running<'_> {
        if let Admitted::Probe(generation) = self.call.admitted {
            nested::enter(self.call.breaker, generation, self.watched.noted().has_nested_failed());
        }
        Running(self)
    }

    /// The body waits, which it may have done before.
    #[inline]
    pub(crate) fn waits(&self) {
        self.watched.waits();
    }

    /// As [`watch`](Self::watch), of one poll.
    pub(super) fn watch_poll<R>(&self, poll: impl FnOnce() -> Poll<R>) -> Poll<R> {
        let polled = self.watch_call(poll);
        if polled.is_pending() {
            self.waits();
        }
        polled
    }

    /// What it has waited for is there, and something else begins.
    #[cfg(feature = "stream")]
    pub(super) fn waits_no_longer(&self) {
        let Watched(note) = &self.watched;
        note.set(note.get() & Watched::NESTED_FAILED);
    }

    #[cfg(feature = "stream")]
    pub(super) fn is_probe(&self) -> bool {
        matches!(self.call.admitted, Admitted::Probe(_))
    }

    /// In nanoseconds, how long the call has taken so far; `None` where nobody asks.
    #[cfg(feature = "stream")]
    pub(super) fn took(&self) -> Option<u64> {
        (self.call.began != 0).then(|| Present.precise_nanos().saturating_sub(self.call.began))
    }

    /// As if it had begun so many nanoseconds ago.
    #[cfg(feature = "stream")]
    pub(super) fn having_taken(mut self, nanos: Option<u64>) -> Self {
        if let Some(nanos) = nanos {
            self.call.began = Present.precise_nanos().saturating_sub(nanos).max(1);
        }
        self
    }

    /// The call ended so, and why.
    #[cfg(feature = "stream")]
    pub(super) fn record_because(self, verdict: Verdict, because: &Because<'_>) {
        self.spent().end_because(verdict, because);
    }

    /// The body is polled no longer.
    #[inline]
    fn leave(&self) {
        if let Admitted::Probe(_) = self.call.admitted
            && nested::leave()
        {
            let Watched(note) = &self.watched;
            note.set(note.get() | Watched::NESTED_FAILED);
        }
    }

    #[cfg(all(test, resilience_loom))]
    pub(super) fn drop_at(self, shard: Shard, clock: impl Clock) {
        let noted = self.watched.noted();
        self.spent().dropped(noted, shard, clock);
    }
}

/// What a call ends by.
pub trait Settles: Sized {
    /// As [`Permit::record_verdict`].
    fn succeeded(self, verdict: Verdict);

    /// The call failed, or was rejected further in.
    fn failed<E>(self, failed: (&Failure<E>, Describe<E>), of_error: impl FnOnce(&E) -> Verdict);

    /// Takes the result of what is inside, as the function's own hooks judge it, and hands it on: arm by arm, so that a success is not
    /// copied with all the room that a failure would need.
    #[inline(always)]
    fn settle<T, E>(
        self,
        result: Result<T, Failure<E>>,
        describe: Describe<E>,
        of_ok: impl FnOnce(&T) -> Verdict,
        of_error: impl FnOnce(&E) -> Verdict,
    ) -> Result<T, Failure<E>> {
        match result {
            Ok(value) => {
                let verdict = of_ok(&value);
                self.succeeded(verdict);
                Ok(value)
            }
            Err(failure) => {
                self.failed((&failure, describe), of_error);
                Err(failure)
            }
        }
    }
}

impl Settles for Permit<'_> {
    #[inline(always)]
    fn succeeded(self, verdict: Verdict) {
        self.record_verdict(verdict);
    }

    #[inline(always)]
    fn failed<E>(self, failed: (&Failure<E>, Describe<E>), of_error: impl FnOnce(&E) -> Verdict) {
        let Call { breaker, admitted, began } = self.spent();
        settle_failure(breaker, admitted, began, failed, of_error);
    }
}

/// The call of these words failed, or was rejected further in.
#[cold]
fn settle_failure<E>(
    breaker: &CircuitBreaker,
    admitted: Admitted,
    began: u64,
    (failure, describe): (&Failure<E>, Describe<E>),
    of_error: impl FnOnce(&E) -> Verdict,
) {
    // The predicates are the user's and may panic: the permit is there again, to be dropped.
    let permit = Permit::new(breaker, admitted, began);
    let verdict = match failure {
        Failure::Call(error) => of_error(error),
        Failure::Rejected(rejection) => match rejection.kind() {
            RejectionKind::TimedOut => Verdict::FAILURE,
            // The dependency was not asked, so it did not fail.
            RejectionKind::BulkheadFull
            | RejectionKind::RateLimited
            | RejectionKind::CircuitOpen
            | RejectionKind::Unsuccessful => Verdict::IGNORED,
        },
    };
    let because = |words: &mut CauseText| match failure {
        Failure::Call(error) => describe(error, words),
        Failure::Rejected(rejection) => write!(words, "{rejection}"),
    };
    permit.spent().end_because(verdict, &Because::new(&because));
}

impl Drop for Permit<'_> {
    /// Inlined, and by value: a permit of which an address is taken has to be in memory all along, on the way of a success too.
    #[inline(always)]
    fn drop(&mut self) {
        drop_permit(self.call, self.watched.noted());
    }
}

#[cold]
#[inline(never)]
fn drop_permit(call: Call<'_>, noted: Noted) {
    call.dropped(noted, Shard::if_taken(), Present);
}

/// The future of [`Permit::watch`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct WatchedCall<'p, F> {
    permit: &'p Permit<'p>,
    body: Pin<&'p mut F>,
}

impl<F: Future> Future for WatchedCall<'_, F> {
    type Output = F::Output;

    #[inline(always)]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let running = self.permit.runs();
        let polled = self.body.as_mut().poll(context);
        running.returned();
        if polled.is_pending() {
            self.permit.waits();
        }
        polled
    }
}

/// While the body runs: notes a panic, unless it is told that the body has returned.
#[must_use = "dropped, it says that the body has panicked"]
pub(crate) struct Running<'p>(&'p Permit<'p>);

impl Running<'_> {
    /// The body has returned. What it returned stays where it is: handed through here it would be copied, with all the room that a failure needs.
    #[inline(always)]
    pub(crate) fn returned(self) {
        let Self(permit) = self;
        permit.leave();
        std::mem::forget(self);
    }
}

impl Drop for Running<'_> {
    /// Inlined, so that it takes no address of the permit: see [`Permit`]'s.
    #[inline(always)]
    fn drop(&mut self) {
        let Self(permit) = self;
        permit.leave();
        permit.watched.0.set(Watched::PANICKED);
    }
}

#[cfg(all(test, not(resilience_loom)))]
mod tests {
    use super::*;
    use resilience_config::CircuitBreakerConfig;
    use std::sync::Arc;
    use std::time::Duration;

    #[test]
    fn a_permit_that_is_given_back_leaves_no_trace() {
        let config = CircuitBreakerConfig::new().half_open_calls(2).validated().resolve();
        let breaker =
            CircuitBreaker::new_at("back".into(), config, None, crate::event::Emitter::new(Arc::default()), 1000);
        let leaves_no_trace = || {
            let before = (breaker.word.load(), breaker.totals());
            breaker.try_acquire().unwrap().give_back();
            assert_eq!((breaker.word.load(), breaker.totals()), before);
        };
        leaves_no_trace();
        // One that is half-open, with a probe under way.
        breaker.force_open_for(Duration::from_millis(1));
        while breaker.try_acquire().map(std::mem::forget).is_err() {
            std::thread::yield_now();
        }
        leaves_no_trace();
        leaves_no_trace();
    }
}
