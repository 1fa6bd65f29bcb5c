//! The keys of a circuit breaker.

use std::time::Duration;

use crate::{
    BrokenRule, Preset,
    bounds::{DAY, MILLISECOND, MINUTE, SECOND, YEAR, between, longer, millionths, time_between},
};

/// The calls over which a circuit breaker takes its rates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Window {
    /// The calls of the last so long, in 10 buckets; 10 ms to 24 h.
    Time(Duration),
    /// The last so many calls; 1 to 65535.
    Count(u32),
    /// No rate: `consecutive_failures` or `trip_if` has to trip the breaker.
    None,
}

impl Window {
    /// What one of the three functions makes of it. Another crate that goes through every kind of window does so here: a kind that is added is an
    /// argument more, which none of them can overlook.
    #[doc(hidden)]
    pub fn by_kind<T>(
        self,
        time: impl FnOnce(Duration) -> T,
        count: impl FnOnce(u32) -> T,
        none: impl FnOnce() -> T,
    ) -> T {
        match self {
            Self::Time(length) => time(length),
            Self::Count(calls) => count(calls),
            Self::None => none(),
        }
    }
}

words! {
    /// What a circuit breaker does with its decisions.
    #[derive(Default)]
    pub enum Mode {
        /// Rejects calls while it is open.
        #[default]
        Enforce = "enforce",
        /// Decides, records and emits events, and rejects nothing.
        Monitor = "monitor",
        /// Does nothing.
        Off = "off",
    }
}

impl Mode {
    /// Whether it only monitors what it decides; `None` of a breaker that decides nothing.
    #[doc(hidden)]
    #[must_use]
    pub const fn monitors(self) -> Option<bool> {
        match self {
            Self::Enforce => Some(false),
            Self::Monitor => Some(true),
            Self::Off => None,
        }
    }
}

const FAILURE_RATE: f64 = 50.0;
const MINIMUM_CALLS: u32 = 20;
const WINDOW: Window = Window::Time(Duration::from_secs(10));
/// The fewest consecutive failures that open a breaker by default.
const CONSECUTIVE_FAILURES: u32 = 10;
const ABANDONED_AFTER: Duration = SECOND;
const LIKELIHOOD_OF_CHANCE: f64 = 1.0 / 1000.0;
const OPEN_FOR: Duration = Duration::from_secs(30);
const MAX_OPEN_FOR: Duration = Duration::from_secs(10 * 60);
const HALF_OPEN_CALLS: u32 = 3;
const MAX_KEYS: u32 = 1024;

keys! {
    $ circuit_breaker_keys of written

    /// The keys of a circuit breaker, as far as they were written.
    ///
    /// A preset stands in for the defaults of three keys. It writes none of them, so that its `minimum_calls` yields to a smaller count
    /// window.
    ///
    /// Two configurations are equal when they mean the same, whether by default or in writing.
    CircuitBreakerConfig

    /// A [`CircuitBreakerConfig`] with every default applied.
    CircuitBreakerSettings {
        /// Percent of failures in the window at which it opens: above 0, at most 100. Default 50, or the preset's.
        failure_rate: f64 [percentage] = written.default_failure_rate();
        /// Calls in the window before a rate counts: 1 to 1,000,000,000, not above a count window. Default 20, or the preset's, or the count
        /// window where that is smaller.
        minimum_calls: u32 [1..=1_000_000_000] = written.default_minimum_calls();
        /// The calls that rates are taken over: those of 10 ms to 24 h, or 1 to 65,535 calls. Default the last 10 seconds.
        window: Window [is_window, "`window` must be between `\"10ms\"` and `\"24h\"`, or between 1 and 65535 calls"] = WINDOW;
        /// Consecutive failures that open it, whatever the volume: 1 to 1,000,000. Default 10 up to a `failure_rate` of 50; above it as many
        /// as are equally unlikely, which is 14 at 60, 20 at 70, 31 at 80 and 66 at 90, and none from 99 up. By default they open it only if the first
        /// of them is at least 100 ms old: ten calls that fail with one lost connection are one event.
        consecutive_failures or no_consecutive_failures: u32 [1..=1_000_000] = written.default_consecutive_failures();
        /// A call that is dropped without an outcome after its body has waited for so long is abandoned: it counts as one of the consecutive
        /// failures and is in no failure rate, and a probe dropped so has failed. 1 ms to 1 h. Default 1 s.
        abandoned_after or no_abandoned_after: Duration ["1ms"..="1h"] = Some(ABANDONED_AFTER);
        /// Whether the times of its calls are counted in a histogram, for metrics and percentiles. Costs a call two readings of the clock, which `slow_call` reads
        /// anyway. Default false.
        latency: bool [any] = false;
        /// A call longer than this is slow, also one that is dropped: 1 us to 1 h. Off by default.
        slow_call or no_slow_call: Duration ["1us"..="1h"] = None;
        /// Percent of slow calls at which it opens: above 0, at most 100; requires `slow_call`. Default 100.
        slow_call_rate: f64 [percentage] = 100.0;
        /// How long it stays open: 1 ms to 365 days. Default 30 s, or the preset's.
        open_for: Duration ["1ms"..="365d"] = written.default_open_for();
        /// Each opening after a failed half-open lasts this many times longer: 1 to 100. Default 1.
        open_backoff: f64 [1..=100] = 1.0;
        /// The longest that `open_backoff` gets to: 1 ms to 365 days, not below `open_for`. Default 10 min, or `open_for` where that is longer.
        max_open_for: Duration ["1ms"..="365d"] = {
            let open_for = or!(written.open_for, written.default_open_for());
            if longer(open_for, MAX_OPEN_FOR) { open_for } else { MAX_OPEN_FOR }
        };
        /// An opening is lengthened at random by up to this share, 0 to 1, so that a fleet does not probe as one. Default 0.
        open_jitter: f64 [0..=1] = 0.0;
        /// Probes admitted while half-open: 1 to 255. Default 3.
        half_open_calls: u32 [1..=255] = HALF_OPEN_CALLS;
        /// Successful probes that close it: 1 to `half_open_calls`. Default all of them.
        half_open_successes: u32 [1..=255] = or!(written.half_open_calls, HALF_OPEN_CALLS);
        /// A probe that has not answered within this time opens it again: 1 ms to 24 h. Counted from when a probe entered while no other was
        /// in flight. Default 60 s.
        half_open_timeout: Duration ["1ms"..="24h"] = MINUTE;
        /// Whether it enforces, only monitors, or is off. Default enforce.
        mode: Mode [any] = Mode::Enforce;
        /// How many keys a keyed breaker holds at most: 1 to 1,000,000. Default 1024.
        max_keys: u32 [1..=1_000_000] = MAX_KEYS;
    }
    standing for others {
        /// Values for a kind of dependency; what is given beside it wins, wherever it stands.
        preset: Preset;
        /// `false` is [`Mode::Off`], whatever `mode` says.
        enabled: bool;
    }
    also settled {
        /// Whether nobody wrote `consecutive_failures`, so that those of one moment do not open the breaker.
        consecutive_failures_by_default: bool = written.consecutive_failures.is_none();
    } by finish
    beside {
        /// Whether the breaker has a trip rule of its user's own, without which `Window::None` requires
        /// `consecutive_failures`.
        has_trip_if: bool = false;
    }
    in presets: [failure_rate, minimum_calls, open_for];
    outside of attributes: [enabled];
    of the program: ["key", "failure_if", "ignore_if", "trip_if"];

    fn preset_name(&self) -> Option<&'static str> {
        self.preset.map(Preset::name)
    }

    fn yield_to(&mut self, written: &Self) {
        if let (None, Some(calls), Some(Window::Count(window))) = (written.minimum_calls, self.minimum_calls, self.window) {
            self.minimum_calls = Some(calls.min(window));
        }
    }

    fn decided_by(&self, key: &'static str) -> &'static str {
        if key == "mode" && self.enabled == Some(false) { "enabled" } else { key }
    }
}

const fn is_window(window: Window) -> bool {
    match window {
        Window::Time(time) => time_between(time, SHORTEST_WINDOW, DAY),
        Window::Count(calls) => between(calls, 1, LARGEST_WINDOW),
        Window::None => true,
    }
}

impl CircuitBreakerSettings {
    /// `failure_rate` in millionths of a percent, for comparisons without floating point.
    pub const fn failure_rate_millionths(&self) -> u32 {
        millionths(self.failure_rate)
    }

    /// `slow_call_rate` in millionths of a percent, for comparisons without floating point.
    pub const fn slow_call_rate_millionths(&self) -> u32 {
        millionths(self.slow_call_rate)
    }
}

impl CircuitBreakerConfig {
    const fn default_minimum_calls(&self) -> u32 {
        let calls = match self.preset {
            Some(preset) => preset.breaker().minimum_calls,
            None => MINIMUM_CALLS,
        };
        match self.window {
            Some(Window::Count(window)) if window < calls => window,
            _ => calls,
        }
    }

    /// The smallest number of failures in a row whose probability, at a failure rate just below `failure_rate`, is at most a thousandth.
    const fn default_consecutive_failures(&self) -> Option<u32> {
        let rate = or!(self.failure_rate, self.default_failure_rate()) / 100.0;
        if rate >= 0.99 {
            return None;
        }
        let (mut failures, mut probability) = (CONSECUTIVE_FAILURES, 1.0);
        let mut nth = 0;
        while nth < failures {
            probability *= rate;
            nth += 1;
            if nth == failures && probability > LIKELIHOOD_OF_CHANCE {
                failures += 1;
            }
        }
        Some(failures)
    }

    const fn default_failure_rate(&self) -> f64 {
        match self.preset {
            Some(preset) => preset.breaker().failure_rate,
            None => FAILURE_RATE,
        }
    }

    const fn default_open_for(&self) -> Duration {
        match self.preset {
            Some(preset) => preset.breaker().open_for,
            None => OPEN_FOR,
        }
    }

    const fn finish(&self, mut settings: CircuitBreakerSettings) -> CircuitBreakerSettings {
        if let Some(false) = self.enabled {
            settings.mode = Mode::Off;
        }
        settings
    }

    /// What does not go together. A value outside its own bounds breaks no combination as well.
    const fn contradictions(&self) -> [Option<BrokenRule>; 5] {
        let settings = self.resolve();
        [
            BrokenRule::unless_both(
                match settings.window {
                    Window::Count(calls) if between(calls, 1, LARGEST_WINDOW) => settings.minimum_calls <= calls,
                    _ => true,
                },
                "minimum_calls",
                Some("window"),
                "`minimum_calls` must not be larger than a count `window`, which never holds more calls than its size",
            ),
            BrokenRule::unless_both(
                match settings.window {
                    Window::None => settings.consecutive_failures.is_some() || self.has_trip_if,
                    Window::Time(_) | Window::Count(_) => true,
                },
                "window",
                Some("consecutive_failures"),
                "`window = none` requires `consecutive_failures` or `trip_if`",
            ),
            BrokenRule::unless_both(
                self.slow_call_rate.is_none() || settings.slow_call.is_some(),
                "slow_call_rate",
                Some("slow_call"),
                "`slow_call_rate` requires `slow_call`, such as `slow_call = \"2s\"`",
            ),
            BrokenRule::unless_both(
                settings.half_open_successes <= settings.half_open_calls
                    || settings.half_open_successes > 255
                    || settings.half_open_calls == 0,
                "half_open_successes",
                Some("half_open_calls"),
                "`half_open_successes` must not be larger than `half_open_calls` (default 3)",
            ),
            self.open_times_do_not_fit(settings.open_for),
        ]
    }

    /// A default cap makes room for a longer `open_for`, unless there is something to cap.
    const fn open_times_do_not_fit(&self, open_for: Duration) -> Option<BrokenRule> {
        if !is_open_time(open_for) || !is_open_time(or!(self.max_open_for, MAX_OPEN_FOR)) {
            return None;
        }
        let backs_off = or!(self.open_backoff, 1.0) > 1.0;
        match self.max_open_for {
            Some(cap) => BrokenRule::unless_both(
                !longer(open_for, cap),
                "max_open_for",
                Some("open_for"),
                "`max_open_for` must not be shorter than `open_for` (default `\"30s\"`), whose growth it caps",
            ),
            None => BrokenRule::unless_both(
                !(backs_off && longer(open_for, MAX_OPEN_FOR)),
                "open_backoff",
                Some("max_open_for"),
                "`open_backoff` with an `open_for` longer than `\"10m\"` requires `max_open_for` (default `\"10m\"`)",
            ),
        }
    }
}

checked!(CircuitBreakerConfig);

const fn is_open_time(time: Duration) -> bool {
    time_between(time, MILLISECOND, YEAR)
}

const SHORTEST_WINDOW: Duration = Duration::from_millis(10);
const LARGEST_WINDOW: u32 = 65_535;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Configurable;
    use crate::bounds::HOUR;

    const fn config() -> CircuitBreakerConfig {
        CircuitBreakerConfig::new()
    }

    fn broken(config: CircuitBreakerConfig) -> Vec<(&'static str, Option<&'static str>)> {
        config.violations().into_iter().map(|error| (error.key, error.other)).collect()
    }

    #[test]
    fn the_defaults() {
        assert_eq!(
            config().resolve(),
            CircuitBreakerSettings {
                failure_rate: 50.0,
                minimum_calls: 20,
                window: Window::Time(Duration::from_secs(10)),
                consecutive_failures: Some(10),
                consecutive_failures_by_default: true,
                abandoned_after: Some(SECOND),
                latency: false,
                slow_call: None,
                slow_call_rate: 100.0,
                open_for: Duration::from_secs(30),
                open_backoff: 1.0,
                max_open_for: Duration::from_secs(600),
                open_jitter: 0.0,
                half_open_calls: 3,
                half_open_successes: 3,
                half_open_timeout: Duration::from_secs(60),
                mode: Mode::Enforce,
                max_keys: 1024,
            }
        );
        assert_eq!(config().check(), Ok(()));
    }

    #[test]
    fn defaults_that_depend_on_other_keys() {
        assert_eq!(config().window(Window::Count(5)).resolve().minimum_calls, 5);
        assert_eq!(config().window(Window::Count(500)).resolve().minimum_calls, 20);
        assert_eq!(config().half_open_calls(7).resolve().half_open_successes, 7);
        assert_eq!(config().open_for(HOUR).resolve().max_open_for, HOUR);
        for (open_for, longest) in [
            (MAX_OPEN_FOR - SECOND, MAX_OPEN_FOR),
            (MAX_OPEN_FOR, MAX_OPEN_FOR),
            (MAX_OPEN_FOR + SECOND, MAX_OPEN_FOR + SECOND),
        ] {
            assert_eq!(config().open_for(open_for).resolve().max_open_for, longest);
        }
        for (calls, minimum) in [(1, 1), (19, 19), (20, 20), (21, 20)] {
            assert_eq!(config().window(Window::Count(calls)).resolve().minimum_calls, minimum);
        }
    }

    #[test]
    fn a_window_and_a_mode_are_told_by_their_kind() {
        let kind = |window: Window| {
            window.by_kind(|time| format!("{time:?}"), |calls| format!("{calls}"), || "none".to_owned())
        };
        assert_eq!([Window::Time(SECOND), Window::Count(7), Window::None].map(kind), ["1s", "7", "none"]);
        assert_eq!([Mode::Enforce, Mode::Monitor, Mode::Off].map(Mode::monitors), [Some(false), Some(true), None]);
    }

    #[test]
    fn as_many_consecutive_failures_as_are_unlikely_by_chance_whatever_else_is_written() {
        let at = |rate| config().failure_rate(rate).resolve().consecutive_failures;
        let expected = [
            (0.1, 10),
            (50.0, 10),
            (50.2, 11),
            (60.0, 14),
            (70.0, 20),
            (80.0, 31),
            (90.0, 66),
            (95.0, 135),
            (98.9, 625),
        ];
        for (rate, failures) in expected {
            assert_eq!(at(rate), Some(failures), "{rate}");
            let rate = rate / 100.0;
            let by_chance = |failures: u32| rate.powi(failures as i32);
            assert!(by_chance(failures) <= 0.001 && (failures == 10 || by_chance(failures - 1) > 0.001), "{rate}");
        }
        assert_eq!([99.0, 100.0].map(at), [None, None]);
        for config in [
            config().minimum_calls(100),
            config().window(Window::Count(100)),
            config().window(Window::Time(SECOND)).minimum_calls(3),
            config().window(Window::None),
            config().preset(Preset::Database),
        ] {
            assert_eq!(config.resolve().consecutive_failures, Some(10), "{config:?}");
            assert!(config.resolve().consecutive_failures_by_default);
        }
        assert_eq!(config().preset(Preset::ExternalApi).resolve().consecutive_failures, Some(14));
        let written = config().consecutive_failures(10);
        assert!(!written.resolve().consecutive_failures_by_default);
        assert_ne!(config(), written, "a written one opens at once");
        assert_eq!(written.no_consecutive_failures().resolve().consecutive_failures, None);
    }

    #[test]
    fn a_default_minimum_from_outside_yields_to_a_count_window() {
        let laid = |written: CircuitBreakerConfig| {
            let mut laid = written;
            laid.lay_over(&config().minimum_calls(50).open_for(SECOND));
            let settings = laid.resolve();
            (settings.minimum_calls, settings.open_for)
        };
        assert_eq!(laid(config()), (50, SECOND));
        assert_eq!(laid(config().window(Window::Count(10))), (10, SECOND));
        assert_eq!(laid(config().window(Window::Count(100))), (50, SECOND));
        assert_eq!(laid(config().minimum_calls(60).window(Window::Count(10))), (60, SECOND), "refused by its rule");
        assert_eq!(laid(config().preset(Preset::Database)), (10, Duration::from_secs(15)));
    }

    #[test]
    fn enabled_goes_before_a_mode_that_is_written() {
        let off = config().mode(Mode::Monitor).enabled(false);
        assert_eq!((off.resolve().mode, off.decided_by("mode")), (Mode::Off, "enabled"));
        assert_eq!((off.enabled(true).resolve().mode, off.enabled(true).decided_by("mode")), (Mode::Monitor, "mode"));
    }

    #[test]
    fn presets() {
        let values = |preset| {
            let settings = config().preset(preset).resolve();
            (settings.failure_rate, settings.minimum_calls, settings.open_for.as_secs())
        };
        assert_eq!(values(Preset::WebService), (50.0, 20, 30));
        assert_eq!(values(Preset::Database), (40.0, 10, 15));
        assert_eq!(values(Preset::ExternalApi), (60.0, 5, 60));
        assert_eq!(values(Preset::InternalService), (30.0, 15, 20));
    }

    #[test]
    fn a_key_beside_a_preset_wins_wherever_it_stands() {
        let before = config().failure_rate(1.0).preset(Preset::Database);
        let after = config().preset(Preset::Database).failure_rate(1.0);
        assert_eq!(before, after);
        assert_eq!((before.resolve().failure_rate, before.resolve().minimum_calls), (1.0, 10));
        assert_eq!(config().preset(Preset::Database).window(Window::Count(5)).resolve().minimum_calls, 5);
    }

    #[test]
    fn equal_when_they_mean_the_same() {
        assert_eq!(config(), config().failure_rate(50.0).preset(Preset::WebService));
        assert_eq!(config(), config().minimum_calls(20));
        assert_ne!(config(), config().minimum_calls(21));
    }

    #[test]
    fn rates_compare_exactly() {
        let millionths = |percent| config().failure_rate(percent).resolve().failure_rate_millionths();
        assert_eq!(millionths(100.0), 100_000_000);
        assert_eq!(millionths(55.0), 55_000_000);
        assert_eq!(millionths(0.1), 100_000);
        assert_eq!(millionths(33.333_333), 33_333_333);
        assert_eq!(millionths(f64::MIN_POSITIVE), 1);
        let slow = config().slow_call(SECOND).slow_call_rate(33.333_333).resolve();
        assert_eq!((slow.slow_call_rate_millionths(), slow.failure_rate_millionths()), (33_333_333, 50_000_000));
    }

    #[test]
    fn the_edges_are_allowed() {
        let smallest = config()
            .failure_rate(f64::MIN_POSITIVE)
            .minimum_calls(1)
            .window(Window::Count(1))
            .consecutive_failures(1)
            .abandoned_after(MILLISECOND)
            .slow_call(Duration::from_micros(1))
            .slow_call_rate(f64::MIN_POSITIVE)
            .open_for(MILLISECOND)
            .open_backoff(1.0)
            .max_open_for(MILLISECOND)
            .open_jitter(0.0)
            .half_open_calls(1)
            .half_open_successes(1)
            .half_open_timeout(MILLISECOND)
            .max_keys(1);
        let largest = config()
            .failure_rate(100.0)
            .minimum_calls(65_535)
            .window(Window::Count(65_535))
            .consecutive_failures(1_000_000)
            .abandoned_after(HOUR)
            .slow_call(HOUR)
            .slow_call_rate(100.0)
            .open_for(YEAR)
            .open_backoff(100.0)
            .max_open_for(YEAR)
            .open_jitter(1.0)
            .half_open_calls(255)
            .half_open_successes(255)
            .half_open_timeout(DAY)
            .max_keys(1_000_000);
        assert_eq!(broken(smallest), []);
        assert_eq!(broken(largest), []);
        assert_eq!(broken(config().window(Window::Time(SHORTEST_WINDOW))), []);
        assert_eq!(broken(config().window(Window::Time(DAY)).minimum_calls(1_000_000_000)), []);
        assert_eq!(broken(config().window(Window::None).no_consecutive_failures().has_trip_if(true)), []);
        assert_eq!(broken(config().window(Window::None)), []);
        assert_eq!(broken(config().window(Window::None).consecutive_failures(1)), []);
        // Where nothing grows there is nothing to cap, and the default cap itself is no longer than itself.
        assert_eq!(broken(config().open_for(HOUR).open_backoff(1.0)), []);
        assert_eq!(broken(config().open_for(MAX_OPEN_FOR).open_backoff(2.0)), []);
    }

    #[test]
    fn each_rule_refuses_what_breaks_it_and_nothing_else_speaks_up() {
        let nano = Duration::from_nanos(1);
        let cases = [
            (config().failure_rate(0.0), "failure_rate", None),
            (config().failure_rate(100.1), "failure_rate", None),
            (config().failure_rate(f64::NAN), "failure_rate", None),
            (config().minimum_calls(0), "minimum_calls", None),
            (config().minimum_calls(1_000_000_001), "minimum_calls", None),
            (config().window(Window::Time(SHORTEST_WINDOW - nano)), "window", None),
            (config().window(Window::Time(DAY + nano)), "window", None),
            (config().window(Window::Count(0)), "window", None),
            (config().window(Window::Count(0)).minimum_calls(7), "window", None),
            (config().window(Window::Count(65_536)), "window", None),
            (config().consecutive_failures(0), "consecutive_failures", None),
            (config().consecutive_failures(1_000_001), "consecutive_failures", None),
            (config().abandoned_after(Duration::ZERO), "abandoned_after", None),
            (config().abandoned_after(HOUR + nano), "abandoned_after", None),
            (config().slow_call(Duration::ZERO), "slow_call", None),
            (config().slow_call(HOUR + nano), "slow_call", None),
            (config().slow_call(SECOND).slow_call_rate(-1.0), "slow_call_rate", None),
            (config().open_for(Duration::ZERO), "open_for", None),
            (config().open_for(YEAR + nano), "open_for", None),
            (config().open_backoff(0.9), "open_backoff", None),
            (config().open_backoff(f64::INFINITY), "open_backoff", None),
            (config().max_open_for(Duration::ZERO), "max_open_for", None),
            (config().max_open_for(YEAR + nano), "max_open_for", None),
            (config().open_jitter(-0.1), "open_jitter", None),
            (config().open_jitter(1.1), "open_jitter", None),
            (config().half_open_calls(256), "half_open_calls", None),
            (config().half_open_successes(0), "half_open_successes", None),
            (config().half_open_successes(256), "half_open_successes", None),
            (config().half_open_timeout(Duration::ZERO), "half_open_timeout", None),
            (config().half_open_timeout(DAY + nano), "half_open_timeout", None),
            (config().max_keys(0), "max_keys", None),
            (config().max_keys(1_000_001), "max_keys", None),
            (config().window(Window::Count(10)).minimum_calls(11), "minimum_calls", Some("window")),
            (config().window(Window::None).no_consecutive_failures(), "window", Some("consecutive_failures")),
            (config().window(Window::None).failure_rate(99.0), "window", Some("consecutive_failures")),
            (config().slow_call_rate(50.0), "slow_call_rate", Some("slow_call")),
            (config().half_open_successes(4), "half_open_successes", Some("half_open_calls")),
            (config().half_open_successes(255), "half_open_successes", Some("half_open_calls")),
            (config().max_open_for(SECOND), "max_open_for", Some("open_for")),
            (config().open_for(HOUR).open_backoff(2.0), "open_backoff", Some("max_open_for")),
            // A time that is refused by itself breaks no other rule.
            (config().open_for(YEAR + nano).open_backoff(2.0), "open_for", None),
            (config().open_for(YEAR + nano).max_open_for(SECOND), "open_for", None),
            (config().open_for(YEAR).max_open_for(Duration::ZERO), "max_open_for", None),
            (config().max_open_for(MILLISECOND - nano), "max_open_for", None),
            (config().open_for(MAX_OPEN_FOR + nano).open_backoff(1.1), "open_backoff", Some("max_open_for")),
            (config().open_for(SECOND + nano).max_open_for(SECOND), "max_open_for", Some("open_for")),
            (config().open_for(MILLISECOND + nano).max_open_for(MILLISECOND), "max_open_for", Some("open_for")),
            (config().open_for(DAY * 2).max_open_for(DAY), "max_open_for", Some("open_for")),
            (config().open_for(YEAR).max_open_for(YEAR - nano), "max_open_for", Some("open_for")),
            (config().open_for(YEAR).open_backoff(1.1), "open_backoff", Some("max_open_for")),
            (config().half_open_calls(2).half_open_successes(3), "half_open_successes", Some("half_open_calls")),
            (config().half_open_calls(1).half_open_successes(2), "half_open_successes", Some("half_open_calls")),
            (config().window(Window::Count(1)).minimum_calls(2), "minimum_calls", Some("window")),
        ];
        for (config, key, other) in cases {
            assert_eq!(broken(config), [(key, other)], "{config:?}");
            assert_eq!(config.check().map_err(|error| error.key), Err(key));
        }
        let rules = |config: &CircuitBreakerConfig| {
            config
                .out_of_bounds()
                .into_iter()
                .chain(config.contradictions())
                .map(|rule| rule.is_some())
                .collect::<Vec<_>>()
        };
        let has_bounds =
            |at: usize| CircuitBreakerConfig::KEYS.get(at).is_none_or(|key| !["mode", "latency"].contains(&key.name));
        for rule in (0..rules(&config()).len()).filter(|rule| has_bounds(*rule)) {
            assert!(cases.iter().any(|(config, ..)| rules(config)[rule]), "rule {rule} is broken by no case");
        }
    }

    #[test]
    fn half_open_calls_of_none_are_the_only_mistake_whatever_the_successes_are() {
        let none = config().half_open_calls(0);
        for config in [none, none.half_open_successes(1), none.half_open_successes(255)] {
            assert_eq!(broken(config), [("half_open_calls", None)], "{config:?}");
        }
    }

    #[test]
    fn a_constant_is_checked_when_it_is_compiled() {
        const CHECKED: CircuitBreakerConfig =
            config().failure_rate(25.0).window(crate::Constant(100).window()).validated();
        assert_eq!(CHECKED.resolve().window, Window::Count(100));
    }

    #[test]
    #[should_panic = "`failure_rate` must be greater than 0 and at most 100"]
    fn validated_panics_with_the_sentence() {
        let _ = config().failure_rate(0.0).validated();
    }
}
