//! How long to wait before the next attempt: pure functions of the settings, the number of the failure, the wait before and one
//! random number. Nothing here knows a clock.
//!
//! The wait without jitter is capped by `max_delay`, then drawn from as much of jitter's range as lies below the cap: so the longest waits
//! still differ from each other, and none is longer than the cap.

use resilience_config::{Backoff, Jitter, RetrySettings};
use std::time::Duration;

/// A sequence of random numbers that nobody else has (splitmix64).
#[derive(Clone, Copy, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    /// A sequence of its own: seeded by the thread's random keys, which change with every seeding.
    pub(super) fn new() -> Self {
        use std::hash::{BuildHasher, Hasher};
        Self(std::hash::RandomState::new().build_hasher().finish())
    }

    #[cfg(test)]
    pub(super) fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// At least 0 and below 1.
    fn throw(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^= x >> 31;
        (x >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// The waits of one loop, without end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waits {
    failures: u32,
    before: Duration,
    dice: Dice,
}

impl Waits {
    pub(super) fn new(dice: Dice) -> Self {
        Self { failures: 0, before: Duration::ZERO, dice }
    }

    /// As an iterator under settings that do not change.
    #[cfg(test)]
    pub(super) fn under(mut self, settings: &RetrySettings) -> impl Iterator<Item = Duration> {
        std::iter::from_fn(move || Some(self.next(settings)))
    }

    /// The wait after the next failure.
    pub(super) fn next(&mut self, settings: &RetrySettings) -> Duration {
        self.failures += 1;
        let random = self.dice.throw();
        let wait = match settings.backoff {
            // Random by itself, so that jitter has nothing to add.
            Backoff::Decorrelated => {
                let before = self.before.max(settings.delay);
                let most = before.saturating_mul(3).min(settings.max_delay);
                let least = settings.delay.min(most);
                least + (most - least).mul_f64(random)
            }
            _ => jittered(growing(settings, self.failures), settings, random),
        };
        self.before = wait.min(settings.max_delay);
        self.before
    }

    /// A wait that somebody asked for: that long at least, and jitter on top of it as far as the cap goes.
    pub(super) fn asked(&mut self, settings: &RetrySettings, asked: Duration) -> Duration {
        self.failures += 1;
        let room = settings.max_delay.saturating_sub(asked).min(settings.delay);
        let share = match settings.jitter {
            Jitter::None => 0.0,
            Jitter::Equal | Jitter::Full => self.dice.throw(),
            Jitter::Share(share) => share * self.dice.throw(),
        };
        asked + room.mul_f64(share)
    }
}

/// The wait after so many failures, without jitter and up to the cap.
fn growing(settings: &RetrySettings, failures: u32) -> Duration {
    let factor = match settings.backoff {
        Backoff::Constant | Backoff::Decorrelated => 1.0,
        Backoff::Linear => f64::from(failures),
        Backoff::Exponential => settings.factor.powi(i32::try_from(failures - 1).unwrap_or(i32::MAX)),
        Backoff::Fibonacci => fibonacci(failures),
    };
    let nanos = settings.delay.as_nanos() as f64 * factor;
    // More than the cap, infinity among it, is the cap.
    if nanos < settings.max_delay.as_nanos() as f64 { Duration::from_nanos(nanos as u64) } else { settings.max_delay }
}

/// 1, 1, 2, 3, 5, 8…
fn fibonacci(nth: u32) -> f64 {
    (1..nth).fold((0.0, 1.0), |(a, b), _| (b, a + b)).1
}

fn jittered(wait: Duration, settings: &RetrySettings, random: f64) -> Duration {
    let (least, most) = match settings.jitter {
        Jitter::None => (wait, wait),
        Jitter::Equal => (wait.mul_f64(0.5), wait),
        Jitter::Full => (Duration::ZERO, wait),
        // To both sides, so that the mean stays; at the cap to one side. Pushed down to the cap instead, half of a fleet would meet there.
        Jitter::Share(share) => (wait.mul_f64(1.0 - share), wait.mul_f64(1.0 + share).min(settings.max_delay)),
    };
    least + (most - least).mul_f64(random)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use resilience_config::RetryConfig;

    fn waits(config: RetryConfig) -> Vec<u64> {
        let settings = config.validated().resolve();
        Waits::new(Dice::seeded(7)).under(&settings).take(6).map(|wait| wait.as_millis() as u64).collect()
    }

    fn plain() -> RetryConfig {
        RetryConfig::new().jitter(Jitter::None).max_delay(Duration::from_secs(1))
    }

    #[test]
    fn each_backoff_grows_in_its_way_up_to_the_cap() {
        assert_eq!(waits(plain().backoff(Backoff::Constant)), [100; 6]);
        assert_eq!(waits(plain().backoff(Backoff::Linear)), [100, 200, 300, 400, 500, 600]);
        assert_eq!(waits(plain()), [100, 200, 400, 800, 1000, 1000]);
        assert_eq!(waits(plain().factor(3.0)), [100, 300, 900, 1000, 1000, 1000]);
        assert_eq!(waits(plain().backoff(Backoff::Fibonacci)), [100, 100, 200, 300, 500, 800]);
    }

    #[test]
    fn two_loops_never_share_a_sequence() {
        let settings = RetryConfig::new().resolve();
        let sequence = || Waits::new(Dice::new()).under(&settings).take(8).collect::<Vec<_>>();
        let mut sequences: Vec<_> = (0..100).map(|_| sequence()).collect();
        sequences.sort();
        sequences.dedup();
        assert_eq!(sequences.len(), 100);
    }

    fn config() -> impl Strategy<Value = RetryConfig> {
        let jitter = prop_oneof![
            Just(Jitter::None),
            Just(Jitter::Equal),
            Just(Jitter::Full),
            (0.0..=1.0f64).prop_map(Jitter::Share)
        ];
        let backoff = prop::sample::select(Backoff::ALL.map(|(_, backoff)| backoff).to_vec());
        (backoff, jitter, 0u64..5000, 1u64..20_000, 1.0..100.0f64).prop_map(|(backoff, jitter, delay, max, factor)| {
            let config = RetryConfig::new()
                .backoff(backoff)
                .jitter(jitter)
                .delay(Duration::from_millis(delay.min(max)))
                .max_delay(Duration::from_millis(max));
            if backoff == Backoff::Exponential { config.factor(factor) } else { config }
        })
    }

    #[test]
    fn a_fleet_does_not_meet_at_the_cap() {
        let cap = Duration::from_secs(10);
        let config = RetryConfig::new().backoff(Backoff::Constant).delay(cap).jitter(Jitter::Share(0.5));
        let settings = config.validated().resolve();
        let waits = Waits::new(Dice::seeded(3)).under(&settings).take(1000);
        assert!(waits.filter(|wait| *wait == cap).count() < 5);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_wait_is_longer_than_the_cap_or_shorter_than_its_jitter_allows(
            config in config(),
            seed: u64,
            asked in 0u64..20_000,
        ) {
            let settings = config.validated().resolve();
            let without = config.jitter(Jitter::None).resolve();
            let mut plain = Waits::new(Dice::seeded(seed)).under(&without);
            let mut waits = Waits::new(Dice::seeded(seed));
            for nth in 1..=100 {
                let (wait, plain) = (waits.next(&settings), plain.next().unwrap());
                prop_assert!(wait <= settings.max_delay);
                let most = match (settings.backoff, settings.jitter) {
                    (Backoff::Decorrelated, _) => settings.max_delay,
                    (_, Jitter::None | Jitter::Equal | Jitter::Full) => plain,
                    (_, Jitter::Share(share)) => plain.mul_f64(1.0 + share),
                };
                let least = settings.shortest_wait(nth);
                let rounding = Duration::from_nanos(2);
                prop_assert!(wait + rounding >= least && wait <= most + rounding, "{wait:?} of {least:?} to {most:?}");
                let is_plain = settings.jitter == Jitter::None && settings.backoff != Backoff::Decorrelated;
                prop_assert!(!is_plain || least + rounding >= wait);
            }
            let asked = Duration::from_millis(asked).min(settings.max_delay);
            let waited = waits.asked(&settings, asked);
            prop_assert!(waited >= asked && waited <= settings.max_delay);
        }
    }
}
