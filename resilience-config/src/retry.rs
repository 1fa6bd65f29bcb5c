use std::time::Duration;

use crate::{
    ConfigError,
    bounds::{DAY, MILLISECOND, SECOND, YEAR, between, is_percentage, longer, number_between, time_between},
};

/// How the waits between attempts grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Backoff {
    /// Always `delay`.
    Constant,
    /// `delay` longer each time.
    Linear,
    /// `factor` times as long each time.
    #[default]
    Exponential,
    /// `delay` times 1, 1, 2, 3, 5, 8…
    Fibonacci,
    /// At random between `delay` and three times the wait before.
    Decorrelated,
}

impl Backoff {
    /// Every backoff under the name by which it is written.
    pub const ALL: [(&'static str, Self); 5] = [
        ("constant", Self::Constant),
        ("linear", Self::Linear),
        ("exponential", Self::Exponential),
        ("fibonacci", Self::Fibonacci),
        ("decorrelated", Self::Decorrelated),
    ];
}

/// How a wait is varied at random.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Jitter {
    /// Not at all.
    None,
    /// Between half of the wait and all of it.
    Equal,
    /// Between nothing and all of the wait.
    #[default]
    Full,
    /// By up to this share of the wait, 0 to 1.
    Share(f64),
}

impl Jitter {
    /// Every jitter that has a name, under the name by which it is written.
    pub const NAMED: [(&'static str, Self); 3] = [("none", Self::None), ("equal", Self::Equal), ("full", Self::Full)];
}

/// A set of kinds of rejections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub struct Rejections(u8);

impl Rejections {
    /// No kind.
    pub const NONE: Self = Self(0);
    /// A circuit breaker was open.
    pub const CIRCUIT_OPEN: Self = Self(1);
    /// A timeout passed.
    pub const TIMED_OUT: Self = Self(1 << 1);
    /// A bulkhead and its queue were full.
    pub const BULKHEAD_FULL: Self = Self(1 << 2);
    /// A rate limiter had no turn left.
    pub const RATE_LIMITED: Self = Self(1 << 3);

    /// Every kind under the name by which it is written.
    pub const ALL: [(&'static str, Self); 4] = [
        ("circuit_open", Self::CIRCUIT_OPEN),
        ("timed_out", Self::TIMED_OUT),
        ("bulkhead_full", Self::BULKHEAD_FULL),
        ("rate_limited", Self::RATE_LIMITED),
    ];

    /// The kinds of both.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether every kind of `other` is here too.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// The keys of a retry, as far as they were written.
///
/// | key | default | bounds |
/// |---|---|---|
/// | `attempts` | 3 | 1 to 100, the first included |
/// | `delay` | 100 ms | 0 s to 24 h, not above `max_delay` |
/// | `backoff` | exponential | |
/// | `factor` | 2 | 1 to 100; only of an exponential backoff |
/// | `max_delay` | 10 s | 1 ms to 24 h |
/// | `jitter` | full | a share is 0 to 1 |
/// | `max_elapsed` | none | 1 ms to 365 days |
/// | `retry_rejections` | timed out, bulkhead full, rate limited | |
/// | `budget` | off | percent, above 0 and at most 100 |
/// | `enabled` | true | not enabled, it lets every call pass and counts nothing |
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct RetryConfig {
    enabled: Option<bool>,
    attempts: Option<u32>,
    delay: Option<Duration>,
    backoff: Option<Backoff>,
    factor: Option<f64>,
    max_delay: Option<Duration>,
    jitter: Option<Jitter>,
    max_elapsed: Option<Duration>,
    retry_rejections: Option<Rejections>,
    budget: Option<f64>,
}

/// A [`RetryConfig`] with every default applied.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct RetrySettings {
    /// Whether it does anything.
    pub enabled: bool,
    /// Calls in all, the first included.
    pub attempts: u32,
    /// The wait that the backoff begins with.
    pub delay: Duration,
    /// How waits grow.
    pub backoff: Backoff,
    /// Of an exponential backoff.
    pub factor: f64,
    /// The longest wait, jitter included.
    pub max_delay: Duration,
    /// How waits vary.
    pub jitter: Jitter,
    /// No new attempt begins past it.
    pub max_elapsed: Option<Duration>,
    /// The rejections from below that are worth another try.
    pub retry_rejections: Rejections,
    /// Percent of calls that may be retries.
    pub budget: Option<f64>,
}

/// The setters: one an instance key, named like it.
impl RetryConfig {
    /// Every key at its default.
    pub const fn new() -> Self {
        Self {
            enabled: None,
            attempts: None,
            delay: None,
            backoff: None,
            factor: None,
            max_delay: None,
            jitter: None,
            max_elapsed: None,
            retry_rejections: None,
            budget: None,
        }
    }

    /// Whether it does anything: one that does not lets every call pass and counts nothing.
    pub const fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = Some(enabled);
        self
    }

    /// Calls in all, the first included.
    pub const fn attempts(mut self, calls: u32) -> Self {
        self.attempts = Some(calls);
        self
    }

    /// The wait that the backoff begins with.
    pub const fn delay(mut self, time: Duration) -> Self {
        self.delay = Some(time);
        self
    }

    /// How waits grow.
    pub const fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = Some(backoff);
        self
    }

    /// How many times longer an exponential backoff gets each time.
    pub const fn factor(mut self, factor: f64) -> Self {
        self.factor = Some(factor);
        self
    }

    /// The longest wait, jitter included.
    pub const fn max_delay(mut self, time: Duration) -> Self {
        self.max_delay = Some(time);
        self
    }

    /// How waits vary.
    pub const fn jitter(mut self, jitter: Jitter) -> Self {
        self.jitter = Some(jitter);
        self
    }

    /// No new attempt begins past it, waits included.
    pub const fn max_elapsed(mut self, time: Duration) -> Self {
        self.max_elapsed = Some(time);
        self
    }

    /// The rejections from below that are worth another try.
    pub const fn retry_rejections(mut self, rejections: Rejections) -> Self {
        self.retry_rejections = Some(rejections);
        self
    }

    /// The percentage of calls that may be retries.
    pub const fn budget(mut self, percent: f64) -> Self {
        self.budget = Some(percent);
        self
    }
}

impl RetryConfig {
    /// How many rules there are.
    pub const RULES: usize = 9;

    /// Applies the defaults. The result means something only for a configuration that [`check`](Self::check) accepts.
    pub const fn resolve(&self) -> RetrySettings {
        RetrySettings {
            enabled: or!(self.enabled, true),
            attempts: or!(self.attempts, 3),
            delay: or!(self.delay, Duration::from_millis(100)),
            backoff: or!(self.backoff, Backoff::Exponential),
            factor: or!(self.factor, 2.0),
            max_delay: or!(self.max_delay, Duration::from_secs(10)),
            jitter: or!(self.jitter, Jitter::Full),
            max_elapsed: self.max_elapsed,
            retry_rejections: or!(
                self.retry_rejections,
                Rejections::TIMED_OUT.and(Rejections::BULKHEAD_FULL).and(Rejections::RATE_LIMITED)
            ),
            budget: self.budget,
        }
    }

    /// Every rule in turn: `None` where it holds. A value outside its own bounds breaks no combination as well.
    pub const fn violations(&self) -> [Option<ConfigError>; Self::RULES] {
        let written = self;
        let settings = self.resolve();
        [
            ConfigError::unless(
                between(settings.attempts, 1, 100),
                "attempts",
                "`attempts` takes a number of calls, the first included, 1 to 100",
            ),
            ConfigError::unless(!longer(settings.delay, DAY), "delay", "`delay` takes a duration, \"0s\" to \"24h\""),
            ConfigError::unless(
                number_between(settings.factor, 1.0, 100.0),
                "factor",
                "`factor` takes a number, 1 to 100",
            ),
            ConfigError::unless(
                written.max_delay.is_none() || time_between(settings.max_delay, MILLISECOND, DAY),
                "max_delay",
                "`max_delay` takes a duration, \"1ms\" to \"24h\"",
            ),
            ConfigError::unless(
                match settings.jitter {
                    Jitter::Share(share) => number_between(share, 0.0, 1.0),
                    Jitter::None | Jitter::Equal | Jitter::Full => true,
                },
                "jitter",
                "`jitter` takes `none`, `equal`, `full` or a share, 0 to 1",
            ),
            ConfigError::unless(
                time_between(or!(settings.max_elapsed, SECOND), MILLISECOND, YEAR),
                "max_elapsed",
                "`max_elapsed` takes a duration, \"1ms\" to \"365d\"",
            ),
            ConfigError::unless(
                is_percentage(or!(settings.budget, 100.0)),
                "budget",
                "`budget` takes a percentage, above 0 and at most 100",
            ),
            ConfigError::unless_both(
                !longer(settings.delay, settings.max_delay)
                    || longer(settings.delay, DAY)
                    || !time_between(settings.max_delay, MILLISECOND, DAY),
                if written.max_delay.is_some() { "max_delay" } else { "delay" },
                Some(if written.max_delay.is_some() { "delay" } else { "max_delay" }),
                "`delay` (default \"100ms\") cannot be above `max_delay` (default \"10s\")",
            ),
            ConfigError::unless_both(
                written.factor.is_none() || matches!(settings.backoff, Backoff::Exponential),
                "factor",
                Some("backoff"),
                "`factor` belongs to `backoff = exponential`",
            ),
        ]
    }
}

checked!(RetryConfig);

keys! {
    RetryConfig => RetrySettings {
        attempts: u32, shown;
        delay: Duration, shown;
        backoff: Backoff, shown;
        factor: f64, shown;
        max_delay: Duration, shown;
        jitter: Jitter, shown;
        max_elapsed: Duration, shown;
        retry_rejections: Rejections, shown;
        budget: f64, shown;
        enabled: bool, shown;
    }
    of the program: ["retry_if", "retry_after", "on_retry"];
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn config() -> RetryConfig {
        RetryConfig::new()
    }

    #[test]
    fn the_defaults() {
        let expected = RetrySettings {
            enabled: true,
            attempts: 3,
            delay: Duration::from_millis(100),
            backoff: Backoff::Exponential,
            factor: 2.0,
            max_delay: Duration::from_secs(10),
            jitter: Jitter::Full,
            max_elapsed: None,
            retry_rejections: Rejections(0b1110),
            budget: None,
        };
        assert_eq!(config().resolve(), expected);
        assert_eq!(config().check(), Ok(()));
    }

    #[test]
    fn sets_of_rejections() {
        let set = config().resolve().retry_rejections;
        assert!(set.contains(Rejections::TIMED_OUT) && set.contains(Rejections::BULKHEAD_FULL));
        assert!(!set.contains(Rejections::CIRCUIT_OPEN));
        assert!(set.contains(Rejections::NONE) && !Rejections::NONE.contains(Rejections::RATE_LIMITED));
        let all = Rejections::ALL.into_iter().fold(Rejections::NONE, |set, (_, kind)| set.and(kind));
        assert_eq!(all, set.and(Rejections::CIRCUIT_OPEN));
    }

    #[test]
    fn the_edges_are_allowed() {
        for edges in [
            config().attempts(1).delay(Duration::ZERO).factor(1.0).max_delay(MILLISECOND).jitter(Jitter::Share(0.0)),
            config().attempts(100).delay(DAY).factor(100.0).max_delay(DAY).jitter(Jitter::Share(1.0)),
            config().max_elapsed(MILLISECOND).budget(f64::MIN_POSITIVE).backoff(Backoff::Fibonacci),
            config().max_elapsed(YEAR).budget(100.0).retry_rejections(Rejections::NONE),
        ] {
            assert_eq!(edges.check(), Ok(()));
        }
    }

    #[test]
    fn each_rule_refuses_what_breaks_it_and_nothing_else_speaks_up() {
        let nano = Duration::from_nanos(1);
        for (config, key, other) in [
            (config().attempts(0), "attempts", None),
            (config().attempts(101), "attempts", None),
            (config().delay(DAY + nano), "delay", None),
            (config().factor(0.9), "factor", None),
            (config().factor(f64::NAN), "factor", None),
            (config().max_delay(Duration::ZERO), "max_delay", None),
            (config().jitter(Jitter::Share(1.1)), "jitter", None),
            (config().max_elapsed(Duration::ZERO), "max_elapsed", None),
            (config().budget(0.0), "budget", None),
            (config().max_delay(MILLISECOND), "max_delay", Some("delay")),
            (config().delay(SECOND).max_delay(MILLISECOND), "max_delay", Some("delay")),
            (config().delay(DAY), "delay", Some("max_delay")),
            (config().backoff(Backoff::Linear).factor(2.0), "factor", Some("backoff")),
        ] {
            let broken: Vec<_> =
                config.violations().into_iter().flatten().map(|error| (error.key, error.other)).collect();
            assert_eq!(broken, [(key, other)], "{config:?}");
        }
    }
}
