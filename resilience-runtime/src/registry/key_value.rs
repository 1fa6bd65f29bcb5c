//! A policy's keys and their values, as one would write them.

use resilience_config::Configurable;
use std::fmt;

/// A key and its value, as one would write them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct KeyValue {
    /// The key.
    pub key: &'static str,
    /// The value, without quotes: `30s`, `50`, `none`.
    pub value: String,
}

impl fmt::Display for KeyValue {
    /// `key = value`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}", self.key, self.value)
    }
}

/// Every key that has a value of its own, whether by default or in writing.
pub(crate) fn resolved<C: Configurable>(config: &C) -> Vec<KeyValue> {
    let settings = config.settings();
    C::KEYS.iter().filter_map(|key| key.show.map(|show| KeyValue { key: key.name, value: show(&settings) })).collect()
}

/// The keys that were written.
pub(super) fn written<C: Configurable>(config: &C) -> Vec<KeyValue> {
    let settings = config.settings();
    let value = |key: &resilience_config::Key<C>| match key.show {
        Some(show) => Some(show(&settings)),
        None if key.name == "preset" => config.preset_name().map(str::to_owned),
        // It stands for the value of another key, which shows it.
        None => None,
    };
    C::KEYS
        .iter()
        .filter(|key| (key.is_written)(config))
        .filter_map(|key| value(key).map(|value| KeyValue { key: key.name, value }))
        .collect()
}
