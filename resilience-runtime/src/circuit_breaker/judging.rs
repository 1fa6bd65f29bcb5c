//! How a call's end is counted, and whether the breaker trips on it.

use super::breaker::CircuitBreaker;
use super::clock::Clock;
use super::settings::Verdict;
use super::state::{Phase, Word};
use crate::error::OpenReason;
use crate::event::Ended;
use crate::outcome::Outcome;
use crate::window::{Counter, Finished, Shard, Standing, WindowCounts};

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

impl CircuitBreaker {
    /// Records a success that was admitted in that closed state, if that is all there is to do.
    #[inline(always)]
    pub(super) fn record_calm_success(&self, shard: Shard, clock: impl Clock, closed: Word) -> bool {
        self.word.load() == closed
            && self.window.count_calm_success(shard, closed.closed_generation(), || clock.coarse_millis())
    }

    /// Records the end of a call that this breaker admitted.
    pub(super) fn record(&self, shard: Shard, clock: impl Clock, admitted: Admitted, outcome: Outcome, began: u64) {
        let failed = match outcome {
            Outcome::Success => false,
            Outcome::Failure => true,
            Outcome::Ignored => return self.release(shard, clock, admitted, Counter::Ignored, began),
        };
        let slow = self.is_slow(clock, began);
        match admitted {
            Admitted::Closed(word) => {
                let now = self.word.load();
                if now != word && !(now.phase() == Phase::Closed && now.generation() == word.generation()) {
                    return self.count_stale(shard);
                }
                let finished = Finished { failed, slow };
                let standing = self.window.record(shard, word.closed_generation(), || clock.coarse_millis(), finished);
                if let Some(standing) = standing {
                    self.tell_judged(failed);
                    self.judge(now, standing, clock);
                }
            }
            Admitted::Probe(generation) => self.record_probe(shard, clock, generation, Finished { failed, slow }),
            Admitted::Unjudged => self.count_stale(shard),
            Admitted::Uncounted => {}
        }
    }

    pub(super) fn is_slow(&self, clock: impl Clock, began: u64) -> bool {
        let limit = self.settings.slow_call_nanos();
        if limit == 0 || began == 0 {
            return false;
        }
        let took = clock.precise_nanos().saturating_sub(began);
        if took > limit {
            self.tell_slow_call(took, limit);
        }
        took > limit
    }

    /// A call is over without a verdict: counted, and a probe's permit given back.
    pub(super) fn release(&self, shard: Shard, clock: impl Clock, admitted: Admitted, counter: Counter, began: u64) {
        if admitted != Admitted::Uncounted {
            self.window.count(shard, counter);
            self.tell_ended(if counter == Counter::Ignored { Ended::Ignored } else { Ended::Cancelled });
        }
        if let Admitted::Probe(generation) = admitted
            && !(counter == Counter::Cancelled && self.cool(generation, clock, began))
        {
            self.answer(generation, clock, None, None);
        }
    }

    #[cold]
    pub(super) fn count_stale(&self, shard: Shard) {
        self.window.count(shard, Counter::Stale);
        self.tell_ended(Ended::Stale);
    }

    #[cold]
    pub(super) fn judge(&self, word: Word, standing: Standing, clock: impl Clock) {
        let Standing { counts, streak } = standing;
        let streak_age = self.streak_began.age_millis(streak, clock.coarse_millis());
        let WindowCounts { calls, failures, slow } = counts;
        let verdict = self.settings.judge(counts);
        let judge_all = || self.judge_all.get() != 0;
        self.window.rearm(verdict == Verdict::Pending || judge_all(), || {
            let counts = self.window.counts(word.closed_generation(), clock.coarse_millis());
            self.settings.judge(counts) != Verdict::Calm || judge_all()
        });
        let reason = match verdict {
            Verdict::FailureRate => OpenReason::FailureRate { failures, calls },
            Verdict::SlowCallRate => OpenReason::SlowCallRate { slow, calls },
            _ if self.settings.is_too_long_a_streak(streak.failures, streak_age) => {
                OpenReason::ConsecutiveFailures { failures: streak.failures }
            }
            _ if self.trip_if_says_so(&counts) => OpenReason::TripIf { failures, calls },
            _ => return,
        };
        self.trip(word, reason, counts, clock.precise_millis_up());
    }

    pub(super) fn trip_if_says_so(&self, counts: &WindowCounts) -> bool {
        let Some(trip_if) = self.trip_if else { return false };
        if std::thread::panicking() {
            // The call's own panic is on its way out, and a second one would end the process.
            return std::panic::catch_unwind(|| trip_if(counts)).unwrap_or(false);
        }
        trip_if(counts)
    }

    pub(super) fn record_probe(&self, shard: Shard, clock: impl Clock, generation: u64, finished: Finished) {
        // A slow probe says that the dependency has not recovered.
        let succeeded = !finished.failed && !finished.slow;
        let ended = if finished.failed { Ended::Failed } else { Ended::Succeeded };
        if !self.answer(generation, clock, Some(succeeded), Some(ended)) {
            return self.count_stale(shard);
        }
        self.window.count(shard, if finished.failed { Counter::Failed } else { Counter::Ok });
        if finished.slow {
            self.window.count(shard, Counter::Slow);
        }
    }
}
