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
            let is_said = (key.is_written)(&written) || has_preset && key.in_presets;
            if !is_said {
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
            /// Made once, and not for each static that begins with it.
            #[doc(hidden)]
            pub const NOTHING: Self = Self {
                $($key: None,)*
                $($hidden: None,)*
                $($field: $field_default,)?
            };

            /// Nothing written.
            pub const fn new() -> Self {
                Self::NOTHING
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

    /// The two values that the sentence about a key names.
    fn named_in(message: &str) -> Option<(&str, &str)> {
        let (_, bounds) = message.split_once(" must be between ")?;
        let (low, high) = bounds.split_once(" and ")?;
        Some((low.trim_matches(['`', '"']), high.trim_matches(['`', '"'])))
    }

    /// Of every key whose sentence names bounds: both are taken, and the nearest value beyond each is not.
    fn bounds_are_as_they_are_told<C: Configurable>(base: C) -> Vec<String> {
        let mut told = Vec::new();
        for key in C::KEYS {
            let refused = |text: &str| {
                let mut config = base;
                (key.read)(&mut config, &Written::of_text(text)).unwrap();
                let broken = config.broken_rules().into_iter();
                broken.filter(|rule| rule.key == key.name && rule.other.is_none()).map(|rule| rule.message).next()
            };
            let beyond_all = match key.takes {
                Takes::Count => "4294967295",
                Takes::Number => "1e9",
                Takes::Duration => "100000d",
                _ => continue,
            };
            let message = refused(beyond_all).unwrap_or_else(|| panic!("{} has no upper bound", key.name));
            let Some((low, high)) = named_in(message) else {
                assert_eq!(message, format!("`{}` must be greater than 0 and at most 100", key.name));
                for (text, is_refused) in [
                    ("0".to_owned(), true),
                    ("-1".to_owned(), true),
                    (f64::MIN_POSITIVE.to_string(), false),
                    ("100".to_owned(), false),
                    (100_f64.next_up().to_string(), true),
                ] {
                    assert_eq!(refused(&text), is_refused.then_some(message), "{} = {text}", key.name);
                }
                told.push(format!("{} above 0, at most 100", key.name));
                continue;
            };
            let (below, above) = match key.takes {
                Takes::Count => {
                    let [low, high]: [u32; 2] = [low, high].map(|text| text.parse().unwrap());
                    (low.checked_sub(1).map(|low| low.to_string()), (high + 1).to_string())
                }
                Takes::Number => {
                    let [low, high]: [f64; 2] = [low, high].map(|text| text.parse().unwrap());
                    (Some(low.next_down().to_string()), high.next_up().to_string())
                }
                _ => {
                    let nano = Duration::from_nanos(1);
                    let [low, high] = [low, high].map(|text| crate::parse_duration(text).unwrap());
                    let below = low.checked_sub(nano);
                    (below.map(|time| crate::Value::show(&time)), crate::Value::show(&(high + nano)))
                }
            };
            for allowed in [low, high] {
                assert_eq!(refused(allowed), None, "{} = {allowed}", key.name);
            }
            for beyond in below.iter().chain([&above]) {
                assert_eq!(refused(beyond), Some(message), "{} = {beyond}", key.name);
            }
            told.push(format!("{} {low} to {high}", key.name));
        }
        told
    }

    #[test]
    fn every_bound_is_the_one_that_its_sentence_names() {
        let told = [
            bounds_are_as_they_are_told(CircuitBreakerConfig::new()),
            bounds_are_as_they_are_told(RetryConfig::new()),
            bounds_are_as_they_are_told(TimeoutConfig::new().after(Duration::from_secs(1))),
            bounds_are_as_they_are_told(BulkheadConfig::new().max_queue(1)),
            bounds_are_as_they_are_told(RateLimitConfig::new().rate(Rate::per_second(1))),
        ];
        let expected = [
            "failure_rate above 0, at most 100
minimum_calls 1 to 1000000000
consecutive_failures 1 to 1000000
abandoned_after 1ms to 1h
slow_call 1us to 1h
slow_call_rate above 0, at most 100
open_for 1ms to 365d
open_backoff 1 to 100
max_open_for 1ms to 365d
open_jitter 0 to 1
half_open_calls 1 to 255
half_open_successes 1 to 255
half_open_timeout 1ms to 24h
max_keys 1 to 1000000",
            "attempts 1 to 100
delay 0s to 24h
factor 1 to 100
max_delay 1ms to 24h
max_elapsed 1ms to 365d
budget above 0, at most 100",
            "after 1ms to 365d
between 1ms to 365d",
            "max_concurrent 1 to 1000000
max_queue 0 to 1000000
max_wait 1ms to 24h
max_keys 1 to 1000000",
            "burst 1 to 1000000000
max_wait 0s to 1h
max_keys 1 to 1000000",
        ];
        assert_eq!(told.map(|of_policy| of_policy.join("\n")), expected);
    }

    /// What is said of the keys of a policy beside their bounds.
    fn table<C: Configurable>() -> String {
        let row = |key: &Key<C>| {
            let marks = [
                (key.off.is_some(), "may be off"),
                (!key.in_attribute, "in no attribute"),
                (key.in_presets, "in presets"),
                (key.show.is_none(), "stands for others"),
            ];
            let marks = marks.into_iter().filter(|(is_so, _)| *is_so).map(|(_, word)| format!(", {word}"));
            let takes = match key.takes {
                Takes::Word { of, .. } => of.to_owned(),
                takes => format!("{takes:?}"),
            };
            format!("{}: {takes}{}", key.name, marks.collect::<String>())
        };
        let rows = C::KEYS.iter().map(row).chain([format!("of the program: {}", C::OF_THE_PROGRAM.join(" "))]);
        rows.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_keys_of_every_policy_in_the_order_of_its_documentation() {
        assert_eq!(
            table::<CircuitBreakerConfig>(),
            "failure_rate: Number, in presets
minimum_calls: Count, in presets
window: Window
consecutive_failures: Count, may be off
abandoned_after: Duration, may be off
latency: Switch
slow_call: Duration, may be off
slow_call_rate: Number
open_for: Duration, in presets
open_backoff: Number
max_open_for: Duration
open_jitter: Number
half_open_calls: Count
half_open_successes: Count
half_open_timeout: Duration
mode: Mode
max_keys: Count
preset: Preset, stands for others
enabled: Switch, in no attribute, stands for others
of the program: key failure_if ignore_if trip_if name map_rejection classify stream classify_item crate"
        );
        assert_eq!(
            table::<RetryConfig>(),
            "attempts: Count
delay: Duration
backoff: Backoff
factor: Number
max_delay: Duration
jitter: Jitter
max_elapsed: Duration, may be off
retry_rejections: Rejections
budget: Number, may be off
enabled: Switch, in no attribute
of the program: retry_if retry_after on_retry name map_rejection classify stream classify_item crate"
        );
        assert_eq!(
            table::<TimeoutConfig>(),
            "after: Duration, in presets
between: Duration, may be off
enabled: Switch, in no attribute
preset: Preset, stands for others
of the program: name map_rejection classify stream classify_item crate"
        );
        assert_eq!(
            table::<BulkheadConfig>(),
            "max_concurrent: Count
max_queue: Count
max_wait: Duration, may be off
max_keys: Count
enabled: Switch, in no attribute
of the program: key name map_rejection classify stream classify_item crate"
        );
        assert_eq!(
            table::<RateLimitConfig>(),
            "rate: Rate
burst: Count
max_wait: Duration
max_keys: Count
enabled: Switch, in no attribute
of the program: key cost name map_rejection classify stream classify_item crate"
        );
    }

    #[test]
    fn a_key_is_found_by_its_whole_name() {
        for key in CircuitBreakerConfig::KEYS {
            assert_eq!(find_key::<CircuitBreakerConfig>(key.name).map(|found| found.name), Some(key.name));
        }
        for none in ["", "windo", "window_", "attempts", "key", "Window"] {
            assert!(find_key::<CircuitBreakerConfig>(none).is_none(), "{none}");
        }
    }

    /// Written beats a preset, and a preset beats what is laid under both.
    #[test]
    fn what_is_laid_under_fills_what_is_not_written_and_no_preset_says() {
        let defaults =
            TimeoutConfig::new().after(Duration::from_secs(9)).between(Duration::from_secs(8)).enabled(false);
        let laid = |mut config: TimeoutConfig| {
            config.lay_over(&defaults);
            let settings = config.settings();
            (settings.after.as_secs(), settings.between.map(|time| time.as_secs()), settings.enabled)
        };
        assert_eq!(laid(TimeoutConfig::new()), (9, Some(8), false));
        assert_eq!(laid(TimeoutConfig::new().after(Duration::from_secs(1))), (1, Some(8), false));
        assert_eq!(laid(TimeoutConfig::new().no_between().enabled(true)), (9, None, true));
        assert_eq!(laid(TimeoutConfig::new().preset(crate::Preset::Database)), (3, Some(8), false));
        let mut unchanged = TimeoutConfig::new().after(Duration::from_secs(1));
        unchanged.lay_over(&TimeoutConfig::new());
        let written = TimeoutConfig::KEYS.iter().filter(|key| (key.is_written)(&unchanged));
        assert_eq!(written.map(|key| key.name).collect::<Vec<_>>(), ["after"]);
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
