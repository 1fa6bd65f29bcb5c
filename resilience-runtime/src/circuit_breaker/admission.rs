//! Whether a call is let through, and as what.

use super::breaker::CircuitBreaker;
use super::clock::{Clock, Present};
use super::judging::Admitted;
use super::nested;
use super::opening::PackedReason;
use super::permit::Permit;
use super::state::{Phase, Word};
use crate::error::{Failure, Rejection};
use crate::event::Topic;
use crate::kind::Kind;
use crate::outcome::Outcome;
use crate::time::{COARSE_ERROR_MILLIS, COARSE_UP_MILLIS, NANOS_PER_MILLI};
use crate::verdict::Verdict;
use crate::window::{Counter, Shard};
use std::future::Future;
use std::time::Duration;

/// A call that was not admitted. It counts when a rejection is made of it.
#[derive(Clone, Copy, Debug)]
#[must_use = "a call that is rejected counts as rejected"]
pub struct Refused<'a> {
    pub(super) breaker: &'a CircuitBreaker,
    pub(super) retry_after_millis: Option<u64>,
    pub(super) reason: PackedReason,
}

impl Refused<'_> {
    /// What the call gets. Inlined, so that it is written where it is wanted: a copy of what was written word by word costs as much as finding out
    /// all that is in it.
    #[inline(always)]
    pub(super) fn rejection(self) -> Rejection {
        let Self { breaker, retry_after_millis, reason } = self;
        let retry_after = retry_after_millis.map(Duration::from_millis);
        Rejection::CircuitOpen { name: breaker.name.clone(), key: None, retry_after, reason: reason.into() }
    }

    #[cold]
    #[inline(never)]
    fn tell(self) {
        let breaker = self.breaker;
        breaker.emitter.send_rejected(Kind::CircuitBreaker, &self.rejection(), breaker.generation());
    }
}

impl From<Refused<'_>> for Rejection {
    #[inline(always)]
    fn from(refused: Refused<'_>) -> Self {
        // Asked before the count, behind which a load would have to wait for it.
        let wanted = refused.breaker.emitter.wants(Topic::Rejected);
        refused.breaker.count_rejection(Shard::if_taken());
        if wanted {
            refused.tell();
        }
        refused.rejection()
    }
}

impl CircuitBreaker {
    /// Asks to make one call. The permit wants to know how it ended; dropped without, the call counts as cancelled.
    ///
    /// # Errors
    ///
    /// [`Rejection::CircuitOpen`] while the breaker is open, forced open, or half-open with all probes under way.
    #[inline]
    pub fn try_acquire(&self) -> Result<Permit<'_>, Rejection> {
        self.admit_by_hand().map_err(Rejection::from)
    }

    /// Of a key's breaker too, which may be asked by itself: no other key gets it while the call is under way.
    #[inline(always)]
    pub(super) fn admit_by_hand(&self) -> Result<Permit<'_>, Refused<'_>> {
        if self.of_keys.is_of_an_instance() { self.admit_known(Present) } else { self.admit(Present) }
    }

    /// As [`try_acquire`](Self::try_acquire), and leaves it to the caller whether a rejection counts.
    #[inline(always)]
    pub(crate) fn admit_now(&self) -> Result<Permit<'_>, Refused<'_>> {
        self.admit(Present)
    }

    /// As [`try_acquire`](Self::try_acquire), and leaves it to the caller whether a rejection counts.
    ///
    /// What is not closed answers in words of its own, which are made into a permit here: a permit that comes out of another function is
    /// written word by word and read in larger pieces, for which a processor waits.
    #[inline(always)]
    pub(super) fn admit(&self, clock: impl Clock) -> Result<Permit<'_>, Refused<'_>> {
        let word = self.word.load();
        if word.is_plainly_closed() {
            return Ok(Permit::new(self, Admitted::Closed(word), self.call_begins(clock)));
        }
        match self.ask_unless_closed(clock) {
            Ok((admitted, began)) => Ok(Permit::new(self, admitted, began)),
            Err((retry_after_millis, reason)) => Err(Refused { breaker: self, retry_after_millis, reason }),
        }
    }

    /// As [`admit`](Self::admit), of a call that is known to be under way before it is admitted: no other key gets this breaker meanwhile.
    #[inline]
    pub(super) fn admit_known(&self, clock: impl Clock) -> Result<Permit<'_>, Refused<'_>> {
        let under_way = self.in_flight.begin();
        self.admit(clock).map(|permit| permit.known_by(under_way))
    }

    /// A call goes on here which another breaker has admitted that was its key's. Where this one is not closed, it decides nothing.
    pub(super) fn take_over(&self, began: u64) -> Permit<'_> {
        let under_way = self.in_flight.begin();
        match self.word.load() {
            word if word.phase() == Phase::Closed => {
                Permit::new(self, Admitted::Closed(word), began).known_by(under_way)
            }
            _ => Permit::new(self, Admitted::Unjudged, began),
        }
    }

    /// As if nobody had asked.
    #[inline]
    pub(super) fn take_back(&self, asked: Result<Permit<'_>, Refused<'_>>) {
        asked.into_iter().for_each(Permit::give_back);
    }

    #[inline]
    pub(super) fn count_rejection(&self, shard: Shard) {
        self.window.count(shard, Counter::Rejected);
    }

    /// Makes one call through the breaker; every `Err` counts as a failure.
    ///
    /// Dropping the returned future drops `call` at once; nothing keeps running behind it.
    ///
    /// Nothing is demanded of `E`, so events and the snapshot's [last error](crate::CircuitBreakerSnapshot::last_error) do not say what the error said, as they do behind the attribute. Where they should, take a
    /// permit and end it with [`failure_because`](Permit::failure_because), or call through a [`Pipeline`](crate::Pipeline), which can be [told](crate::Pipeline::causes):
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # async fn charge() -> Result<(), std::io::Error> { Err(std::io::Error::other("connection refused")) }
    /// use resilience_runtime::CircuitBreaker;
    ///
    /// let breaker = CircuitBreaker::builder("payment").build()?;
    /// let permit = breaker.try_acquire()?;
    /// match charge().await {
    ///     Ok(()) => permit.success(),
    ///     Err(error) => permit.failure_because(&error),
    /// }
    /// assert_eq!(breaker.snapshot().last_error.unwrap().cause, "connection refused");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// The call's own error, or the rejection.
    pub async fn call<T, E>(&self, call: impl Future<Output = Result<T, E>>) -> Result<T, Failure<E>> {
        self.call_judged(call, |_| Outcome::Failure).await
    }

    /// As [`call`](Self::call), with `judge` to say how an error is to be taken.
    ///
    /// # Errors
    ///
    /// The call's own error, or the rejection.
    pub async fn call_judged<T, E>(
        &self,
        call: impl Future<Output = Result<T, E>>,
        judge: impl FnOnce(&E) -> Outcome,
    ) -> Result<T, Failure<E>> {
        self.try_acquire().map_err(Failure::Rejected)?.run(call, judge).await
    }

    /// As [`call`](Self::call), with `classify` to say how a result is to be taken: an `Ok` can be a failure too. It is returned as it is.
    ///
    /// # Errors
    ///
    /// The call's own error, or the rejection.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use resilience_runtime::{CircuitBreaker, classify};
    ///
    /// let breaker = CircuitBreaker::builder("stock").build()?;
    /// let answer = std::future::ready(Ok::<u16, std::io::Error>(503));
    /// let judge = |result: Result<&u16, &_>| result.map_or_else(classify::io_error, |status| classify::status(*status));
    /// assert_eq!(breaker.call_classified(answer, judge).await?, 503);
    /// assert_eq!(breaker.totals().failures, 1);
    /// # Ok(()) }
    /// ```
    pub async fn call_classified<T, E>(
        &self,
        call: impl Future<Output = Result<T, E>>,
        classify: impl Fn(Result<&T, &E>) -> Verdict,
    ) -> Result<T, Failure<E>> {
        self.try_acquire().map_err(Failure::Rejected)?.run_classified(call, classify).await
    }

    /// As [`call`](Self::call), for a call that is not async.
    ///
    /// # Errors
    ///
    /// The call's own error, or the rejection.
    pub fn call_sync<T, E>(&self, call: impl FnOnce() -> Result<T, E>) -> Result<T, Failure<E>> {
        let permit = self.try_acquire().map_err(Failure::Rejected)?;
        let result = permit.watch_call(call);
        permit.record(if result.is_ok() { Outcome::Success } else { Outcome::Failure });
        result.map_err(Failure::Call)
    }

    /// As what a call is admitted and when it begins, or how long to wait and why. An open breaker that is not due yet answers here: that is when calls
    /// come fastest, and what else a breaker may have to do has no room in the frame of this function.
    #[inline(never)]
    pub(super) fn ask_unless_closed(&self, clock: impl Clock) -> Result<(Admitted, u64), (Option<u64>, PackedReason)> {
        let word = self.word.load();
        if word.is_plainly_open() {
            let left = self.probe_due_in(word, clock.coarse_millis());
            if left > COARSE_ERROR_MILLIS {
                return self.reject(word, Some(left));
            }
        }
        self.ask_precisely(clock)
    }

    /// Whatever else there is. The precise clock says whether an opening is over; a probe that comes later reads the time once and cheaply, and takes itself for one that began no
    /// earlier than it did: where it is cancelled, its permit is not free too early, and some milliseconds too late.
    #[inline(never)]
    fn ask_precisely(&self, clock: impl Clock) -> Result<(Admitted, u64), (Option<u64>, PackedReason)> {
        loop {
            let word = self.word.load();
            match word.phase() {
                Phase::Closed => return Ok((Admitted::Closed(word), self.call_begins(clock))),
                Phase::Disabled => return Ok((Admitted::Uncounted, 0)),
                Phase::Forced => return self.reject(word, None),
                Phase::Open => {
                    let began = clock.precise_nanos();
                    let now = began / NANOS_PER_MILLI;
                    let left = self.probe_due_in(word, now);
                    if left > 0 {
                        return self.reject(word, Some(left));
                    }
                    let half_open = word.transition_to_half_open(now);
                    if self.enter_half_open(word, half_open, now) {
                        return Ok(probe(half_open, began));
                    }
                }
                Phase::HalfOpen => {
                    let rule = self.settings.half_open_rule();
                    // Whoever can only be refused reads the cheaper clock, and so does a probe unless somebody asks how long it takes, or its beginning is that of all that follow. The counter may
                    // be microseconds behind the precise one.
                    let is_timed = self.settings.asks_how_long() || word.next_probe_begins_anew();
                    let (began, now, error) = if is_timed && !word.is_full(&rule) {
                        let began = clock.measured_nanos();
                        (began, began / NANOS_PER_MILLI, 1)
                    } else {
                        let now = clock.coarse_millis();
                        ((now + COARSE_UP_MILLIS) * NANOS_PER_MILLI, now, COARSE_ERROR_MILLIS)
                    };
                    if self.follow_due(word, now + error, clock) {
                        continue;
                    }
                    match nested::is_in_probe(self, word.probe_generation()) {
                        Some(false) => return Ok((Admitted::Nested(word.probe_generation()), 0)),
                        // The probe knows by now, and thousands more would only be refused.
                        Some(true) => return self.reject_half_open(word, now),
                        None => {}
                    }
                    let Some(joined) = word.admit_probe(now, &rule) else {
                        if self.free_cooled(word, clock) {
                            continue;
                        }
                        return self.reject_half_open(word, now);
                    };
                    if self.word.exchange(word, joined) {
                        return Ok(probe(joined, began));
                    }
                }
            }
        }
    }

    /// A call passes that would have been rejected.
    pub(super) fn count_would_reject(&self) {
        self.cold.made().would_reject.increment();
        #[cfg(feature = "tracing")]
        crate::event::trace::would_be_rejected();
    }

    fn reject_half_open(&self, word: Word, now: u64) -> Result<(Admitted, u64), (Option<u64>, PackedReason)> {
        self.reject(word, Some(self.ask_again_in(word, now)))
    }

    /// Half-open: when a caller that is refused should ask again.
    pub(super) fn ask_again_in(&self, half_open: Word, now: u64) -> u64 {
        let lasts = self.settings.open_lasts(half_open.openings(), 0);
        half_open.ask_again_in(now, &self.settings.half_open_rule(), lasts)
    }

    /// A monitoring breaker lets pass what it would have rejected; one that enforces a share, the rest of it.
    #[inline]
    pub(super) fn reject(
        &self,
        word: Word,
        retry_after_millis: Option<u64>,
    ) -> Result<(Admitted, u64), (Option<u64>, PackedReason)> {
        if word.monitored() || word.phase() != Phase::Forced && !self.enforcement.enforces() {
            self.count_would_reject();
            return Ok((Admitted::Unjudged, 0));
        }
        Err((retry_after_millis, self.reason_of(word)))
    }
}

/// A call by which the breaker finds out whether the dependency is back.
fn probe(half_open: Word, began: u64) -> (Admitted, u64) {
    #[cfg(feature = "tracing")]
    crate::event::trace::probes();
    (Admitted::Probe(half_open.probe_generation()), began)
}

#[cfg(all(test, not(resilience_loom)))]
mod tests {
    use super::*;
    use crate::error::OpenReason;
    use crate::window::WindowCounts;
    use resilience_config::CircuitBreakerConfig;
    use std::sync::Arc;

    /// A clock whose coarse readings are behind by so much.
    #[derive(Clone, Copy)]
    struct Behind {
        millis: u64,
        by: u64,
    }

    impl Clock for Behind {
        fn coarse_millis(self) -> u64 {
            self.millis - self.by
        }

        fn precise_nanos(self) -> u64 {
            self.millis * NANOS_PER_MILLI
        }
    }

    #[test]
    fn the_precise_clock_has_the_last_word_on_whether_a_probe_is_due() {
        const START: u64 = 1_000_000;
        let settings = CircuitBreakerConfig::new().open_for(Duration::from_secs(1)).validated().resolve();
        let emitter = crate::event::Emitter::new(Arc::default());
        let breaker = CircuitBreaker::new_at("admission".into(), settings, None, emitter, START);
        for by in 0..COARSE_ERROR_MILLIS {
            let counts = WindowCounts::default();
            breaker.trip(breaker.word.load(), (OpenReason::JustOpened, None), counts, START, None);
            for left in [1000, 500, COARSE_ERROR_MILLIS, 1] {
                let asked = breaker.ask_unless_closed(Behind { millis: START + 1000 - left, by });
                let wait = asked.unwrap_err().0.unwrap();
                assert!((left..=left + by).contains(&wait), "{left} ms are left, and {wait} are said");
            }
            let asked = breaker.ask_unless_closed(Behind { millis: START + 1000, by });
            assert!(matches!(asked, Ok((Admitted::Probe(_), _))), "{by} ms behind: {asked:?}");
            breaker.word.exchange(breaker.word.load(), Word::closed(START, false));
        }
    }

    /// Tokio's clock is never behind.
    #[test]
    #[cfg(not(feature = "test-util"))]
    fn a_probe_takes_itself_for_no_older_than_it_is_and_for_exactly_as_old_where_that_is_asked() {
        const START: u64 = 1_000_000;
        let config = CircuitBreakerConfig::new().half_open_calls(3).open_for(Duration::from_secs(1));
        for (config, at_most_by) in [(config, COARSE_ERROR_MILLIS), (config.slow_call(Duration::from_secs(1)), 0)] {
            for by in 0..=COARSE_ERROR_MILLIS {
                let emitter = crate::event::Emitter::new(Arc::default());
                let breaker =
                    CircuitBreaker::new_at("probes".into(), config.validated().resolve(), None, emitter, START);
                breaker.trip(breaker.word.load(), (OpenReason::JustOpened, None), WindowCounts::default(), START, None);
                let began_later_by = |millis: u64| {
                    let asked = breaker.ask_unless_closed(Behind { millis, by });
                    let Ok((Admitted::Probe(_), began)) = asked else { panic!("{asked:?}") };
                    began / NANOS_PER_MILLI - millis
                };
                let [first, second] = [START + 1000, START + 1500].map(began_later_by);
                assert_eq!((first, second), (0, at_most_by.saturating_sub(by)), "{by} ms behind");
                // The time of all that follow begins with this one.
                let half_open = breaker.word.load().release_probe(Some(true)).release_probe(Some(true));
                assert!(breaker.word.exchange(breaker.word.load(), half_open));
                assert_eq!(began_later_by(START + 1700), 0, "{by} ms behind");
            }
        }
    }

    /// Between the two steps of an opening another thread may be rejected.
    #[test]
    fn an_opening_whose_reason_is_not_written_yet_does_not_have_that_of_the_one_before() {
        let settings = CircuitBreakerConfig::new().resolve();
        let emitter = crate::event::Emitter::new(Arc::default());
        let breaker = CircuitBreaker::new_at("admission".into(), settings, None, emitter, 1000);
        let (failed, counts) = (OpenReason::ConsecutiveFailures { failures: 7 }, WindowCounts::default());
        breaker.trip(breaker.word.load(), (failed, None), counts, 1000, None);
        let reason = || OpenReason::from(breaker.reason_of(breaker.word.load()));
        assert_eq!(reason(), failed);
        for (entered, expected) in [
            (Word::open(5000, 0, 0, false), OpenReason::JustOpened),
            (Word::forced(6000), OpenReason::Forced),
            // Of a half-open one, whichever opening came before it.
            (Word::open(7000, 0, 0, false).transition_to_half_open(8000), failed),
        ] {
            assert!(breaker.word.exchange(breaker.word.load(), entered));
            assert_eq!(reason(), expected);
        }
    }
}
