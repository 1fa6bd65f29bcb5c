//! How a call's end is counted, and whether the breaker trips on it.

use super::breaker::CircuitBreaker;
use super::clock::Clock;
use super::last_error::CallEnd;
use super::nested;
use super::settings::RatesSay;
use super::state::{Phase, Word};
use crate::caught::caught;
use crate::cause::Because;
use crate::error::OpenReason;
use crate::event::{Ended, outcomes_may_be_collected};
use crate::outcome::Outcome;
use crate::window::{Counter, EndedCall, Shard, Standing, WindowCounts};
use std::fmt::Write;
use std::time::Duration;

/// What a call was admitted as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admitted {
    /// In this closed state.
    Closed(Word),
    /// In this closed state, and known to be under way, so that its key keeps its breaker. Whatever ends the call says so at last.
    Known(Word),
    /// As a probe of the half-open state of this generation.
    Probe(u64),
    /// As part of the probe of the half-open state of this generation, in whose body it is made.
    Nested(u64),
    /// By a monitoring breaker that would have rejected it.
    Unjudged,
    /// By a disabled breaker.
    Uncounted,
}

impl CircuitBreaker {
    /// Records a success that was admitted in that closed state, if that is all there is to do.
    #[inline(always)]
    pub(super) fn record_calm_success(&self, shard: Shard, closed: Word, now: impl Fn() -> u64) -> bool {
        self.word.load() == closed
            && !outcomes_may_be_collected()
            && self.window.count_calm_success(shard, closed.closed_generation(), now)
    }

    /// Records the end of a call that this breaker admitted.
    #[inline(never)]
    pub(super) fn record(
        &self,
        shard: Shard,
        clock: impl Clock,
        (admitted, began): (Admitted, u64),
        outcome: Outcome,
        because: Option<&Because<'_>>,
    ) {
        if let (Outcome::Success, Admitted::Closed(word) | Admitted::Known(word)) = (outcome, admitted)
            && began != 0
            && self.record_timed_success(shard, clock, word, began)
        {
            return;
        }
        let counter = match outcome {
            Outcome::Success => Counter::Ok,
            Outcome::Failure => Counter::Failed,
            Outcome::Ignored => return self.release(shard, clock, admitted, Counter::Ignored, began),
        };
        self.finish(shard, clock, admitted, self.timed(clock, began, counter), because);
    }

    /// Records a call that asked the dependency and was dropped without an outcome.
    pub(super) fn record_dropped(
        &self,
        shard: Shard,
        clock: impl Clock,
        (admitted, began): (Admitted, u64),
        abandoned: bool,
    ) {
        let counter = if abandoned { Counter::Abandoned } else { Counter::Cancelled };
        let finished = self.timed(clock, began, counter);
        if abandoned || finished.slow {
            let because = Because::new(&|words| words.write_str("abandoned by its caller"));
            let because = self.because(&because).filter(|_| abandoned);
            self.finish(shard, clock, admitted, finished, because);
        } else {
            self.release(shard, clock, admitted, counter, began);
        }
    }

    /// Records the end of a call whose verdict opens the breaker at once, and for so long.
    #[cold]
    pub(super) fn record_opening(
        &self,
        shard: Shard,
        clock: impl Clock,
        (admitted, began): (Admitted, u64),
        (outcome, time): (Outcome, Duration),
        because: Option<&Because<'_>>,
    ) {
        let time = self.open_time(time);
        let counter = match outcome {
            Outcome::Success => Counter::Ok,
            Outcome::Failure => Counter::Failed,
            Outcome::Ignored => Counter::Ignored,
        };
        let finished = match counter {
            Counter::Ignored => EndedCall { counter, slow: false, took: EndedCall::NOT_TIMED },
            _ => self.timed(clock, began, counter),
        };
        match admitted {
            Admitted::Closed(word) | Admitted::Known(word) if self.is_still(word) => {
                self.window.record(shard, word.closed_generation(), || clock.coarse_millis(), finished);
                self.count_time(shard, finished);
                self.tell_judged(end(finished, because));
                let counts = self.window.counts(word.closed_generation(), clock.coarse_millis());
                self.trip(
                    self.word.load(),
                    (OpenReason::Verdict { open_for: time }, because),
                    counts,
                    clock.precise_millis_up(),
                    Some(time),
                );
            }
            Admitted::Probe(generation) if self.reopen_for(generation, clock, time, end(finished, because)) => {
                self.window.count_finished(shard, finished);
                self.count_time(shard, finished);
            }
            // Too late to decide anything, or nobody's business.
            _ if outcome == Outcome::Ignored => self.release(shard, clock, admitted, counter, began),
            _ => self.finish(shard, clock, admitted, finished, because),
        }
    }

    /// Whether that closed state is still the present one, monitored or not.
    fn is_still(&self, closed: Word) -> bool {
        let now = self.word.load();
        now == closed || now.is_in(Phase::Closed, closed.generation())
    }

    /// Whether a call that is dropped after it has waited for so long says something about the dependency.
    pub(super) fn is_abandoned(&self, waited_millis: u64) -> bool {
        self.settings.abandoned_after_millis().is_some_and(|limit| waited_millis >= limit)
    }

    /// A call is over that says something about the dependency.
    fn finish(
        &self,
        shard: Shard,
        clock: impl Clock,
        admitted: Admitted,
        finished: EndedCall,
        because: Option<&Because<'_>>,
    ) {
        match admitted {
            Admitted::Closed(word) | Admitted::Known(word) => {
                let now = self.word.load();
                if now != word && !now.is_in(Phase::Closed, word.generation()) {
                    return self.count_stale();
                }
                let standing = self.window.record(shard, word.closed_generation(), || clock.coarse_millis(), finished);
                self.count_time(shard, finished);
                if let Some(because) = because {
                    self.keep_error_if_due((Phase::Closed, word.generation()), clock.coarse_millis(), because);
                }
                if standing.is_some() || outcomes_may_be_collected() {
                    self.tell_judged(end(finished, because));
                }
                if let Some(standing) = standing {
                    self.judge(now, standing, clock, because);
                }
            }
            Admitted::Probe(generation) => self.record_probe(shard, clock, generation, finished, because),
            Admitted::Nested(generation) => {
                if finished.counter != Counter::Ok {
                    nested::fail(self, generation);
                }
                self.window.count(shard, Counter::Ignored);
                self.tell_ended(Ended::Ignored.into());
            }
            Admitted::Unjudged => self.count_stale(),
            Admitted::Uncounted => {}
        }
    }

    /// A call is over without a verdict: counted, and a probe's permit given back.
    pub(super) fn release(&self, shard: Shard, clock: impl Clock, admitted: Admitted, counter: Counter, began: u64) {
        if admitted != Admitted::Uncounted {
            self.window.count(shard, counter);
            self.tell_ended(CallEnd::from(if counter == Counter::Ignored { Ended::Ignored } else { Ended::Cancelled }));
        }
        if let Admitted::Probe(generation) = admitted
            && !(counter == Counter::Cancelled && self.cool(generation, clock, began))
        {
            self.answer(generation, clock, None, None);
        }
    }

    #[cold]
    pub(super) fn count_stale(&self) {
        self.cold.made().stale.increment();
        self.tell_ended(Ended::Stale.into());
    }

    #[cold]
    pub(super) fn judge(&self, word: Word, standing: Standing, clock: impl Clock, because: Option<&Because<'_>>) {
        let Standing { counts, streak } = standing;
        let streak_age = self.window.streak_began.age_millis(streak, clock.coarse_millis());
        let WindowCounts { calls, failures, slow, slow_of, .. } = counts;
        let verdict = self.settings.judge(counts);
        let judge_all = || self.judge_all.get() != 0;
        self.window.rearm(verdict == RatesSay::Pending || judge_all(), || {
            let counts = self.window.counts(word.closed_generation(), clock.coarse_millis());
            self.settings.judge(counts) != RatesSay::Calm || judge_all()
        });
        let reason = match verdict {
            RatesSay::FailureRate => OpenReason::FailureRate { failures, calls },
            RatesSay::SlowCallRate => OpenReason::SlowCallRate { slow, calls: slow_of },
            _ if self.settings.is_too_long_a_streak(streak.failures, streak_age) => {
                OpenReason::ConsecutiveFailures { failures: streak.failures }
            }
            _ if self.trip_if_says_so(&counts) => OpenReason::TripIf { failures, calls },
            _ => return,
        };
        self.trip(word, (reason, because), counts, clock.precise_millis_up(), None);
    }

    pub(super) fn trip_if_says_so(&self, counts: &WindowCounts) -> bool {
        let Some(trip_if) = self.trip_if else { return false };
        if std::thread::panicking() {
            // The call's own panic is on its way out, and a second one would end the process.
            return caught(|| trip_if(counts)).unwrap_or(false);
        }
        trip_if(counts)
    }

    pub(super) fn record_probe(
        &self,
        shard: Shard,
        clock: impl Clock,
        generation: u64,
        finished: EndedCall,
        because: Option<&Because<'_>>,
    ) {
        if let Some(because) = because {
            self.keep_error((Phase::HalfOpen, generation), clock.coarse_millis(), because);
        }
        // A slow probe says that the dependency has not recovered.
        let succeeded = finished.counter == Counter::Ok && !finished.slow;
        if !self.answer(generation, clock, Some(succeeded), Some(end(finished, because))) {
            return self.count_stale();
        }
        self.window.count_finished(shard, finished);
        self.count_time(shard, finished);
    }
}

fn end<'a>(finished: EndedCall, because: Option<&'a Because<'a>>) -> CallEnd<'a> {
    let ended = match finished.counter {
        Counter::Ok => Ended::Succeeded,
        Counter::Ignored => Ended::Ignored,
        Counter::Abandoned => Ended::Abandoned,
        Counter::Cancelled => Ended::Cancelled,
        _ => Ended::Failed,
    };
    CallEnd { ended, because }
}
