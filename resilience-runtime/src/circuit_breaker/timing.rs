//! How long a call took: whether anybody asks, whether it was slow, and whether it is counted.

use super::breaker::CircuitBreaker;
use super::clock::Clock;
use super::state::Word;
use crate::time::{COARSE_ERROR_MILLIS, NANOS_PER_MILLI};
use crate::window::{Counter, EndedCall, Shard};

impl CircuitBreaker {
    /// When a call begins, where anybody asks; otherwise 0.
    #[inline]
    pub(super) fn call_begins(&self, clock: impl Clock) -> u64 {
        if self.settings.asks_how_long() { clock.measured_nanos() } else { 0 }
    }

    /// Records a success that was admitted in that closed state and has begun then, if that is all there is to do.
    ///
    /// Most calls are nowhere near `slow_call`. The coarse clock says so for half of what the counter costs, and a window reads it anyway: it is behind by so much at most, so a
    /// call that cannot have been slow by its latest was not. Whatever else is for [`timed`](Self::timed) to measure.
    #[inline]
    pub(super) fn record_timed_success(&self, shard: Shard, clock: impl Clock, closed: Word, began: u64) -> bool {
        let counts_times = self.settings.counts_times();
        let (now, took) = if counts_times {
            let now = clock.measured_nanos();
            (now / NANOS_PER_MILLI, now.saturating_sub(began))
        } else {
            let now = clock.coarse_millis();
            (now, ((now + COARSE_ERROR_MILLIS + 1) * NANOS_PER_MILLI).saturating_sub(began))
        };
        let limit = self.settings.slow_call_nanos();
        let is_calm = (limit == 0 || took <= limit) && self.record_calm_success(shard, closed, || now);
        if is_calm && counts_times {
            self.times.add(shard, Counter::Ok, took);
        }
        is_calm
    }

    /// A call that has begun then is over. It is told where it was slow.
    pub(super) fn timed(&self, clock: impl Clock, began: u64, counter: Counter) -> EndedCall {
        let mut ended = EndedCall { counter, slow: false, took: EndedCall::NOT_TIMED };
        if began != 0 && self.settings.asks_how_long() {
            let took = clock.measured_nanos().saturating_sub(began);
            let limit = self.settings.slow_call_nanos();
            ended.slow = limit != 0 && took > limit;
            if ended.slow {
                self.tell_slow_call(took, limit);
            }
            if self.settings.counts_times() {
                ended.took = took;
            }
        }
        ended
    }

    /// How long it took, of a call that is counted.
    #[inline]
    pub(super) fn count_time(&self, shard: Shard, ended: EndedCall) {
        if ended.took != EndedCall::NOT_TIMED {
            self.times.add(shard, ended.counter, ended.took);
        }
    }
}

#[cfg(all(test, not(resilience_loom)))]
mod tests {
    use super::*;
    use crate::circuit_breaker::judging::Admitted;
    use crate::outcome::Outcome;
    use resilience_config::CircuitBreakerConfig;
    use std::sync::Arc;
    use std::time::Duration;

    /// A clock whose coarse readings are behind by so many milliseconds.
    #[derive(Clone, Copy)]
    struct Lagging {
        nanos: u64,
        by: u64,
    }

    impl Clock for Lagging {
        fn coarse_millis(self) -> u64 {
            self.nanos / NANOS_PER_MILLI - self.by
        }

        fn precise_nanos(self) -> u64 {
            self.nanos
        }
    }

    #[test]
    fn the_counter_has_the_last_word_on_whether_a_call_was_slow() {
        const START: u64 = 1_000_000 * NANOS_PER_MILLI;
        for limit in [1, 15, 20, 21, 1000].map(Duration::from_millis) {
            let settings = CircuitBreakerConfig::new().slow_call(limit).validated().resolve();
            let emitter = crate::event::Emitter::new(Arc::default());
            let breaker = CircuitBreaker::new_at("timing".into(), settings, None, emitter, START / NANOS_PER_MILLI);
            let limit = limit.as_nanos() as u64;
            // In the middle of a millisecond, and at the edges.
            for began in [START, START + 1, START + 499_999, START + 999_999] {
                for by in 0..=COARSE_ERROR_MILLIS {
                    for (took, is_slow) in
                        [(0, false), (limit - 1, false), (limit, false), (limit + 1, true), (9 * limit, true)]
                    {
                        let before = breaker.totals();
                        let admitted = Admitted::Closed(breaker.word.load());
                        let clock = Lagging { nanos: began + took, by };
                        breaker.record(Shard(0), clock, (admitted, began), Outcome::Success, None);
                        let after = breaker.totals();
                        let counted = (after.successes - before.successes, after.slow - before.slow);
                        assert_eq!(counted, (1, u64::from(is_slow)), "{took} ns of {limit}, {by} ms behind");
                    }
                }
            }
        }
    }
}
