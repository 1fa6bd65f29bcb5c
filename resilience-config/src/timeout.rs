//! The keys of a timeout.

use std::time::Duration;

use crate::{BrokenRule, Preset};

keys! {
    $ timeout_keys of written

    /// The keys of a timeout, as far as they were written.
    TimeoutConfig

    /// A [`TimeoutConfig`] with every default applied.
    TimeoutSettings {
        /// How long a call may take: 1 ms to 365 days. It has to be given, here or by a `preset`.
        after: Duration ["1ms"..="365d"] = match written.preset {
            Some(preset) => preset.timeout(),
            None => Duration::ZERO,
        };
        /// How long a stream may keep its reader waiting for one item, where `stream = true`: 1 ms to 365 days. Default without end.
        between or no_between: Duration ["1ms"..="365d"] = None;
        /// Whether it does anything: one that does not lets every call pass and counts nothing. Default true.
        enabled: bool [any] = true;
    }
    standing for others {
        /// The time for a kind of dependency, where `after` is not given.
        preset: Preset;
    }
    in presets: [after];
    outside of attributes: [enabled];
    of the program: [];

    fn preset_name(&self) -> Option<&'static str> {
        self.preset.map(Preset::name)
    }
}

impl TimeoutConfig {
    const fn contradictions(&self) -> [Option<BrokenRule>; 1] {
        [BrokenRule::unless(
            self.after.is_some() || self.preset.is_some(),
            "after",
            "`timeout` requires a duration, such as `\"2s\"`, or a `preset`",
        )]
    }
}

checked!(TimeoutConfig);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bounds::{MILLISECOND, YEAR};

    const fn config() -> TimeoutConfig {
        TimeoutConfig::new()
    }

    #[test]
    fn wants_a_duration_or_a_preset() {
        assert_eq!(config().check().map_err(|error| error.key), Err("after"));
        assert_eq!(config().after(MILLISECOND).check(), Ok(()));
        assert_eq!(config().after(YEAR).check(), Ok(()));
        assert!(config().after(Duration::ZERO).check().is_err());
        assert!(config().after(YEAR + MILLISECOND).check().is_err());
    }

    #[test]
    fn presets() {
        for (preset, seconds) in
            [(Preset::WebService, 5), (Preset::Database, 3), (Preset::ExternalApi, 10), (Preset::InternalService, 2)]
        {
            assert_eq!(config().preset(preset).resolve().after, Duration::from_secs(seconds));
            assert_eq!(config().preset(preset).check(), Ok(()));
        }
        assert_eq!(config().preset(Preset::Database).after(MILLISECOND).resolve().after, MILLISECOND);
        let expected = TimeoutSettings { after: Duration::from_secs(3), between: None, enabled: true };
        assert_eq!(config().preset(Preset::Database).resolve(), expected);
    }
}
