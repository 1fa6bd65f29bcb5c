//! How long a call took: whether anybody asks, whether it was slow, and whether it is counted.

use super::breaker::CircuitBreaker;
use super::clock::Clock;
use crate::window::{Counter, EndedCall, Shard};

impl CircuitBreaker {
    /// When a call begins, where anybody asks; otherwise 0.
    #[inline]
    pub(super) fn call_begins(&self, clock: impl Clock) -> u64 {
        if self.settings.asks_how_long() { clock.measured_nanos() } else { 0 }
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
