//! The keys of a rate limiter.

use std::time::Duration;

use crate::{
    BrokenRule,
    bounds::{HOUR, MINUTE, SECOND, between},
};

/// So many calls in so much time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
#[non_exhaustive]
pub struct Rate {
    /// How many calls.
    pub count: u32,
    /// In how much time.
    pub per: Duration,
}

impl Rate {
    /// So many calls in so much time.
    pub const fn new(count: u32, per: Duration) -> Self {
        Self { count, per }
    }

    /// So many calls a second.
    pub const fn per_second(count: u32) -> Self {
        Self::new(count, SECOND)
    }

    /// So many calls a minute.
    pub const fn per_minute(count: u32) -> Self {
        Self::new(count, MINUTE)
    }

    /// So many calls an hour.
    pub const fn per_hour(count: u32) -> Self {
        Self::new(count, HOUR)
    }

    /// Reads `"100/s"`, `"10/min"`, `"5000/h"`, or any other time after the `/`, as in `"1/30s"`.
    pub const fn parse(text: &str) -> Result<Self, BrokenRule> {
        const NOT_A_RATE: BrokenRule = BrokenRule {
            key: "rate",
            other: None,
            more: &[],
            message: "expected a rate such as `\"100/s\"`, `\"10/min\"` or `\"1/30s\"`",
        };
        let (count, rest) = digits(text.as_bytes());
        // A number too large for its type is too large for the rule about it as well.
        let count = match count {
            Some(count) if count < u32::MAX as u64 => count as u32,
            Some(_) => u32::MAX,
            None => return Err(NOT_A_RATE),
        };
        match rest {
            b"/s" => Ok(Self::per_second(count)),
            b"/min" => Ok(Self::per_minute(count)),
            b"/h" => Ok(Self::per_hour(count)),
            [b'/', time @ ..] => match time_of(time) {
                Some(per) => Ok(Self::new(count, per)),
                None => Err(NOT_A_RATE),
            },
            _ => Err(NOT_A_RATE),
        }
    }
}

/// The number that a text begins with, and what comes after it.
const fn digits(text: &[u8]) -> (Option<u64>, &[u8]) {
    let (mut at, mut number) = (0, 0_u64);
    while at < text.len() && text[at].is_ascii_digit() {
        number = number.saturating_mul(10).saturating_add((text[at] - b'0') as u64);
        at += 1;
    }
    (if at > 0 { Some(number) } else { None }, text.split_at(at).1)
}

/// A duration such as `1m30s`, in a constant.
const fn time_of(mut text: &[u8]) -> Option<Duration> {
    let mut time = Duration::ZERO;
    loop {
        let (Some(number), rest) = digits(text) else { return None };
        let mut unit = 0;
        while unit < rest.len() && !rest[unit].is_ascii_digit() {
            unit += 1;
        }
        let (unit, rest) = rest.split_at(unit);
        let nanos: u64 = match unit {
            b"ns" => 1,
            b"us" => 1_000,
            b"ms" => 1_000_000,
            b"s" => 1_000_000_000,
            b"m" | b"min" => 60_000_000_000,
            b"h" => 3_600_000_000_000,
            b"d" => 86_400_000_000_000,
            _ => return None,
        };
        let nanos = number as u128 * nanos as u128;
        let (secs, nanos) = (nanos / 1_000_000_000, (nanos % 1_000_000_000) as u32);
        if secs > u64::MAX as u128 {
            return None;
        }
        time = match time.checked_add(Duration::new(secs as u64, nanos)) {
            Some(time) => time,
            None => return None,
        };
        if rest.is_empty() {
            return Some(time);
        }
        text = rest;
    }
}

const MOST: u32 = 1_000_000_000;
const MAX_KEYS: u32 = 65_536;

keys! {
    $ rate_limit_keys of written

    /// The keys of a rate limiter, as far as they were written.
    RateLimitConfig

    /// A [`RateLimitConfig`] with every default applied.
    RateLimitSettings {
        /// How many calls in how much time: 1 to 1,000,000,000 calls. It has to be given.
        rate: Rate [is_rate, "`rate` must be between 1 and 1000000000 calls in a time above 0"] = Rate::per_second(0);
        /// How many at once: 1 to 1,000,000,000. Default the rate's count: the first second of `"100/s"` may see 200 calls then.
        burst: u32 [1..=1_000_000_000] = or!(written.rate, Rate::per_second(0)).count;
        /// How long a caller waits for its turn: up to 1 h. Default not at all.
        max_wait: Duration ["0s"..="1h"] = Duration::ZERO;
        /// How many keys a keyed limiter holds at most: 1 to 1,000,000. Default 65,536.
        max_keys: u32 [1..=1_000_000] = MAX_KEYS;
        /// Whether it does anything: one that does not lets every call pass and counts nothing. Default true.
        enabled: bool [any] = true;
    }
    standing for others {}
    in presets: [];
    outside of attributes: [enabled];
    of the program: ["key", "cost"];
}

const fn is_rate(rate: Rate) -> bool {
    between(rate.count, 1, MOST) && !rate.per.is_zero()
}

impl RateLimitConfig {
    const fn contradictions(&self) -> [Option<BrokenRule>; 1] {
        [BrokenRule::unless(
            self.rate.is_some(),
            "rate",
            "`rate_limit` requires a rate, such as `\"100/s\"`, `\"10/min\"` or `\"1/30s\"`",
        )]
    }
}

checked!(RateLimitConfig);

#[cfg(test)]
mod tests {
    use super::*;

    const fn config() -> RateLimitConfig {
        RateLimitConfig::new().rate(Rate::per_second(100))
    }

    #[test]
    fn reads_rates() {
        const CONSTANT: Result<Rate, BrokenRule> = Rate::parse("100/s");
        assert_eq!(CONSTANT, Ok(Rate::new(100, SECOND)));
        assert_eq!(Rate::parse("10/min"), Ok(Rate::per_minute(10)));
        assert_eq!(Rate::parse("5000/h"), Ok(Rate::per_hour(5000)));
        assert_eq!(Rate::parse("99999999999999/s"), Ok(Rate::per_second(u32::MAX)));
        assert_eq!(Rate::parse("4294967295/s"), Ok(Rate::per_second(u32::MAX)));
        assert_eq!(Rate::parse("4294967296/s"), Ok(Rate::per_second(u32::MAX)));
        assert_eq!(Rate::parse("1/30s"), Ok(Rate::new(1, Duration::from_secs(30))));
        assert_eq!(Rate::parse("3/1m30s"), Ok(Rate::new(3, Duration::from_secs(90))));
        assert_eq!(Rate::parse("3/5min"), Ok(Rate::new(3, Duration::from_secs(300))));
        for (unit, nanos) in [
            ("ns", 1),
            ("us", 1_000),
            ("ms", 1_000_000),
            ("s", 1_000_000_000),
            ("m", 60_000_000_000),
            ("min", 60_000_000_000),
            ("h", 3_600_000_000_000),
            ("d", 86_400_000_000_000),
        ] {
            let expected = Rate::new(3, Duration::from_nanos(2 * nanos));
            assert_eq!(Rate::parse(&format!("3/2{unit}")), Ok(expected), "{unit}");
            // As everywhere else, where that knows the unit.
            if unit != "min" {
                assert_eq!(crate::parse_duration(&format!("2{unit}")), Ok(expected.per));
            }
        }
        assert_eq!(Rate::parse("1/1d2h3m4s5ms6us7ns"), Ok(Rate::new(1, Duration::new(93_784, 5_006_007))));
        assert_eq!(Rate::parse("4294967294/s"), Ok(Rate::per_second(u32::MAX - 1)));
        assert_eq!(Rate::parse("1/18446744073709551615s"), Ok(Rate::new(1, Duration::from_secs(u64::MAX))));
        for text in [
            "1/30",
            "1/30x",
            "1/s30",
            "1/30s ",
            "1/-3s",
            "1/99999999999999999999999d",
            "1/307445734561825861m",
            "1/18446744073709551615s1s",
        ] {
            assert!(Rate::parse(text).is_err(), "{text}");
        }
        for text in ["", "/s", "100", "100/", "100/sec", "100 /s", "-1/s", "1.5/s", "100/s ", "x/s", "100/m", "ü/s"] {
            assert!(Rate::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_rate_by_its_time_and_a_burst_by_its_rate() {
        let (second, minute, hour) = (Rate::per_second(3), Rate::per_minute(3), Rate::per_hour(3));
        assert_eq!([second, minute, hour].map(|rate| (rate.count, rate.per)), [(3, SECOND), (3, MINUTE), (3, HOUR)]);
        assert_eq!(RateLimitConfig::new().rate(minute).resolve().burst, 3);
        assert_eq!(RateLimitConfig::new().rate(minute).burst(9).resolve().burst, 9);
        assert_eq!(RateLimitConfig::new().resolve().burst, 0, "there is no rate, which is refused");
    }

    #[test]
    fn the_defaults() {
        let expected = RateLimitSettings {
            enabled: true,
            rate: Rate::per_second(100),
            burst: 100,
            max_wait: Duration::ZERO,
            max_keys: MAX_KEYS,
        };
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
        assert_eq!(key(config().rate(Rate::new(1, Duration::ZERO))), Err("rate"));
        assert_eq!(key(config().burst(0)), Err("burst"));
        assert_eq!(key(config().burst(MOST + 1)), Err("burst"));
        assert_eq!(key(config().rate(Rate::per_hour(1))), Ok(()));
        assert_eq!(key(config().rate(Rate::new(1, Duration::from_nanos(1)))), Ok(()));
        assert_eq!(key(config().max_wait(HOUR + SECOND)), Err("max_wait"));
        assert_eq!(key(config().max_keys(0)), Err("max_keys"));
        assert_eq!(key(config().max_keys(1_000_001)), Err("max_keys"));
        assert_eq!(key(config().rate(Rate::per_second(MOST)).burst(1).max_wait(HOUR)), Ok(()));
    }
}
