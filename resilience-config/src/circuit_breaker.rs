use std::time::Duration;

use crate::{
    ConfigError, Preset,
    bounds::{
        DAY, HOUR, MILLISECOND, MINUTE, SECOND, YEAR, between, is_percentage, longer, millionths, number_between,
        time_between,
    },
};

/// The calls over which a circuit breaker takes its rates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// The calls of the last so long, in 10 buckets; 10 ms to 24 h.
    Time(Duration),
    /// The last so many calls; 1 to 65535.
    Count(u32),
    /// No rate: `consecutive_failures` or `trip_if` has to trip the breaker.
    None,
}

/// What a circuit breaker does with its decisions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Rejects calls while it is open.
    #[default]
    Enforce,
    /// Decides, records and emits events, and rejects nothing.
    Monitor,
    /// Does nothing.
    Off,
}

impl Mode {
    /// Every mode under the name by which it is written.
    pub const ALL: [(&'static str, Self); 3] =
        [("enforce", Self::Enforce), ("monitor", Self::Monitor), ("off", Self::Off)];
}

/// The instance keys of a circuit breaker, as far as they were written.
///
/// | key | default | bounds |
/// |---|---|---|
/// | `failure_rate` | 50, or the preset's | percent, above 0 and at most 100 |
/// | `minimum_calls` | 20, or the preset's; the count window where that is smaller | 1 to 1,000,000,000, not above a count window |
/// | `window` | 10 s | 10 ms to 24 h, or 1 to 65535 calls, or none |
/// | `consecutive_failures` | 10; off where `minimum_calls` or `window` is written | 1 to 1,000,000 |
/// | `slow_call` | off | 1 us to 1 h |
/// | `slow_call_rate` | 100 | percent, above 0 and at most 100; wants `slow_call` |
/// | `open_for` | 30 s, or the preset's | 1 ms to 365 days |
/// | `open_backoff` | 1 | 1 to 100 |
/// | `max_open_for` | 10 min, or `open_for` where that is longer | 1 ms to 365 days, not below `open_for` |
/// | `open_jitter` | 0 | 0 to 1 |
/// | `half_open_calls` | 3 | 1 to 255 |
/// | `half_open_successes` | all of `half_open_calls` | 1 to `half_open_calls` |
/// | `half_open_timeout` | 60 s | 1 ms to 24 h |
/// | `mode` | enforce | |
/// | `max_keys` | 1024 | 1 to 1,000,000 |
/// | `enabled` | true | `false` is `mode = off`, whatever `mode` says |
///
/// A preset stands in for the defaults of three keys. It writes none of them, so that with a preset alone
/// `consecutive_failures` stays on, and a preset's `minimum_calls` yields to a smaller count window.
///
/// Two configurations are equal when they mean the same, whether by default or in writing.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct CircuitBreakerConfig {
    failure_rate: Option<f64>,
    minimum_calls: Option<u32>,
    window: Option<Window>,
    consecutive_failures: Option<u32>,
    slow_call: Option<Duration>,
    slow_call_rate: Option<f64>,
    open_for: Option<Duration>,
    open_backoff: Option<f64>,
    max_open_for: Option<Duration>,
    open_jitter: Option<f64>,
    half_open_calls: Option<u32>,
    half_open_successes: Option<u32>,
    half_open_timeout: Option<Duration>,
    mode: Option<Mode>,
    max_keys: Option<u32>,
    preset: Option<Preset>,
    enabled: Option<bool>,
    has_trip_if: bool,
}

/// A [`CircuitBreakerConfig`] with every default applied.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct CircuitBreakerSettings {
    /// Percent of failures at which the breaker opens.
    pub failure_rate: f64,
    /// Calls in the window before a rate counts.
    pub minimum_calls: u32,
    /// The calls that the rates are taken over.
    pub window: Window,
    /// Failures in a row that open the breaker, whatever the volume.
    pub consecutive_failures: Option<u32>,
    /// A call longer than this is slow.
    pub slow_call: Option<Duration>,
    /// Percent of slow calls at which the breaker opens.
    pub slow_call_rate: f64,
    /// How long the breaker stays open.
    pub open_for: Duration,
    /// An opening that follows a failed half-open lasts this many times longer than the one before.
    pub open_backoff: f64,
    /// The longest that `open_backoff` gets to.
    pub max_open_for: Duration,
    /// The largest share by which an opening is lengthened at random.
    pub open_jitter: f64,
    /// Probes that a half-open breaker admits.
    pub half_open_calls: u32,
    /// Successful probes that close it.
    pub half_open_successes: u32,
    /// A probe that has not answered by then opens it again.
    pub half_open_timeout: Duration,
    /// What the breaker does with its decisions.
    pub mode: Mode,
    /// The most breakers that a keyed one is split into.
    pub max_keys: u32,
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

/// The setters: one an instance key, named like it.
impl CircuitBreakerConfig {
    /// Every key at its default.
    pub const fn new() -> Self {
        Self {
            failure_rate: None,
            minimum_calls: None,
            window: None,
            consecutive_failures: None,
            slow_call: None,
            slow_call_rate: None,
            open_for: None,
            open_backoff: None,
            max_open_for: None,
            open_jitter: None,
            half_open_calls: None,
            half_open_successes: None,
            half_open_timeout: None,
            mode: None,
            max_keys: None,
            preset: None,
            enabled: None,
            has_trip_if: false,
        }
    }

    /// The percentage of failures at which the breaker opens.
    pub const fn failure_rate(mut self, percent: f64) -> Self {
        self.failure_rate = Some(percent);
        self
    }

    /// Calls in the window before a rate counts.
    pub const fn minimum_calls(mut self, calls: u32) -> Self {
        self.minimum_calls = Some(calls);
        self
    }

    /// The calls that the rates are taken over.
    pub const fn window(mut self, window: Window) -> Self {
        self.window = Some(window);
        self
    }

    /// Also opens after so many failures in a row, whatever the volume.
    pub const fn consecutive_failures(mut self, failures: u32) -> Self {
        self.consecutive_failures = Some(failures);
        self
    }

    /// A call longer than this is slow.
    pub const fn slow_call(mut self, longer_than: Duration) -> Self {
        self.slow_call = Some(longer_than);
        self
    }

    /// The percentage of slow calls at which the breaker opens.
    pub const fn slow_call_rate(mut self, percent: f64) -> Self {
        self.slow_call_rate = Some(percent);
        self
    }

    /// How long the breaker stays open.
    pub const fn open_for(mut self, time: Duration) -> Self {
        self.open_for = Some(time);
        self
    }

    /// Each opening that follows a failed half-open lasts this many times longer.
    pub const fn open_backoff(mut self, factor: f64) -> Self {
        self.open_backoff = Some(factor);
        self
    }

    /// The longest that `open_backoff` gets to.
    pub const fn max_open_for(mut self, time: Duration) -> Self {
        self.max_open_for = Some(time);
        self
    }

    /// Lengthens each opening at random by up to this share, so that a fleet does not probe as one.
    pub const fn open_jitter(mut self, share: f64) -> Self {
        self.open_jitter = Some(share);
        self
    }

    /// Probes that a half-open breaker admits.
    pub const fn half_open_calls(mut self, calls: u32) -> Self {
        self.half_open_calls = Some(calls);
        self
    }

    /// Successful probes that close a half-open breaker.
    pub const fn half_open_successes(mut self, successes: u32) -> Self {
        self.half_open_successes = Some(successes);
        self
    }

    /// A probe that has not answered by then opens the breaker again.
    pub const fn half_open_timeout(mut self, time: Duration) -> Self {
        self.half_open_timeout = Some(time);
        self
    }

    /// What the breaker does with its decisions.
    pub const fn mode(mut self, mode: Mode) -> Self {
        self.mode = Some(mode);
        self
    }

    /// The most breakers that a keyed one is split into.
    pub const fn max_keys(mut self, keys: u32) -> Self {
        self.max_keys = Some(keys);
        self
    }

    /// Other defaults for `failure_rate`, `minimum_calls` and `open_for`. It makes no difference whether it is set
    /// before or after those.
    pub const fn preset(mut self, preset: Preset) -> Self {
        self.preset = Some(preset);
        self
    }

    /// `false` is [`Mode::Off`], whatever `mode` says.
    pub const fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = Some(enabled);
        self
    }

    /// Whether the breaker has a trip rule of its user's own, without which `Window::None` wants
    /// `consecutive_failures`.
    pub const fn has_trip_if(mut self, has: bool) -> Self {
        self.has_trip_if = has;
        self
    }
}

impl CircuitBreakerConfig {
    /// How many rules there are.
    pub const RULES: usize = 20;

    /// Applies the defaults. The result means something only for a configuration that [`check`](Self::check) accepts.
    pub const fn resolve(&self) -> CircuitBreakerSettings {
        // A web service's values are the defaults of one who names no preset.
        let preset = or!(self.preset, Preset::WebService).breaker();
        let window = or!(self.window, Window::Time(Duration::from_secs(10)));
        let open_for = or!(self.open_for, preset.open_for);
        let half_open_calls = or!(self.half_open_calls, 3);
        CircuitBreakerSettings {
            failure_rate: or!(self.failure_rate, preset.failure_rate),
            minimum_calls: match (self.minimum_calls, window) {
                (Some(calls), _) => calls,
                (None, Window::Count(calls)) if calls < preset.minimum_calls => calls,
                (None, _) => preset.minimum_calls,
            },
            window,
            consecutive_failures: match self.consecutive_failures {
                None if self.minimum_calls.is_none() && self.window.is_none() => Some(10),
                written => written,
            },
            slow_call: self.slow_call,
            slow_call_rate: or!(self.slow_call_rate, 100.0),
            open_for,
            open_backoff: or!(self.open_backoff, 1.0),
            max_open_for: match self.max_open_for {
                Some(time) => time,
                None if longer(open_for, DEFAULT_MAX_OPEN_FOR) => open_for,
                None => DEFAULT_MAX_OPEN_FOR,
            },
            open_jitter: or!(self.open_jitter, 0.0),
            half_open_calls,
            half_open_successes: or!(self.half_open_successes, half_open_calls),
            half_open_timeout: or!(self.half_open_timeout, MINUTE),
            mode: match self.enabled {
                Some(false) => Mode::Off,
                Some(true) | None => or!(self.mode, Mode::Enforce),
            },
            max_keys: or!(self.max_keys, 1024),
        }
    }

    /// Every rule in turn: `None` where it holds. A value outside its own bounds breaks no combination as well.
    pub const fn violations(&self) -> [Option<ConfigError>; Self::RULES] {
        let written = self;
        let settings = self.resolve();
        [
            ConfigError::unless(
                is_percentage(settings.failure_rate),
                "failure_rate",
                "`failure_rate` takes a percentage, above 0 and at most 100",
            ),
            ConfigError::unless(
                between(settings.minimum_calls, 1, 1_000_000_000) || written.minimum_calls.is_none(),
                "minimum_calls",
                "`minimum_calls` takes a number of calls, 1 to 1000000000",
            ),
            ConfigError::unless(
                match settings.window {
                    Window::Time(time) => time_between(time, SHORTEST_WINDOW, DAY),
                    Window::Count(_) | Window::None => true,
                },
                "window",
                "a time `window` takes \"10ms\" to \"24h\"",
            ),
            ConfigError::unless(
                match settings.window {
                    Window::Count(calls) => between(calls, 1, LARGEST_WINDOW),
                    Window::Time(_) | Window::None => true,
                },
                "window",
                "a count `window` takes a number of calls, 1 to 65535",
            ),
            ConfigError::unless(
                between(or!(settings.consecutive_failures, 1), 1, 1_000_000),
                "consecutive_failures",
                "`consecutive_failures` takes a number of failures, 1 to 1000000",
            ),
            ConfigError::unless(
                time_between(or!(settings.slow_call, SECOND), Duration::from_micros(1), HOUR),
                "slow_call",
                "`slow_call` takes a duration, \"1us\" to \"1h\"",
            ),
            ConfigError::unless(
                is_percentage(settings.slow_call_rate),
                "slow_call_rate",
                "`slow_call_rate` takes a percentage, above 0 and at most 100",
            ),
            ConfigError::unless(
                is_open_time(settings.open_for),
                "open_for",
                "`open_for` takes a duration, \"1ms\" to \"365d\"",
            ),
            ConfigError::unless(
                number_between(settings.open_backoff, 1.0, 100.0),
                "open_backoff",
                "`open_backoff` takes a factor, 1 to 100",
            ),
            ConfigError::unless(
                is_open_time(settings.max_open_for) || written.max_open_for.is_none(),
                "max_open_for",
                "`max_open_for` takes a duration, \"1ms\" to \"365d\"",
            ),
            ConfigError::unless(
                number_between(settings.open_jitter, 0.0, 1.0),
                "open_jitter",
                "`open_jitter` takes a share, 0 to 1",
            ),
            ConfigError::unless(
                between(settings.half_open_calls, 1, 255),
                "half_open_calls",
                "`half_open_calls` takes a number of calls, 1 to 255",
            ),
            ConfigError::unless(
                between(settings.half_open_successes, 1, 255) || written.half_open_successes.is_none(),
                "half_open_successes",
                "`half_open_successes` takes a number of calls, 1 to 255",
            ),
            ConfigError::unless(
                time_between(settings.half_open_timeout, MILLISECOND, DAY),
                "half_open_timeout",
                "`half_open_timeout` takes a duration, \"1ms\" to \"24h\"",
            ),
            ConfigError::unless(
                between(settings.max_keys, 1, 1_000_000),
                "max_keys",
                "`max_keys` takes a number of keys, 1 to 1000000",
            ),
            ConfigError::unless_both(
                match settings.window {
                    Window::Count(calls) if between(calls, 1, LARGEST_WINDOW) => settings.minimum_calls <= calls,
                    _ => true,
                },
                "minimum_calls",
                Some("window"),
                "`minimum_calls` cannot be above a count `window`, which never holds more calls than its size",
            ),
            ConfigError::unless_both(
                match settings.window {
                    Window::None => settings.consecutive_failures.is_some() || self.has_trip_if,
                    Window::Time(_) | Window::Count(_) => true,
                },
                "window",
                Some("consecutive_failures"),
                "`window = none` takes no rate and wants `consecutive_failures` or `trip_if` beside it",
            ),
            ConfigError::unless_both(
                written.slow_call_rate.is_none() || written.slow_call.is_some(),
                "slow_call_rate",
                Some("slow_call"),
                "`slow_call_rate` wants `slow_call` beside it, which says how long a slow call is: `slow_call = \"2s\"`",
            ),
            ConfigError::unless_both(
                settings.half_open_successes <= settings.half_open_calls
                    || !between(settings.half_open_successes, 1, 255),
                "half_open_successes",
                Some("half_open_calls"),
                "`half_open_successes` cannot be above `half_open_calls` (default 3)",
            ),
            self.open_times_do_not_fit(settings.open_for),
        ]
    }

    /// A default cap makes room for a longer `open_for`, unless there is something to cap.
    const fn open_times_do_not_fit(&self, open_for: Duration) -> Option<ConfigError> {
        if !is_open_time(open_for) || !is_open_time(or!(self.max_open_for, DEFAULT_MAX_OPEN_FOR)) {
            return None;
        }
        let backs_off = or!(self.open_backoff, 1.0) > 1.0;
        match self.max_open_for {
            Some(cap) => ConfigError::unless_both(
                !longer(open_for, cap),
                "max_open_for",
                Some("open_for"),
                "`max_open_for` cannot be below `open_for` (default \"30s\"), of which it caps the growth",
            ),
            None => ConfigError::unless_both(
                !(backs_off && longer(open_for, DEFAULT_MAX_OPEN_FOR)),
                "open_backoff",
                Some("max_open_for"),
                "`open_backoff` and an `open_for` above \"10m\" want `max_open_for` beside them (default \"10m\")",
            ),
        }
    }
}

checked!(CircuitBreakerConfig);

keys! {
    CircuitBreakerConfig => CircuitBreakerSettings {
        failure_rate: f64, in_presets;
        minimum_calls: u32, in_presets;
        window: Window, shown;
        consecutive_failures: u32, shown;
        slow_call: Duration, shown;
        slow_call_rate: f64, shown;
        open_for: Duration, in_presets;
        open_backoff: f64, shown;
        max_open_for: Duration, shown;
        open_jitter: f64, shown;
        half_open_calls: u32, shown;
        half_open_successes: u32, shown;
        half_open_timeout: Duration, shown;
        mode: Mode, shown;
        max_keys: u32, shown;
        preset: Preset, hidden;
        enabled: bool, hidden;
    }
    of the program: ["key", "failure_if", "ignore_if", "trip_if"];

    fn preset_name(&self) -> Option<&'static str> {
        self.preset.map(Preset::name)
    }

    fn decided_by(&self, key: &'static str) -> &'static str {
        if key == "mode" && self.enabled == Some(false) { "enabled" } else { key }
    }
}

const fn is_open_time(time: Duration) -> bool {
    time_between(time, MILLISECOND, YEAR)
}

const SHORTEST_WINDOW: Duration = Duration::from_millis(10);
const LARGEST_WINDOW: u32 = 65_535;
const DEFAULT_MAX_OPEN_FOR: Duration = Duration::from_secs(10 * MINUTE.as_secs());

#[cfg(test)]
mod tests {
    use super::*;

    const fn config() -> CircuitBreakerConfig {
        CircuitBreakerConfig::new()
    }

    fn broken(config: CircuitBreakerConfig) -> Vec<(&'static str, Option<&'static str>)> {
        config.violations().into_iter().flatten().map(|error| (error.key, error.other)).collect()
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
        assert_eq!(config().minimum_calls(20).resolve().consecutive_failures, None);
        assert_eq!(config().window(Window::Count(100)).resolve().consecutive_failures, None);
        assert_eq!(config().window(Window::Count(100)).consecutive_failures(4).resolve().consecutive_failures, Some(4));
        assert_eq!(config().window(Window::Count(5)).resolve().minimum_calls, 5);
        assert_eq!(config().window(Window::Count(500)).resolve().minimum_calls, 20);
        assert_eq!(config().half_open_calls(7).resolve().half_open_successes, 7);
        assert_eq!(config().open_for(HOUR).resolve().max_open_for, HOUR);
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
        assert_ne!(config(), config().minimum_calls(20));
    }

    #[test]
    fn rates_compare_exactly() {
        let millionths = |percent| config().failure_rate(percent).resolve().failure_rate_millionths();
        assert_eq!(millionths(100.0), 100_000_000);
        assert_eq!(millionths(55.0), 55_000_000);
        assert_eq!(millionths(0.1), 100_000);
        assert_eq!(millionths(33.333_333), 33_333_333);
        assert_eq!(millionths(f64::MIN_POSITIVE), 1);
    }

    #[test]
    fn the_edges_are_allowed() {
        let smallest = config()
            .failure_rate(f64::MIN_POSITIVE)
            .minimum_calls(1)
            .window(Window::Count(1))
            .consecutive_failures(1)
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
        assert_eq!(broken(config().window(Window::None).has_trip_if(true)), []);
        assert_eq!(broken(config().window(Window::None).consecutive_failures(1)), []);
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
            (config().window(Window::None), "window", Some("consecutive_failures")),
            (config().slow_call_rate(50.0), "slow_call_rate", Some("slow_call")),
            (config().half_open_successes(4), "half_open_successes", Some("half_open_calls")),
            (config().max_open_for(SECOND), "max_open_for", Some("open_for")),
            (config().open_for(HOUR).open_backoff(2.0), "open_backoff", Some("max_open_for")),
        ];
        for (config, key, other) in cases {
            assert_eq!(broken(config), [(key, other)], "{config:?}");
            assert_eq!(config.check().map_err(|error| error.key), Err(key));
        }
        let rules_broken = |(config, ..): &(CircuitBreakerConfig, _, _)| config.violations().map(|rule| rule.is_some());
        let tested = cases.iter().map(rules_broken).fold([false; CircuitBreakerConfig::RULES], |mut tested, broken| {
            tested.iter_mut().zip(broken).for_each(|(tested, broken)| *tested |= broken);
            tested
        });
        assert_eq!(tested, [true; CircuitBreakerConfig::RULES]);
    }

    #[test]
    fn half_open_calls_of_none_break_the_successes_too() {
        // `half_open_successes` follows `half_open_calls`, and only the key that was written is named.
        assert_eq!(broken(config().half_open_calls(0)), [("half_open_calls", None)]);
    }

    #[test]
    fn a_constant_is_checked_when_it_is_compiled() {
        const CHECKED: CircuitBreakerConfig =
            config().failure_rate(25.0).window(crate::Constant(100).window()).validated();
        assert_eq!(CHECKED.resolve().window, Window::Count(100));
    }

    #[test]
    #[should_panic = "`failure_rate` takes a percentage, above 0 and at most 100"]
    fn validated_panics_with_the_sentence() {
        let _ = config().failure_rate(0.0).validated();
    }
}
