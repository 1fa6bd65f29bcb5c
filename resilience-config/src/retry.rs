//! The keys of a retry.

use std::time::Duration;

use crate::{
    BrokenRule,
    bounds::{DAY, MILLISECOND, longer, number_between, time_between},
};

words! {
    /// How the waits between attempts grow.
    #[derive(Default)]
    pub enum Backoff {
        /// Always `delay`.
        Constant = "constant",
        /// `delay` longer each time.
        Linear = "linear",
        /// `factor` times as long each time.
        #[default]
        Exponential = "exponential",
        /// `delay` times 1, 1, 2, 3, 5, 8…
        Fibonacci = "fibonacci",
        /// At random between `delay` and three times the wait before.
        Decorrelated = "decorrelated",
    }
}

/// How a wait is varied at random.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
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
    #[doc(hidden)]
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
    /// An `Ok` was classified as a failure. A fallback can answer for it; a retry goes by the verdict itself.
    pub const UNSUCCESSFUL: Self = Self(1 << 4);

    /// Every kind under the name by which it is written.
    #[doc(hidden)]
    pub const ALL: [(&'static str, Self); 5] = [
        ("circuit_open", Self::CIRCUIT_OPEN),
        ("timed_out", Self::TIMED_OUT),
        ("bulkhead_full", Self::BULKHEAD_FULL),
        ("rate_limited", Self::RATE_LIMITED),
        ("unsuccessful", Self::UNSUCCESSFUL),
    ];

    /// The kinds of both.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The names of its kinds.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::ALL.into_iter().filter(move |(_, kind)| self.contains(*kind)).map(|(name, _)| name)
    }

    /// Whether every kind of `other` is here too.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

const ATTEMPTS: u32 = 3;
const DELAY: Duration = Duration::from_millis(100);
const FACTOR: f64 = 2.0;
const MAX_DELAY: Duration = Duration::from_secs(10);

keys! {
    $ retry_keys of written

    /// The keys of a retry, as far as they were written.
    RetryConfig

    /// A [`RetryConfig`] with every default applied.
    RetrySettings {
        /// Calls in all, the first included: 1 to 100. Default 3.
        attempts: u32 [1..=100] = ATTEMPTS;
        /// The wait that the backoff begins with: up to 24 h, not above `max_delay`. Default 100 ms.
        delay: Duration ["0s"..="24h"] = DELAY;
        /// How waits grow. Default exponential.
        backoff: Backoff [any] = Backoff::Exponential;
        /// How many times longer an exponential backoff gets each time: 1 to 100. Default 2.
        factor: f64 [1..=100] = FACTOR;
        /// The longest wait, jitter included: 1 ms to 24 h. Default 10 s.
        max_delay: Duration ["1ms"..="24h"] = MAX_DELAY;
        /// How waits vary. Default full.
        jitter: Jitter [is_jitter, "`jitter` must be `none`, `equal`, `full` or a share between 0 and 1"] = Jitter::Full;
        /// No new attempt begins past it, waits included: 1 ms to 365 days. Off by default.
        max_elapsed or no_max_elapsed: Duration ["1ms"..="365d"] = None;
        /// The rejections from below that are worth another try. Default: timed out, bulkhead full, rate limited.
        retry_rejections: Rejections [come_from_below, "`retry_rejections` must not name `unsuccessful`; whether such an answer is tried again is what `classify` says"] =
            Rejections::TIMED_OUT.and(Rejections::BULKHEAD_FULL).and(Rejections::RATE_LIMITED);
        /// Percent of the calls of the last 10 s that may be retries, beside 10 a second that are free: above 0, at most 100. Off by
        /// default.
        budget or no_budget: f64 [percentage] = None;
        /// Whether it does anything: one that does not makes one attempt and counts nothing. Default true.
        enabled: bool [any] = true;
    }
    standing for others {}
    in presets: [];
    outside of attributes: [enabled];
    of the program: ["retry_if", "retry_after", "on_retry"];
}

const fn come_from_below(rejections: Rejections) -> bool {
    !rejections.contains(Rejections::UNSUCCESSFUL)
}

const fn is_jitter(jitter: Jitter) -> bool {
    match jitter {
        Jitter::Share(share) => number_between(share, 0.0, 1.0),
        Jitter::None | Jitter::Equal | Jitter::Full => true,
    }
}

impl RetryConfig {
    /// What does not go together. A value outside its own bounds breaks no combination as well.
    const fn contradictions(&self) -> [Option<BrokenRule>; 3] {
        let settings = self.resolve();
        let (key, other) = if self.max_delay.is_some() { ("max_delay", "delay") } else { ("delay", "max_delay") };
        [
            BrokenRule::unless_both(
                !longer(settings.delay, settings.max_delay)
                    || longer(settings.delay, DAY)
                    || !time_between(settings.max_delay, MILLISECOND, DAY),
                key,
                Some(other),
                "`delay` (default `\"100ms\"`) must not be longer than `max_delay` (default `\"10s\"`)",
            ),
            BrokenRule::unless_both(
                self.factor.is_none() || matches!(settings.backoff, Backoff::Exponential),
                "factor",
                Some("backoff"),
                "`factor` requires `backoff = exponential`",
            ),
            BrokenRule::looking_at(
                BrokenRule::unless_both(
                    self.has_room_for_a_second_attempt(),
                    "max_elapsed",
                    Some("delay"),
                    match (settings.backoff, settings.jitter) {
                        (Backoff::Decorrelated, _) | (_, Jitter::None) => {
                            "`max_elapsed` must be longer than `delay` (default `\"100ms\"`), the first wait, or no second attempt can begin"
                        }
                        (_, Jitter::Equal) => {
                            "`max_elapsed` must be longer than half of `delay` (default `\"100ms\"`), the least that `jitter = equal` leaves of the first wait, \
                        or no second attempt can begin"
                        }
                        (_, Jitter::Full) => {
                            "`max_elapsed` must be longer than `delay` (default `\"100ms\"`), up to which `jitter = full` makes the first wait, or hardly any second \
                        attempt begins"
                        }
                        (_, Jitter::Share(_)) => {
                            "`max_elapsed` must be longer than what `jitter` leaves of `delay` (default `\"100ms\"`), the least first wait, or no second attempt \
                        can begin"
                        }
                    },
                ),
                &["attempts", "jitter"],
            ),
        ]
    }
}

impl RetryConfig {
    /// Whether the least first wait is shorter than `max_elapsed`. With full jitter it may be nothing, and the whole of `delay` is asked for.
    const fn has_room_for_a_second_attempt(&self) -> bool {
        let settings = self.resolve();
        let Some(limit) = settings.max_elapsed else { return true };
        let is_within_bounds =
            BrokenRule::first(&self.out_of_bounds()).is_ok() && !longer(settings.delay, settings.max_delay);
        let least = match (settings.backoff, settings.jitter) {
            (Backoff::Decorrelated, _) | (_, Jitter::Full) => settings.delay,
            _ => settings.shortest_wait(1),
        };
        !is_within_bounds || settings.attempts == 1 || longer(limit, least)
    }
}

checked!(RetryConfig);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bounds::{SECOND, YEAR};

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
    fn a_second_attempt_has_room_before_max_elapsed() {
        let nano = Duration::from_nanos(1);
        let plain = config().delay(SECOND);
        for (config, least) in [
            (plain.jitter(Jitter::None), SECOND),
            (plain.jitter(Jitter::None).backoff(Backoff::Fibonacci), SECOND),
            (plain.jitter(Jitter::Equal), SECOND / 2),
            (plain.jitter(Jitter::Share(0.25)), SECOND * 3 / 4),
            (plain.jitter(Jitter::Share(1.0)), Duration::ZERO),
            (plain, SECOND),
            (plain.backoff(Backoff::Decorrelated).jitter(Jitter::Equal), SECOND),
        ] {
            let key = |limit| config.max_elapsed(limit).check().map_err(|rule| (rule.key, rule.other));
            assert_eq!(key((least + nano).max(MILLISECOND)), Ok(()), "{config:?}");
            if !least.is_zero() {
                assert_eq!(key(least), Err(("max_elapsed", Some("delay"))), "{config:?}");
                let with_two = config.attempts(2).max_elapsed(least).check().unwrap_err();
                // Each of these may be an expression, which the compiler has to evaluate first.
                assert_eq!((with_two.key, with_two.more), ("max_elapsed", &["attempts", "jitter"][..]));
            }
            assert_eq!(config.max_elapsed(MILLISECOND).attempts(1).check(), Ok(()), "there is no second attempt");
        }
        let messages = [Jitter::None, Jitter::Equal, Jitter::Full, Jitter::Share(0.1)]
            .map(|jitter| plain.jitter(jitter).max_elapsed(MILLISECOND).check().unwrap_err().message);
        let begins = ["`delay`", "half of `delay`", "`delay`", "what `jitter` leaves of `delay`"];
        for (message, begins) in messages.into_iter().zip(begins) {
            let begins = format!("`max_elapsed` must be longer than {begins} (default `\"100ms\"`), ");
            assert!(message.starts_with(&begins) && message.contains("second attempt"), "{message}");
        }
        assert_ne!(messages[0], messages[2], "with full jitter the first wait may be shorter");
    }

    #[test]
    fn sets_of_rejections() {
        let set = config().resolve().retry_rejections;
        assert!(set.contains(Rejections::TIMED_OUT) && set.contains(Rejections::BULKHEAD_FULL));
        assert!(!set.contains(Rejections::CIRCUIT_OPEN));
        assert!(set.contains(Rejections::NONE) && !Rejections::NONE.contains(Rejections::RATE_LIMITED));
        let all = Rejections::ALL.into_iter().fold(Rejections::NONE, |set, (_, kind)| set.and(kind));
        assert_eq!(all, set.and(Rejections::CIRCUIT_OPEN).and(Rejections::UNSUCCESSFUL));
        assert_eq!(config().retry_rejections(all).check().unwrap_err().key, "retry_rejections");
    }

    #[test]
    fn a_set_of_rejections_is_named_by_its_kinds_in_their_order() {
        for mask in 0..1_u8 << Rejections::ALL.len() {
            let of_set = Rejections::ALL.iter().enumerate().filter(|(nth, _)| mask >> nth & 1 == 1);
            let (names, kinds): (Vec<_>, Vec<_>) = of_set.map(|(_, kind)| *kind).unzip();
            let set = kinds.iter().fold(Rejections::NONE, |set, kind| set.and(*kind));
            assert_eq!(set.names().collect::<Vec<_>>(), names);
            for (_, kind) in Rejections::ALL {
                assert_eq!(set.contains(kind), kinds.contains(&kind));
            }
        }
    }

    #[test]
    fn the_edges_are_allowed() {
        for edges in [
            config().attempts(1).delay(Duration::ZERO).factor(1.0).max_delay(MILLISECOND).jitter(Jitter::Share(0.0)),
            config().attempts(100).delay(DAY).factor(100.0).max_delay(DAY).jitter(Jitter::Share(1.0)),
            config()
                .delay(Duration::ZERO)
                .max_elapsed(MILLISECOND)
                .budget(f64::MIN_POSITIVE)
                .backoff(Backoff::Fibonacci),
            config().max_elapsed(YEAR).budget(100.0).retry_rejections(Rejections::NONE),
            config().delay(MAX_DELAY),
            config().max_delay(DELAY),
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
            (config().max_elapsed(DELAY), "max_elapsed", Some("delay")),
            (config().jitter(Jitter::Share(-0.1)), "jitter", None),
            (config().jitter(Jitter::Share(f64::NAN)), "jitter", None),
            // A time that is refused by itself breaks no other rule.
            (config().delay(DAY + nano).max_elapsed(MILLISECOND), "delay", None),
            (config().delay(SECOND).max_delay(MILLISECOND - nano), "max_delay", None),
            (config().delay(SECOND).max_delay(MILLISECOND).max_elapsed(MILLISECOND), "max_delay", Some("delay")),
            (config().delay(MAX_DELAY + nano), "delay", Some("max_delay")),
            (config().max_delay(DELAY - nano), "max_delay", Some("delay")),
        ] {
            let broken: Vec<_> = config.violations().into_iter().map(|error| (error.key, error.other)).collect();
            assert_eq!(broken, [(key, other)], "{config:?}");
        }
    }
}
