use std::time::Duration;

use crate::{
    ConfigError, Preset,
    bounds::{MILLISECOND, YEAR, time_between},
};

/// The keys of a timeout, as far as they were written.
///
/// | key | default | bounds |
/// |---|---|---|
/// | `after` | the preset's; without one it has to be written | 1 ms to 365 days |
/// | `enabled` | true | not enabled, it lets every call pass and counts nothing |
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct TimeoutConfig {
    enabled: Option<bool>,
    after: Option<Duration>,
    preset: Option<Preset>,
}

/// A [`TimeoutConfig`] with every default applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TimeoutSettings {
    /// Whether it does anything.
    pub enabled: bool,
    /// How long a call may take.
    pub after: Duration,
}

impl TimeoutConfig {
    /// Nothing written.
    pub const fn new() -> Self {
        Self { enabled: None, after: None, preset: None }
    }

    /// Whether it does anything: one that does not lets every call pass and counts nothing.
    pub const fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = Some(enabled);
        self
    }

    /// How long a call may take.
    pub const fn after(mut self, time: Duration) -> Self {
        self.after = Some(time);
        self
    }

    /// Another default.
    pub const fn preset(mut self, preset: Preset) -> Self {
        self.preset = Some(preset);
        self
    }

    /// How many rules there are.
    pub const RULES: usize = 2;

    /// Applies the defaults. The result means something only for a configuration that [`check`](Self::check) accepts.
    pub const fn resolve(&self) -> TimeoutSettings {
        let by_preset = match self.preset {
            Some(preset) => preset.timeout(),
            None => Duration::ZERO,
        };
        TimeoutSettings { enabled: or!(self.enabled, true), after: or!(self.after, by_preset) }
    }

    /// Every rule in turn: `None` where it holds.
    pub const fn violations(&self) -> [Option<ConfigError>; Self::RULES] {
        [
            ConfigError::unless(
                self.after.is_some() || self.preset.is_some(),
                "after",
                "a `timeout` wants a duration, such as \"2s\", or a `preset`",
            ),
            ConfigError::unless(
                self.after.is_none() || time_between(self.resolve().after, MILLISECOND, YEAR),
                "after",
                "`timeout` takes a duration, \"1ms\" to \"365d\"",
            ),
        ]
    }
}

checked!(TimeoutConfig);

keys! {
    TimeoutConfig => TimeoutSettings {
        after: Duration, in_presets;
        preset: Preset, hidden;
        enabled: bool, shown;
    }
    of the program: [];

    fn preset_name(&self) -> Option<&'static str> {
        self.preset.map(Preset::name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    }
}
