use std::time::Duration;

use crate::{
    ConfigError,
    bounds::{HOUR, MINUTE, SECOND, between, longer},
};

/// So many calls in so much time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub struct Rate {
    /// How many calls.
    pub count: u32,
    /// In how much time.
    pub per: Duration,
}

impl Rate {
    /// So many calls a second.
    pub const fn per_second(count: u32) -> Self {
        Self { count, per: SECOND }
    }

    /// So many calls a minute.
    pub const fn per_minute(count: u32) -> Self {
        Self { count, per: MINUTE }
    }

    /// So many calls an hour.
    pub const fn per_hour(count: u32) -> Self {
        Self { count, per: HOUR }
    }

    /// Reads `"100/s"`, `"10/min"` or `"5000/h"`.
    pub const fn parse(text: &str) -> Result<Self, ConfigError> {
        const NOT_A_RATE: ConfigError = ConfigError {
            key: "rate",
            other: None,
            message: "a rate is a number of calls and a unit of time: \"100/s\", \"10/min\" or \"5000/h\"",
        };
        let bytes = text.as_bytes();
        let (mut at, mut count) = (0, 0_u32);
        while at < bytes.len() && bytes[at].is_ascii_digit() {
            // A number too large for its type is too large for the rule about it as well.
            count = count.saturating_mul(10).saturating_add((bytes[at] - b'0') as u32);
            at += 1;
        }
        if at == 0 {
            return Err(NOT_A_RATE);
        }
        match bytes.split_at(at).1 {
            b"/s" => Ok(Self::per_second(count)),
            b"/min" => Ok(Self::per_minute(count)),
            b"/h" => Ok(Self::per_hour(count)),
            _ => Err(NOT_A_RATE),
        }
    }
}

/// The keys of a rate limiter, as far as they were written.
///
/// | key | default | bounds |
/// |---|---|---|
/// | `rate` | has to be written | 1 to 1,000,000,000 calls |
/// | `burst` | the rate's count | 1 to 1,000,000,000 calls |
/// | `max_wait` | 0 s | up to 1 h |
/// | `enabled` | true | not enabled, it lets every call pass and counts nothing |
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct RateLimitConfig {
    enabled: Option<bool>,
    rate: Option<Rate>,
    burst: Option<u32>,
    max_wait: Option<Duration>,
}

/// A [`RateLimitConfig`] with every default applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimitSettings {
    /// Whether it does anything.
    pub enabled: bool,
    /// How many calls in how much time.
    pub rate: Rate,
    /// How many at once.
    pub burst: u32,
    /// How long a caller waits for its turn.
    pub max_wait: Duration,
}

impl RateLimitConfig {
    /// Nothing written.
    pub const fn new() -> Self {
        Self { enabled: None, rate: None, burst: None, max_wait: None }
    }

    /// Whether it does anything: one that does not lets every call pass and counts nothing.
    pub const fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = Some(enabled);
        self
    }

    /// How many calls in how much time.
    pub const fn rate(mut self, rate: Rate) -> Self {
        self.rate = Some(rate);
        self
    }

    /// How many at once.
    pub const fn burst(mut self, calls: u32) -> Self {
        self.burst = Some(calls);
        self
    }

    /// How long a caller waits for its turn.
    pub const fn max_wait(mut self, time: Duration) -> Self {
        self.max_wait = Some(time);
        self
    }

    /// How many rules there are.
    pub const RULES: usize = 4;

    /// Applies the defaults. The result means something only for a configuration that [`check`](Self::check) accepts.
    pub const fn resolve(&self) -> RateLimitSettings {
        let rate = or!(self.rate, Rate::per_second(0));
        RateLimitSettings {
            enabled: or!(self.enabled, true),
            rate,
            burst: or!(self.burst, rate.count),
            max_wait: or!(self.max_wait, Duration::ZERO),
        }
    }

    /// Every rule in turn: `None` where it holds.
    pub const fn violations(&self) -> [Option<ConfigError>; Self::RULES] {
        let settings = self.resolve();
        [
            ConfigError::unless(
                self.rate.is_some(),
                "rate",
                "a `rate_limit` wants a rate, such as \"100/s\", \"10/min\" or \"5000/h\"",
            ),
            ConfigError::unless(
                self.rate.is_none() || (between(settings.rate.count, 1, MOST) && !settings.rate.per.is_zero()),
                "rate",
                "a rate is 1 to 1000000000 calls in a time above 0",
            ),
            ConfigError::unless(
                self.burst.is_none() || between(settings.burst, 1, MOST),
                "burst",
                "`burst` takes a number of calls, 1 to 1000000000",
            ),
            ConfigError::unless(
                !longer(settings.max_wait, HOUR),
                "max_wait",
                "`max_wait` takes a duration, \"0s\" to \"1h\"",
            ),
        ]
    }
}

checked!(RateLimitConfig);

keys! {
    RateLimitConfig => RateLimitSettings {
        rate: Rate, shown;
        burst: u32, shown;
        max_wait: Duration, shown;
        enabled: bool, shown;
    }
    of the program: [];
}

const MOST: u32 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    const fn config() -> RateLimitConfig {
        RateLimitConfig::new().rate(Rate::per_second(100))
    }

    #[test]
    fn reads_rates() {
        const CONSTANT: Result<Rate, ConfigError> = Rate::parse("100/s");
        assert_eq!(CONSTANT, Ok(Rate { count: 100, per: SECOND }));
        assert_eq!(Rate::parse("10/min"), Ok(Rate::per_minute(10)));
        assert_eq!(Rate::parse("5000/h"), Ok(Rate::per_hour(5000)));
        assert_eq!(Rate::parse("99999999999999/s"), Ok(Rate::per_second(u32::MAX)));
        for text in ["", "/s", "100", "100/", "100/sec", "100 /s", "-1/s", "1.5/s", "100/s ", "x/s", "100/m", "ü/s"] {
            assert!(Rate::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_defaults() {
        let expected =
            RateLimitSettings { enabled: true, rate: Rate::per_second(100), burst: 100, max_wait: Duration::ZERO };
        assert_eq!(config().resolve(), expected);
        assert_eq!(config().check(), Ok(()));
    }

    #[test]
    fn the_bounds() {
        let key = |config: RateLimitConfig| config.check().map_err(|error| error.key);
        assert_eq!(key(RateLimitConfig::new()), Err("rate"));
        assert_eq!(key(RateLimitConfig::new().burst(3)), Err("rate"));
        assert_eq!(key(config().rate(Rate::per_hour(0))), Err("rate"));
        assert_eq!(key(config().rate(Rate::per_hour(MOST + 1))), Err("rate"));
        assert_eq!(key(config().rate(Rate { count: 1, per: Duration::ZERO })), Err("rate"));
        assert_eq!(key(config().burst(0)), Err("burst"));
        assert_eq!(key(config().burst(MOST + 1)), Err("burst"));
        assert_eq!(key(config().max_wait(HOUR + SECOND)), Err("max_wait"));
        assert_eq!(key(config().rate(Rate::per_second(MOST)).burst(1).max_wait(HOUR)), Ok(()));
    }
}
