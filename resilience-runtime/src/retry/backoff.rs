//! Which failure of a loop it is, the wait before, and a random number: of these its settings make the next wait. Nothing here knows a clock.

use resilience_config::RetrySettings;
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
        self.before = settings.wait(self.failures, self.before, self.dice.throw());
        self.before
    }

    /// As long as somebody asked for, and somewhat longer.
    pub(super) fn asked(&mut self, settings: &RetrySettings, asked: Duration) -> Duration {
        self.failures += 1;
        settings.asked_wait(asked, self.dice.throw())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use resilience_config::{Backoff, Jitter, RetryConfig};

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
    fn a_wait_that_was_asked_for_is_one_of_those_by_which_the_others_grow() {
        let settings = plain().validated().resolve();
        let mut waits = Waits::new(Dice::seeded(7));
        let waited = [waits.next(&settings), waits.asked(&settings, Duration::ZERO), waits.next(&settings)];
        assert_eq!(waited.map(|wait| wait.as_millis()), [100, 0, 400]);
    }

    /// Of splitmix64, as its authors' program prints them for this seed.
    #[test]
    fn the_numbers_are_those_of_the_generator() {
        let mut dice = Dice::seeded(1_234_567);
        for number in [
            6_457_827_717_110_365_317_u64,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
            4_593_380_528_125_082_431,
            16_408_922_859_458_223_821,
        ] {
            assert_eq!(dice.throw(), (number >> 11) as f64 / 2_f64.powi(53));
        }
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
                    (_, Jitter::Share(share)) => plain.mul_f64(1.0 + share),
                    _ => plain,
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
