//! How long the waits of a retry are at their shortest, so that a limit above it can be compared with them.

use std::time::Duration;

use crate::{Backoff, Jitter, RetryConfig, RetrySettings, TimeoutConfig};

impl RetrySettings {
    /// The shortest wait after so many failures that jitter may leave.
    pub const fn shortest_wait(&self, failures: u32) -> Duration {
        let (mut factor, mut before, mut nth) = (1.0, 0.0, 1);
        while nth < failures {
            let next = match self.backoff {
                Backoff::Constant | Backoff::Decorrelated => factor,
                Backoff::Linear => factor + 1.0,
                Backoff::Exponential => factor * self.factor,
                Backoff::Fibonacci => before + factor,
            };
            before = factor;
            factor = next;
            nth += 1;
        }
        let share = match (self.backoff, self.jitter) {
            (Backoff::Decorrelated, _) | (_, Jitter::None) => 1.0,
            (_, Jitter::Equal) => 0.5,
            (_, Jitter::Full) => 0.0,
            (_, Jitter::Share(share)) => 1.0 - share,
        };
        let (delay, cap) = (self.delay.as_nanos() as f64, self.max_delay.as_nanos() as f64);
        let wait = if delay * factor < cap { delay * factor } else { cap };
        // At most a day.
        Duration::from_nanos((wait * share) as u64)
    }

    /// How many attempts can begin within `limit`, if every one failed at once and every wait was as short as it can be.
    pub const fn attempts_within(&self, limit: Duration) -> u32 {
        let (mut begun, mut waited) = (1, Duration::ZERO);
        while begun < self.attempts {
            waited = waited.saturating_add(self.shortest_wait(begun));
            if waited.as_nanos() >= limit.as_nanos() {
                return begun;
            }
            begun += 1;
        }
        begun
    }
}

impl TimeoutConfig {
    /// Whether all attempts of `retry` can begin before this timeout, which is above it, ends them.
    #[doc(hidden)]
    pub const fn leaves_time_for(&self, retry: &RetryConfig) -> bool {
        let retry = retry.resolve();
        retry.attempts_within(self.resolve().after) == retry.attempts
    }

    /// As [`leaves_time_for`](Self::leaves_time_for), for a constant.
    ///
    /// # Panics
    ///
    /// Where it does not. In a constant that is an error of the compiler's.
    #[doc(hidden)]
    #[track_caller]
    pub const fn assert_leaves_time_for(&self, retry: &RetryConfig) {
        assert!(
            self.leaves_time_for(retry),
            "the waits of `retry` take longer than the `timeout` above it even at their shortest, so its last attempts can never begin"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bounds::SECOND;

    const fn retry() -> RetryConfig {
        RetryConfig::new().attempts(5).delay(SECOND).jitter(Jitter::None)
    }

    fn waits(config: RetryConfig) -> Vec<f64> {
        let settings = config.resolve();
        (1..settings.attempts).map(|failures| settings.shortest_wait(failures).as_secs_f64()).collect()
    }

    #[test]
    fn the_shortest_waits_of_each_backoff() {
        assert_eq!(waits(retry()), [1.0, 2.0, 4.0, 8.0]);
        assert_eq!(waits(retry().factor(3.0)), [1.0, 3.0, 9.0, 10.0]);
        assert_eq!(waits(retry().backoff(Backoff::Constant)), [1.0; 4]);
        assert_eq!(waits(retry().backoff(Backoff::Linear)), [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(waits(retry().backoff(Backoff::Fibonacci).attempts(7)), [1.0, 1.0, 2.0, 3.0, 5.0, 8.0]);
        assert_eq!(waits(retry().backoff(Backoff::Decorrelated).jitter(Jitter::Full)), [1.0; 4]);
        assert_eq!(waits(retry().jitter(Jitter::Equal)), [0.5, 1.0, 2.0, 4.0]);
        assert_eq!(waits(retry().jitter(Jitter::Share(0.25))), [0.75, 1.5, 3.0, 6.0]);
        assert_eq!(waits(retry().jitter(Jitter::Full)), [0.0; 4]);
    }

    #[test]
    fn how_many_attempts_fit() {
        let within = |seconds| retry().resolve().attempts_within(Duration::from_secs(seconds));
        assert_eq!([1, 2, 3, 4, 7, 8, 15, 16].map(within), [1, 2, 2, 3, 3, 4, 4, 5]);
        assert!(!TimeoutConfig::new().after(15 * SECOND).leaves_time_for(&retry()));
        assert!(TimeoutConfig::new().after(16 * SECOND).leaves_time_for(&retry()));
        assert!(TimeoutConfig::new().after(SECOND / 1000).leaves_time_for(&retry().jitter(Jitter::Full)));
    }
}
