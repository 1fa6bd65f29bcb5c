//! One row a key: what it takes, its bounds, its default and what is said about it stand once, in the table of its policy.
//!
//! The configuration, its setters, its settings, the reading of files and variables, the runtime's builders and the attributes are all made
//! of that row.

use crate::{BrokenRule, Written};

/// A policy's configuration, key by key.
#[doc(hidden)]
pub trait Configurable: Copy + Default + PartialEq + Send + Sync + 'static {
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
    fn broken_rules(&self) -> Vec<BrokenRule>;

    /// The preset, where one is written.
    fn preset_name(&self) -> Option<&'static str> {
        None
    }

    /// Takes from `defaults` what is not written here, and no preset says.
    fn lay_over(&mut self, defaults: &Self) {
        let written = *self;
        let has_preset = written.preset_name().is_some();
        for key in Self::KEYS {
            if !(key.is_written)(&written) && (key.is_written)(defaults) && !(has_preset && key.in_presets) {
                (key.copy)(self, defaults);
            }
        }
        self.yield_to(&written);
    }

    /// Has the defaults that were laid under what is `written` yield to it, as built-in ones do.
    fn yield_to(&mut self, written: &Self) {
        let _ = written;
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
    /// The kind of value.
    pub takes: Takes,
    /// The setter that turns it off, of a key that takes `none` too.
    pub off: Option<&'static str>,
    /// Whether an attribute has it, too.
    pub in_attribute: bool,
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

/// What a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// A whole number.
    Count,
    /// A number with or without a decimal point.
    Number,
    /// `true` or `false`.
    Switch,
    /// A duration in a string.
    Duration,
    /// A duration, a number of calls, or `none`.
    Window,
    /// A word, or a share.
    Jitter,
    /// A list of kinds of rejections.
    Rejections,
    /// So many calls in so much time.
    Rate,
    /// One of a few words, each of which is a variant of an enum.
    Word {
        /// The enum.
        of: &'static str,
        /// The words.
        words: &'static [&'static str],
    },
}

/// The key of that name.
#[must_use]
pub fn find_key<C: Configurable>(name: &str) -> Option<&'static Key<C>> {
    C::KEYS.iter().find(|key| key.name == name)
}

/// Whether `name` is among the names, for a constant.
pub(crate) const fn is_among(name: &str, names: &[&str]) -> bool {
    let mut at = 0;
    while at < names.len() {
        if is_same(name.as_bytes(), names[at].as_bytes()) {
            return true;
        }
        at += 1;
    }
    false
}

const fn is_same(a: &[u8], b: &[u8]) -> bool {
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}

/// A policy's table of keys, and all that is made of it.
///
/// A row is `name: type [bounds] = default`. Where it is `name or no_name: …`, the setting may be off, which is written `none`, and
/// `no_name` is the setter for that. The bounds are `low..=high`, `percentage`, `any`, or a function and the sentence for what it refuses. A
/// default may look at what else is `written`. The rows under `standing for others` have no setting of their own, and those under `also settled`
/// are settings without a key.
///
/// The macro `$table!` hands the documented rows to another one, from which the runtime's builders are made.
macro_rules! keys {
    (
        $d:tt $table:ident of $written:ident
        $(#[$config_doc:meta])* $config:ident
        $(#[$settings_doc:meta])* $settings:ident {
            $($(#[$doc:meta])* $key:ident $(or $off:ident)?: $type:ident [$($bounds:tt)*] = $default:expr;)*
        }
        standing for others { $($(#[$hidden_doc:meta])* $hidden:ident: $hidden_type:ident;)* }
        $(also settled {
            $($(#[$extra_doc:meta])* $extra:ident: $extra_type:ty = $extra_value:expr;)*
        } by $finish:ident)?
        $(beside { $(#[$field_doc:meta])* $field:ident: $field_type:ty = $field_default:expr; })?
        in presets: $in_presets:tt;
        outside of attributes: $outside:tt;
        of the program: [$($of_the_program:literal),*];
        $($items:item)*
    ) => {
        $(#[$config_doc])*
        #[derive(Clone, Copy, Debug)]
        #[must_use]
        pub struct $config {
            $($key: Option<keys!(@stored $type $($off)?)>,)*
            $($hidden: Option<$hidden_type>,)*
            $($field: $field_type,)?
        }

        $(#[$settings_doc])*
        #[derive(Clone, Copy, Debug, PartialEq)]
        #[non_exhaustive]
        pub struct $settings {
            $($(#[$doc])* pub $key: keys!(@stored $type $($off)?),)*
            $($($(#[$extra_doc])* pub $extra: $extra_type,)*)?
        }

        /// The setters: one a key, named like it.
        impl $config {
            /// Nothing written.
            pub const fn new() -> Self {
                Self {
                    $($key: None,)*
                    $($hidden: None,)*
                    $($field: $field_default,)?
                }
            }

            $(
                $(#[$doc])*
                pub const fn $key(mut self, value: $type) -> Self {
                    self.$key = Some(keys!(@store value $($off)?));
                    self
                }

                $(
                    #[doc = concat!("Turns `", stringify!($key), "` off: it is written `none`.")]
                    pub const fn $off(mut self) -> Self {
                        self.$key = Some(None);
                        self
                    }
                )?
            )*

            $(
                $(#[$hidden_doc])*
                pub const fn $hidden(mut self, value: $hidden_type) -> Self {
                    self.$hidden = Some(value);
                    self
                }
            )*

            $(
                $(#[$field_doc])*
                #[doc(hidden)]
                pub const fn $field(mut self, value: $field_type) -> Self {
                    self.$field = value;
                    self
                }
            )?

            /// Applies the defaults. The result means something only for a configuration that [`check`](Self::check) accepts.
            #[doc(hidden)]
            pub const fn resolve(&self) -> $settings {
                let $written = self;
                let settings = $settings {
                    $($key: or!($written.$key, $default),)*
                    $($($extra: $extra_value,)*)?
                };
                $(let settings = $written.$finish(settings);)?
                settings
            }

            /// The bounds in turn: `None` where a value is within its own, or is not written.
            const fn out_of_bounds(&self) -> [Option<$crate::BrokenRule>; [$(stringify!($key)),*].len()] {
                [$(match self.$key {
                    Some(keys!(@pattern value $($off)?)) => keys!(@bounds $key value $type [$($bounds)*]),
                    _ => None,
                },)*]
            }
        }

        impl $crate::Configurable for $config {
            type Settings = $settings;

            const KEYS: &'static [$crate::Key<Self>] = &[
                $($crate::Key {
                    show: Some(|settings| $crate::Value::show(&settings.$key)),
                    off: keys!(@off $($off)?),
                    ..keys!(@row $key $type $in_presets $outside)
                },)*
                $(keys!(@row $hidden $hidden_type $in_presets $outside),)*
            ];

            const OF_THE_PROGRAM: &'static [&'static str] = &[
                $($of_the_program,)*
                "name", "map_rejection", "classify", "stream", "classify_item", "crate",
            ];

            fn nothing() -> Self {
                Self::new()
            }

            fn settings(&self) -> $settings {
                self.resolve()
            }

            fn broken_rules(&self) -> Vec<$crate::BrokenRule> {
                self.violations()
            }

            $($items)*
        }

        /// Hands every key, as `/// what it is` `key or no_key: Type;`, to the macro that is named, after what else it is given.
        #[doc(hidden)]
        #[macro_export]
        macro_rules! $table {
            ($d with:ident! { $d($d given:tt)* }) => {
                $d with! {
                    $d($d given)*
                    $($(#[$doc])* $key $(or $off)?: $type;)*
                    $($(#[$hidden_doc])* $hidden: $hidden_type;)*
                }
            };
        }
    };
    (@stored $type:ident) => { $type };
    (@stored $type:ident $off:ident) => { Option<$type> };
    (@store $value:ident) => { $value };
    (@store $value:ident $off:ident) => { Some($value) };
    (@pattern $value:ident) => { $value };
    (@pattern $value:ident $off:ident) => { Some($value) };
    (@off) => { None };
    (@off $off:ident) => { Some(stringify!($off)) };
    (@row $key:ident $type:ident [$($in_presets:ident),*] [$($outside:ident),*]) => {
        $crate::Key {
            name: stringify!($key),
            takes: <$type as $crate::Value>::TAKES,
            off: None,
            in_attribute: !$crate::keys::is_among(stringify!($key), &[$(stringify!($outside)),*]),
            in_presets: $crate::keys::is_among(stringify!($key), &[$(stringify!($in_presets)),*]),
            read: |config, written| {
                config.$key = Some($crate::Value::read(stringify!($key), written)?);
                Ok(())
            },
            is_written: |config| config.$key.is_some(),
            copy: |config, other| config.$key = other.$key,
            show: None,
        }
    };
    (@bounds $key:ident $value:ident $type:ident [any]) => {{
        let _ = $value;
        None
    }};
    (@bounds $key:ident $value:ident f64 [percentage]) => {
        BrokenRule::unless(
            $crate::bounds::is_percentage($value),
            stringify!($key),
            concat!("`", stringify!($key), "` must be greater than 0 and at most 100"),
        )
    };
    (@bounds $key:ident $value:ident u32 [$low:literal..=$high:literal]) => {
        BrokenRule::unless(
            $crate::bounds::between($value, $low, $high),
            stringify!($key),
            concat!("`", stringify!($key), "` must be between ", $low, " and ", $high),
        )
    };
    (@bounds $key:ident $value:ident f64 [$low:literal..=$high:literal]) => {
        BrokenRule::unless(
            $crate::bounds::number_between($value, $low as f64, $high as f64),
            stringify!($key),
            concat!("`", stringify!($key), "` must be between ", $low, " and ", $high),
        )
    };
    (@bounds $key:ident $value:ident Duration [$low:literal..=$high:literal]) => {
        BrokenRule::unless(
            $crate::bounds::time_between($value, $crate::bounds::time($low), $crate::bounds::time($high)),
            stringify!($key),
            concat!("`", stringify!($key), "` must be between `\"", $low, "\"` and `\"", $high, "\"`"),
        )
    };
    (@bounds $key:ident $value:ident $type:ident [$holds:ident, $message:literal]) => {
        BrokenRule::unless($holds($value), stringify!($key), $message)
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BulkheadConfig, CircuitBreakerConfig, Rate, RateLimitConfig, RetryConfig, TimeoutConfig};
    use std::time::Duration;

    /// What a file, a variable and a snapshot say of each key is read as what it is, is within its bounds and changes no default.
    fn defaults_are_read_back<C: Configurable + std::fmt::Debug>(base: C) {
        let settings = base.settings();
        for key in C::KEYS {
            let Some(show) = key.show else { continue };
            let (shown, mut config) = (show(&settings), base);
            (key.read)(&mut config, &Written::of_text(&shown)).unwrap();
            assert!((key.is_written)(&config), "{}", key.name);
            assert_eq!(show(&config.settings()), shown, "{}", key.name);
            // A rate wants its threshold beside it, whichever it is.
            let broken = config.broken_rules().into_iter().filter(|rule| rule.other != Some("slow_call"));
            assert_eq!(broken.count(), 0, "{} = {shown}", key.name);
            let mut copied = base;
            (key.copy)(&mut copied, &config);
            assert_eq!(copied, config, "{}", key.name);
            assert_eq!(
                key.off.is_some(),
                (key.read)(&mut config, &Written::Word("none".into())).is_ok()
                    && key.takes != Takes::Window
                    && key.takes != Takes::Jitter,
                "{}",
                key.name
            );
        }
        let names: Vec<&str> = C::KEYS.iter().map(|key| key.name).collect();
        assert!(names.iter().enumerate().all(|(nth, name)| !names[..nth].contains(name)), "{names:?}");
    }

    #[test]
    fn a_name_is_among_names_that_are_the_same_to_the_last_letter() {
        let names = ["rate", "delay", "burst"];
        for (name, expected) in [
            ("rate", true),
            ("delay", true),
            ("burst", true),
            ("", false),
            ("rat", false),
            ("rates", false),
            ("dalay", false),
            ("Burst", false),
        ] {
            assert_eq!(is_among(name, &names), expected, "{name}");
        }
        assert!(!is_among("rate", &[]) && is_among("", &[""]));
    }

    #[test]
    fn every_default_is_a_value_that_its_key_takes() {
        defaults_are_read_back(CircuitBreakerConfig::new());
        defaults_are_read_back(RetryConfig::new());
        defaults_are_read_back(TimeoutConfig::new().after(Duration::from_secs(1)));
        defaults_are_read_back(BulkheadConfig::new());
        defaults_are_read_back(RateLimitConfig::new().rate(Rate::per_second(1)));
    }
}
