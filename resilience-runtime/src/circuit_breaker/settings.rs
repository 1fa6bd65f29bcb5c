//! What a call reads of a breaker's settings, and what the rates come to.

use super::state::{HalfOpenRule, OpenRule};
use crate::settings::{HotWords, Settings};
use crate::time::{millis_up, nanos};
use crate::window::{Span, WindowCounts};
use resilience_config::{CircuitBreakerSettings, Window};

/// 100 % in the unit of the rates: millionths of a percent.
const WHOLE: u128 = 100_000_000;

/// How old the first failure has to be where nobody wrote how many in a row open the breaker.
const YOUNGEST_STREAK_MILLIS: u64 = 100;

/// `failure rate << 32 | minimum calls`
const RATES: usize = 0;
/// `consecutive failures << 33 | whether nobody wrote them << 32 | slow call rate << 1 | whether there is a window to take rates of`; no consecutive failures
/// are off.
const SLOW_RATE: usize = 1;
/// Milliseconds; 0 is off.
const ABANDONED_AFTER: usize = 2;
/// `milliseconds << 1 | whether every opening lasts so long, whatever else is set`
const OPEN_FOR: usize = 3;
const MAX_OPEN_FOR_MILLIS: usize = 4;
const OPEN_BACKOFF: usize = 5;
const OPEN_JITTER: usize = 6;
/// `timeout << 16 | successes << 8 | calls`
const HALF_OPEN: usize = 7;
/// `nanoseconds << 1 | whether times are counted`; no nanoseconds are off. A call reads the clock where any of it is set. The last word, since it is the one that every call reads: what
/// stands behind the settings is read by every call too.
const SLOW_CALL: usize = WORDS - 1;
pub(super) const WORDS: usize = 9;

impl HotWords<WORDS> for CircuitBreakerSettings {
    fn words(&self) -> [u64; WORDS] {
        let mut words = [0; WORDS];
        let has_window = u64::from(self.window != Window::None);
        words[RATES] = u64::from(self.failure_rate_millionths()) << 32 | u64::from(self.minimum_calls);
        let streak =
            u64::from(self.consecutive_failures.unwrap_or(0)) << 1 | u64::from(self.consecutive_failures_by_default);
        words[SLOW_RATE] = streak << 32 | u64::from(self.slow_call_rate_millionths()) << 1 | has_window;
        words[SLOW_CALL] = self.slow_call.map_or(0, nanos) << 1 | u64::from(self.latency);
        let every_one = self.open_backoff == 1.0 && self.open_jitter == 0.0;
        words[OPEN_FOR] = millis_up(self.open_for) << 1 | u64::from(every_one);
        words[MAX_OPEN_FOR_MILLIS] = millis_up(self.max_open_for);
        words[OPEN_BACKOFF] = self.open_backoff.to_bits();
        words[OPEN_JITTER] = self.open_jitter.to_bits();
        words[HALF_OPEN] = millis_up(self.half_open_timeout) << 16
            | u64::from(self.half_open_successes) << 8
            | u64::from(self.half_open_calls);
        words[ABANDONED_AFTER] = self.abandoned_after.map_or(0, millis_up);
        words
    }
}

/// What is asked of the counts whenever an outcome is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RatesSay {
    Calm,
    /// Too few calls for a rate, and failed or slow ones among them: a success may complete the minimum.
    Pending,
    FailureRate,
    SlowCallRate,
}

impl Settings<CircuitBreakerSettings, WORDS> {
    /// Whether anybody wants to know how long a call takes.
    #[inline]
    pub(super) fn asks_how_long(&self) -> bool {
        self.word(SLOW_CALL) != 0
    }

    pub(super) fn slow_call_nanos(&self) -> u64 {
        self.word(SLOW_CALL) >> 1
    }

    pub(super) fn counts_times(&self) -> bool {
        self.word(SLOW_CALL) & 1 != 0
    }

    pub(super) fn judge(&self, counts: WindowCounts) -> RatesSay {
        let (rates, slow_rate) = (self.word(RATES), self.word(SLOW_RATE) & u64::from(u32::MAX));
        if slow_rate & 1 == 0 || counts.failures == 0 && counts.slow == 0 {
            return RatesSay::Calm;
        }
        let minimum = rates & u64::from(u32::MAX);
        let reaches = |part: u64, of: u64, rate: u64| {
            of >= minimum && u128::from(part) * WHOLE >= u128::from(rate) * u128::from(of)
        };
        if reaches(counts.failures, counts.calls, rates >> 32) {
            RatesSay::FailureRate
        } else if self.slow_call_nanos() != 0 && reaches(counts.slow, counts.slow_of, slow_rate >> 1) {
            RatesSay::SlowCallRate
        } else if counts.calls < minimum {
            RatesSay::Pending
        } else {
            RatesSay::Calm
        }
    }

    /// For how long a call has to have waited to be abandoned by whoever drops it.
    pub(super) fn abandoned_after_millis(&self) -> Option<u64> {
        Some(self.word(ABANDONED_AFTER)).filter(|&millis| millis != 0)
    }

    /// By default, failures of one moment are one event.
    pub(super) fn is_too_long_a_streak(&self, failures: u64, age_millis: u64) -> bool {
        let rule = self.word(SLOW_RATE) >> 32;
        let (limit, by_default) = (rule >> 1, rule & 1 != 0);
        limit != 0 && failures >= limit && (!by_default || age_millis >= YOUNGEST_STREAK_MILLIS)
    }

    /// For how long it stays open, after so many openings in a row and with that jitter. One load, unless something is set that lengthens some openings.
    #[inline]
    pub(super) fn open_lasts(&self, openings: u64, jitter: u64) -> u64 {
        let open_for = self.word(OPEN_FOR);
        if open_for & 1 != 0 { open_for >> 1 } else { self.open_lasts_longer(openings, jitter) }
    }

    #[cold]
    #[inline(never)]
    fn open_lasts_longer(&self, openings: u64, jitter: u64) -> u64 {
        self.open_rule().lasts(openings, jitter)
    }

    pub(super) fn open_rule(&self) -> OpenRule {
        OpenRule {
            open_for_millis: self.word(OPEN_FOR) >> 1,
            max_millis: self.word(MAX_OPEN_FOR_MILLIS),
            backoff: f64::from_bits(self.word(OPEN_BACKOFF)),
            jitter: f64::from_bits(self.word(OPEN_JITTER)),
        }
    }

    pub(super) fn half_open_rule(&self) -> HalfOpenRule {
        let half_open = self.word(HALF_OPEN);
        HalfOpenRule { calls: half_open & 0xff, successes: half_open >> 8 & 0xff, timeout_millis: half_open >> 16 }
    }
}

/// How far the window of these settings reaches.
pub(super) fn span(settings: &CircuitBreakerSettings) -> Span {
    settings.window.by_kind(
        |length| Span::Time { millis: millis_up(length) },
        |calls| Span::Count { calls: u64::from(calls) },
        || Span::Unbounded,
    )
}

#[cfg(all(test, not(resilience_loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use resilience_config::{CircuitBreakerConfig, Mode};
    use std::time::Duration;

    /// Times to the nanosecond and rates to the last bit: what words cannot hold among them.
    fn settings() -> impl Strategy<Value = CircuitBreakerSettings> {
        let time = |most: u64| (1_000_000..most).prop_map(Duration::from_nanos);
        let window = prop_oneof![
            (10_000_000..60_000_000_000_u64).prop_map(|nanos| Window::Time(Duration::from_nanos(nanos))),
            (1..1000_u32).prop_map(Window::Count),
        ];
        let rates = (0.000_1..100.0, 0.000_1..100.0, 1..1000_u32, prop::option::of(1..1000_u32), window);
        let open = (time(1 << 40), time(1 << 40), 1.0..100.0, 0.0..1.0, prop::option::of(time(1 << 40)));
        let half_open = (1..=255_u32, any::<prop::sample::Index>(), time(1 << 40));
        let mode = prop::sample::select(vec![Mode::Enforce, Mode::Monitor, Mode::Off]);
        (rates, open, half_open, mode, 1..1_000_000_u32).prop_map(|(rates, open, half_open, mode, max_keys)| {
            let mut settings = CircuitBreakerConfig::new().resolve();
            (settings.failure_rate, settings.slow_call_rate, settings.minimum_calls, ..) = rates;
            (.., settings.consecutive_failures, settings.window) = rates;
            (settings.open_for, settings.max_open_for, settings.open_backoff, settings.open_jitter, ..) = open;
            settings.slow_call = open.4;
            settings.abandoned_after = half_open.2.checked_sub(settings.open_for).filter(|time| !time.is_zero());
            let (calls, successes, timeout) = half_open;
            settings.half_open_calls = calls;
            settings.half_open_successes = successes.index(calls as usize) as u32 + 1;
            settings.half_open_timeout = timeout;
            (settings.mode, settings.max_keys) = (mode, max_keys);
            settings.consecutive_failures_by_default = max_keys % 2 == 0;
            settings.latency = max_keys % 3 == 0;
            settings
        })
    }

    proptest! {
        #[test]
        fn settings_are_read_back_as_they_were_written(first in settings(), second in settings()) {
            let settings = Settings::new(first);
            prop_assert_eq!(*settings.get(), first);
            settings.replace(second, |_| ());
            prop_assert_eq!(*settings.get(), second);
            // The words that calls read say the same.
            let rule = settings.half_open_rule();
            let timeout_millis = millis_up(second.half_open_timeout);
            let (calls, successes) = (u64::from(second.half_open_calls), u64::from(second.half_open_successes));
            prop_assert_eq!(rule, HalfOpenRule { calls, successes, timeout_millis });
            let rule = settings.open_rule();
            let (open_for_millis, max_millis) = (millis_up(second.open_for), millis_up(second.max_open_for));
            let (backoff, jitter) = (second.open_backoff, second.open_jitter);
            prop_assert_eq!(rule, OpenRule { open_for_millis, max_millis, backoff, jitter });
            for (openings, share) in [(0, 0), (0, 999), (3, 0), (3, 999), (127, 32_767)] {
                prop_assert_eq!(settings.open_lasts(openings, share), rule.lasts(openings, share));
            }
            prop_assert_eq!(settings.slow_call_nanos(), second.slow_call.map_or(0, nanos));
            prop_assert_eq!(settings.counts_times(), second.latency);
            prop_assert_eq!(settings.asks_how_long(), second.latency || second.slow_call.is_some());
            prop_assert_eq!(settings.abandoned_after_millis(), second.abandoned_after.map(millis_up));
            let limit = second.consecutive_failures.map(u64::from);
            for failures in 1..1000 {
                for age_millis in [0, 99, 100, 101] {
                    let is_old = !second.consecutive_failures_by_default || age_millis >= 100;
                    let is_too_long = limit.is_some_and(|limit| failures >= limit) && is_old;
                    prop_assert_eq!(settings.is_too_long_a_streak(failures, age_millis), is_too_long);
                }
            }
        }
    }
}
