//! How long the waits of a retry are: pure functions of its settings, the number of the failure, the wait before and one random number. They are
//! constant, so that a timeout above the retry is compared with the shortest of them while a program is built.

use std::time::Duration;

use crate::{Backoff, Jitter, RetryConfig, RetrySettings, TimeoutConfig};

impl RetrySettings {
    /// The wait after so many failures, the last of which followed a wait of `before`. `random` is at least 0 and at most 1.
    ///
    /// Without jitter it is capped by `max_delay`, and then drawn from as much of jitter's range as lies below the cap: so the longest waits still differ
    /// from each other, and none is longer than the cap.
    #[doc(hidden)]
    #[must_use]
    pub const fn wait(&self, failures: u32, before: Duration, random: f64) -> Duration {
        let (delay, cap) = (nanos(self.delay), nanos(self.max_delay));
        let (least, most) = match self.backoff {
            // Random by itself, so that jitter has nothing to add.
            Backoff::Decorrelated => (delay, nanos(before).max(delay) * 3.0),
            Backoff::Constant => self.jittered(1.0),
            Backoff::Linear => self.jittered(failures as f64),
            Backoff::Exponential => self.jittered(power(self.factor, failures - 1)),
            Backoff::Fibonacci => self.jittered(fibonacci(failures)),
        };
        let (least, most) = (least.min(cap), most.min(cap));
        rounded(least + (most - least) * random)
    }

    /// From where to where jitter varies so many times `delay`, in nanoseconds.
    const fn jittered(&self, times: f64) -> (f64, f64) {
        // More than the cap, infinity among it, is the cap.
        let wait = (nanos(self.delay) * times).min(nanos(self.max_delay));
        match self.jitter {
            Jitter::None => (wait, wait),
            Jitter::Equal => (wait * 0.5, wait),
            Jitter::Full => (0.0, wait),
            // To both sides, so that the mean stays; at the cap to one side. Pushed down to the cap instead, half of a fleet would meet there.
            Jitter::Share(share) => (wait * (1.0 - share), wait * (1.0 + share)),
        }
    }

    /// A wait that somebody asked for: that long at least, and jitter on top of it as far as the cap goes.
    #[doc(hidden)]
    #[must_use]
    pub const fn asked_wait(&self, asked: Duration, random: f64) -> Duration {
        let room = nanos(self.max_delay.saturating_sub(asked)).min(nanos(self.delay));
        let share = match self.jitter {
            Jitter::None => 0.0,
            Jitter::Equal | Jitter::Full => 1.0,
            Jitter::Share(share) => share,
        };
        asked.saturating_add(rounded(room * share * random))
    }

    /// The shortest wait after so many failures that chance may leave.
    #[must_use]
    pub const fn shortest_wait(&self, failures: u32) -> Duration {
        self.wait(failures, Duration::ZERO, 0.0)
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

    /// What is wrong where it does not, with the arithmetic.
    #[doc(hidden)]
    #[must_use]
    pub fn why_no_time_for(&self, retry: &RetryConfig) -> Option<String> {
        if self.leaves_time_for(retry) {
            return None;
        }
        let (settings, limit) = (retry.resolve(), self.resolve().after);
        let waits: Vec<Duration> = (1..settings.attempts).map(|failures| settings.shortest_wait(failures)).collect();
        let can_begin = settings.attempts_within(limit);
        Some(format!(
            "the `timeout` above ends the call after {limit:?}, but the waits between {} attempts take at least {}, so only {can_begin} {} can \
            begin; write `attempts = {can_begin}`, shorter waits or a longer `timeout`",
            settings.attempts,
            sum(&waits),
            if can_begin == 1 { "attempt" } else { "attempts" },
        ))
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

const fn power(factor: f64, times: u32) -> f64 {
    let (mut power, mut nth) = (1.0, 0);
    while nth < times {
        power *= factor;
        nth += 1;
    }
    power
}

/// 1, 1, 2, 3, 5, 8…
const fn fibonacci(nth: u32) -> f64 {
    let (mut before, mut number, mut at) = (0.0, 1.0, 1);
    while at < nth {
        (before, number) = (number, before + number);
        at += 1;
    }
    number
}

/// Exact: no wait is longer than a day.
const fn nanos(time: Duration) -> f64 {
    time.as_nanos() as f64
}

const fn rounded(nanos: f64) -> Duration {
    Duration::from_nanos((nanos + 0.5) as u64)
}

/// `1s + 2s + 4s = 7s`
fn sum(waits: &[Duration]) -> String {
    const SHOWN: usize = 6;
    let mut terms: Vec<String> = waits.iter().take(SHOWN).map(|wait| format!("{wait:?}")).collect();
    if waits.len() > SHOWN {
        terms.push("…".to_owned());
    }
    let total: Duration = waits.iter().sum();
    match waits {
        [_] => format!("{total:?}"),
        _ => format!("{} = {total:?}", terms.join(" + ")),
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

    /// The shortest, the middle and the longest of a wait of eight delays.
    #[test]
    fn jitter_varies_a_wait_within_its_range_and_never_beyond_the_cap() {
        let of = |config: RetryConfig| {
            let settings = config.resolve();
            [0.0, 0.5, 1.0].map(|random| settings.wait(4, Duration::ZERO, random).as_secs_f64())
        };
        assert_eq!(of(retry()), [8.0, 8.0, 8.0]);
        assert_eq!(of(retry().jitter(Jitter::Equal)), [4.0, 6.0, 8.0]);
        assert_eq!(of(retry().jitter(Jitter::Full)), [0.0, 4.0, 8.0]);
        assert_eq!(of(retry().jitter(Jitter::Share(0.25))), [6.0, 8.0, 10.0]);
        // What lies above the cap of ten seconds is not pushed down to it.
        assert_eq!(of(retry().jitter(Jitter::Share(0.5))), [4.0, 7.0, 10.0]);
        assert_eq!(of(retry().factor(100.0).jitter(Jitter::Share(0.5))), [5.0, 7.5, 10.0]);
        assert_eq!(of(retry().factor(100.0).jitter(Jitter::Equal)), [5.0, 7.5, 10.0]);
        // So many that no number is as large.
        let settings = retry().factor(100.0).attempts(100).max_delay(7 * SECOND).resolve();
        assert_eq!(settings.wait(99_999, Duration::ZERO, 1.0), 7 * SECOND);
    }

    #[test]
    fn a_decorrelated_wait_lies_between_the_delay_and_three_times_the_wait_before() {
        let settings = retry().backoff(Backoff::Decorrelated).jitter(Jitter::Equal).resolve();
        let wait = |before: u32, random| settings.wait(9, before * SECOND / 10, random).as_secs_f64();
        assert_eq!([0.0, 0.5, 1.0].map(|random| wait(20, random)), [1.0, 3.5, 6.0]);
        assert_eq!([0.0, 0.5, 1.0].map(|random| wait(0, random)), [1.0, 2.0, 3.0], "the first");
        assert_eq!([0.0, 0.5, 1.0].map(|random| wait(5, random)), [1.0, 2.0, 3.0], "never less than the delay");
        assert_eq!([0.0, 0.5, 1.0].map(|random| wait(40, random)), [1.0, 5.5, 10.0], "the cap");
    }

    #[test]
    fn a_wait_that_was_asked_for_is_that_long_at_least_and_has_jitter_as_far_as_the_cap() {
        let of = |jitter, asked: u32| {
            let settings = retry().jitter(jitter).resolve();
            [0.0, 0.5, 1.0].map(|random| settings.asked_wait(asked * SECOND / 10, random).as_secs_f64())
        };
        assert_eq!(of(Jitter::None, 50), [5.0, 5.0, 5.0]);
        assert_eq!(of(Jitter::Full, 50), [5.0, 5.5, 6.0]);
        assert_eq!(of(Jitter::Equal, 50), [5.0, 5.5, 6.0]);
        assert_eq!(of(Jitter::Share(0.5), 50), [5.0, 5.25, 5.5]);
        assert_eq!(of(Jitter::Full, 0), [0.0, 0.5, 1.0]);
        assert_eq!(of(Jitter::Full, 95), [9.5, 9.75, 10.0], "up to the cap of ten seconds");
        assert_eq!(of(Jitter::Full, 100), [10.0, 10.0, 10.0]);
        assert_eq!(of(Jitter::Full, 120), [12.0, 12.0, 12.0], "it is not shortened");
        assert_eq!(retry().resolve().asked_wait(Duration::MAX, 1.0), Duration::MAX);
    }

    #[test]
    fn the_arithmetic_of_waits_that_leave_no_time() {
        let why = |after: u32, retry: RetryConfig| TimeoutConfig::new().after(after * SECOND).why_no_time_for(&retry);
        assert_eq!(why(16, retry()), None);
        assert_eq!(
            why(15, retry()).unwrap(),
            "the `timeout` above ends the call after 15s, but the waits between 5 attempts take at least 1s + 2s + 4s + 8s = 15s, so only 4 \
            attempts can begin; write `attempts = 4`, shorter waits or a longer `timeout`"
        );
        let two = why(1, retry().attempts(2)).unwrap();
        assert!(
            two.contains("between 2 attempts take at least 1s, so only 1 attempt can begin; write `attempts = 1`"),
            "{two}"
        );
        // Six are shown.
        let constant = retry().backoff(Backoff::Constant);
        assert!(why(1, constant.attempts(7)).unwrap().contains("at least 1s + 1s + 1s + 1s + 1s + 1s = 6s, so"));
        assert!(why(1, constant.attempts(8)).unwrap().contains("at least 1s + 1s + 1s + 1s + 1s + 1s + … = 7s, so"));
    }

    #[test]
    #[should_panic = "the waits of `retry` take longer than the `timeout` above it even at their shortest"]
    fn a_constant_that_leaves_no_time_is_an_error_of_the_compilers() {
        TimeoutConfig::new().after(16 * SECOND).assert_leaves_time_for(&retry());
        TimeoutConfig::new().after(15 * SECOND).assert_leaves_time_for(&retry());
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
