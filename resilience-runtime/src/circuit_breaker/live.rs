//! A breaker's settings as they are in force, each in a word that a call reads by itself and [`reconfigure`] replaces.
//!
//! What is only meaningful together is in one word, so that no call sees half of a change.
//!
//! [`reconfigure`]: super::CircuitBreaker::reconfigure

use super::state::{HalfOpenRule, OpenRule};
use crate::sync::AtomicSetting;
use crate::time::{millis_up, nanos};
use crate::window::{Span, WindowCounts};
use resilience_config::{CircuitBreakerSettings, Window};
use std::time::Duration;

/// 100 % in the unit of the rates: millionths of a percent.
const WHOLE: u128 = 100_000_000;

pub(super) struct Live {
    /// `failure rate << 32 | minimum calls`
    rates: AtomicSetting,
    /// `slow call rate << 1 | whether there is a window to take rates of`
    slow_rate: AtomicSetting,
    /// Nanoseconds; 0 is off.
    slow_call: AtomicSetting,
    /// 0 is off.
    consecutive_failures: AtomicSetting,
    open_for_millis: AtomicSetting,
    max_open_for_millis: AtomicSetting,
    open_backoff: AtomicSetting,
    open_jitter: AtomicSetting,
    /// `timeout << 16 | successes << 8 | calls`
    half_open: AtomicSetting,
}

/// What is asked of the counts whenever an outcome is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Calm,
    /// Too few calls for a rate, and failed or slow ones among them: a success may complete the minimum.
    Pending,
    FailureRate,
    SlowCallRate,
}

impl Live {
    pub(super) fn new(settings: &CircuitBreakerSettings) -> Self {
        let zero = || AtomicSetting::new(0);
        let live = Self {
            rates: zero(),
            slow_rate: zero(),
            slow_call: zero(),
            consecutive_failures: zero(),
            open_for_millis: zero(),
            max_open_for_millis: zero(),
            open_backoff: zero(),
            open_jitter: zero(),
            half_open: zero(),
        };
        live.set(settings);
        live
    }

    pub(super) fn set(&self, settings: &CircuitBreakerSettings) {
        let has_window = u64::from(settings.window != Window::None);
        self.rates.set(u64::from(settings.failure_rate_millionths()) << 32 | u64::from(settings.minimum_calls));
        self.slow_rate.set(u64::from(settings.slow_call_rate_millionths()) << 1 | has_window);
        self.slow_call.set(settings.slow_call.map_or(0, nanos));
        self.consecutive_failures.set(settings.consecutive_failures.map_or(0, u64::from));
        self.open_for_millis.set(millis_up(settings.open_for));
        self.max_open_for_millis.set(millis_up(settings.max_open_for));
        self.open_backoff.set(settings.open_backoff.to_bits());
        self.open_jitter.set(settings.open_jitter.to_bits());
        self.half_open.set(
            millis_up(settings.half_open_timeout) << 16
                | u64::from(settings.half_open_successes) << 8
                | u64::from(settings.half_open_calls),
        );
    }

    /// Everything but the window, the mode and `max_keys`.
    pub(super) fn read_into(&self, settings: &mut CircuitBreakerSettings) {
        let percent = |millionths: u64| millionths as f64 / 1e6;
        let optional = |value: u64| (value != 0).then_some(value);
        let (rates, half_open) = (self.rates.get(), self.half_open_rule());
        settings.failure_rate = percent(rates >> 32);
        settings.minimum_calls = rates as u32;
        settings.slow_call_rate = percent(self.slow_rate.get() >> 1);
        settings.slow_call = optional(self.slow_call.get()).map(Duration::from_nanos);
        settings.consecutive_failures = optional(self.consecutive_failures.get()).map(|failures| failures as u32);
        let OpenRule { open_for_millis, max_millis, backoff, jitter } = self.open_rule();
        settings.open_for = Duration::from_millis(open_for_millis);
        settings.max_open_for = Duration::from_millis(max_millis);
        (settings.open_backoff, settings.open_jitter) = (backoff, jitter);
        settings.half_open_calls = half_open.calls as u32;
        settings.half_open_successes = half_open.successes as u32;
        settings.half_open_timeout = Duration::from_millis(half_open.timeout_millis);
    }

    #[inline]
    pub(super) fn slow_call_nanos(&self) -> u64 {
        self.slow_call.get()
    }

    pub(super) fn judge(&self, counts: WindowCounts) -> Verdict {
        let (rates, slow_rate) = (self.rates.get(), self.slow_rate.get());
        if slow_rate & 1 == 0 || counts.failures == 0 && counts.slow == 0 {
            return Verdict::Calm;
        }
        if counts.calls < rates & u64::from(u32::MAX) {
            return Verdict::Pending;
        }
        let reaches = |part: u64, rate: u64| u128::from(part) * WHOLE >= u128::from(rate) * u128::from(counts.calls);
        if reaches(counts.failures, rates >> 32) {
            Verdict::FailureRate
        } else if self.slow_call.get() != 0 && reaches(counts.slow, slow_rate >> 1) {
            Verdict::SlowCallRate
        } else {
            Verdict::Calm
        }
    }

    pub(super) fn is_too_long_a_row(&self, failures: u64) -> bool {
        let limit = self.consecutive_failures.get();
        limit != 0 && failures >= limit
    }

    #[inline]
    pub(super) fn open_rule(&self) -> OpenRule {
        OpenRule {
            open_for_millis: self.open_for_millis.get(),
            max_millis: self.max_open_for_millis.get(),
            backoff: f64::from_bits(self.open_backoff.get()),
            jitter: f64::from_bits(self.open_jitter.get()),
        }
    }

    pub(super) fn half_open_rule(&self) -> HalfOpenRule {
        let half_open = self.half_open.get();
        HalfOpenRule { calls: half_open & 0xff, successes: half_open >> 8 & 0xff, timeout_millis: half_open >> 16 }
    }
}

/// How far the window of these settings reaches.
pub(super) fn span(settings: &CircuitBreakerSettings) -> Span {
    match settings.window {
        Window::Time(length) => Span::Time { millis: millis_up(length) },
        Window::Count(calls) => Span::Count { calls: u64::from(calls) },
        Window::None => Span::Unbounded,
    }
}

/// The window that reaches so far.
pub(super) fn window(span: Span) -> Window {
    match span {
        Span::Time { millis } => Window::Time(Duration::from_millis(millis)),
        Span::Count { calls } => Window::Count(calls as u32),
        Span::Unbounded => Window::None,
    }
}
