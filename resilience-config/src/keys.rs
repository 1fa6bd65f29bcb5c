//! The keys of a policy as a table, so that one can be set from text, laid over another and listed.

use crate::{ConfigError, Written};

/// A policy's configuration, key by key.
pub trait Configurable: Copy + PartialEq + Send + Sync + 'static {
    /// The same with every default applied.
    type Settings: Copy;

    /// Every key that can be written outside of the program, in the order in which its attribute is documented.
    const KEYS: &'static [Key<Self>];

    /// The keys of the attribute that are values of the program's own and cannot be written outside of it.
    const OF_THE_PROGRAM: &'static [&'static str];

    /// Nothing written.
    fn nothing() -> Self;

    /// With every default applied.
    fn settings(&self) -> Self::Settings;

    /// The rules that are broken.
    fn broken_rules(&self) -> Vec<ConfigError>;

    /// The preset, where one is written.
    fn preset_name(&self) -> Option<&'static str> {
        None
    }

    /// The key by which the value of `key` was decided: usually itself.
    fn decided_by(&self, key: &'static str) -> &'static str {
        key
    }
}

/// A row of a policy's table of keys.
pub struct Key<C: Configurable> {
    /// As it is written.
    pub name: &'static str,
    /// Whether a preset has a value for it.
    pub in_presets: bool,
    /// Reads its value. The error is a whole sentence that says what would be right.
    pub read: fn(&mut C, &Written<'_>) -> Result<(), String>,
    /// Whether it is written.
    pub is_written: fn(&C) -> bool,
    /// Takes its value from the second.
    pub copy: fn(&mut C, &C),
    /// Its value in force as one would write it; `None` of a key that only stands for others.
    pub show: Option<fn(&C::Settings) -> String>,
}

/// The key of that name.
#[must_use]
pub fn find_key<C: Configurable>(name: &str) -> Option<&'static Key<C>> {
    C::KEYS.iter().find(|key| key.name == name)
}

/// The implementation of [`Configurable`] from a list of keys, each with its type and how it appears: `shown`, `in_presets` (shown,
/// and a preset may say it) or `hidden` (it stands for others).
macro_rules! keys {
    (
        $config:ident => $settings:ident { $($key:ident: $type:ty, $how:ident;)* }
        of the program: [$($of_the_program:literal),*];
        $($items:item)*
    ) => {
        impl $crate::Configurable for $config {
            type Settings = $settings;

            const KEYS: &'static [$crate::Key<Self>] = &[$($crate::Key {
                name: stringify!($key),
                in_presets: keys!(@in_presets $how),
                read: |config, written| {
                    config.$key = Some(<$type as $crate::Value>::read(stringify!($key), written)?);
                    Ok(())
                },
                is_written: |config| config.$key.is_some(),
                copy: |config, other| config.$key = other.$key,
                show: keys!(@show $how $settings $key),
            },)*];

            const OF_THE_PROGRAM: &'static [&'static str] = &[$($of_the_program,)* "name", "map_rejection", "crate"];

            fn nothing() -> Self {
                Self::new()
            }

            fn settings(&self) -> $settings {
                self.resolve()
            }

            fn broken_rules(&self) -> Vec<$crate::ConfigError> {
                self.violations().into_iter().flatten().collect()
            }

            $($items)*
        }
    };
    (@in_presets in_presets) => { true };
    (@in_presets $how:ident) => { false };
    (@show hidden $settings:ident $key:ident) => { None };
    (@show $how:ident $settings:ident $key:ident) => { Some(|settings| $crate::Value::show(&settings.$key)) };
}
