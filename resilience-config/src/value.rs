//! The values of keys as text: how one is read, what is said where it cannot be, and how one is shown.
//!
//! The macros bring the literals of an attribute here and the runtime the values of a file or of the environment, so that
//! both read the same and say the same.

use std::{borrow::Cow, error::Error, fmt, str::FromStr, time::Duration};

use crate::{Backoff, Jitter, Mode, Preset, Rate, Rejections, Takes, Window, nearest, parse_duration};

/// A value as somebody wrote it, before it is known what is wanted.
#[derive(Clone, Debug, PartialEq)]
pub enum Written<'a> {
    /// `30`
    Whole(i128),
    /// `0.5`
    Number(f64),
    /// A text in quotes, where a word stands without them.
    Text(Cow<'a, str>),
    /// A word without quotes.
    Word(Cow<'a, str>),
    /// A text or a word, where both are written in the same way.
    TextOrWord(Cow<'a, str>),
    /// `true` or `false`
    Switch(bool),
    /// `[…]`
    List(Vec<Written<'a>>),
    /// Something that no key takes.
    Other,
}

impl<'a> Written<'a> {
    /// Reads a value that is all text, such as that of an environment variable: `30`, `0.5`, `true`, `[a, b]`, and anything else as
    /// a text or a word.
    #[must_use]
    pub fn of_text(text: &'a str) -> Self {
        let text = text.trim();
        if let Ok(whole) = text.parse() {
            Self::Whole(whole)
        } else if let Some(number) = text.parse().ok().filter(|_| text.starts_with(|c: char| !c.is_alphabetic())) {
            Self::Number(number)
        } else if let Ok(switch) = text.parse() {
            Self::Switch(switch)
        } else if let Some(list) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
            let elements = list.split(',').map(str::trim).filter(|element| !element.is_empty());
            Self::List(elements.map(|element| Self::TextOrWord(element.trim_matches('"').into())).collect())
        } else {
            Self::TextOrWord(text.into())
        }
    }
}

/// A kind of value that a key takes.
#[doc(hidden)]
pub trait Value: Sized {
    /// Which kind it is.
    const TAKES: Takes;

    /// Reads what was written for `key`.
    ///
    /// # Errors
    ///
    /// What `key` takes instead, in a whole sentence.
    fn read(key: &str, written: &Written<'_>) -> Result<Self, String>;

    /// As one would write it, without quotes.
    fn show(&self) -> String;
}

/// A whole number. One that is too large for its type is as large as can be, so that the rule about its key refuses it.
impl Value for u32 {
    const TAKES: Takes = Takes::Count;

    fn read(key: &str, written: &Written<'_>) -> Result<Self, String> {
        match written {
            Written::Whole(number @ 0..) => Ok(u32::try_from(*number).unwrap_or(u32::MAX)),
            Written::Whole(_) => Err(format!("`{key}` must not be negative")),
            Written::Text(text) if text.parse::<u32>().is_ok() => {
                Err(format!("`{key}` must be a whole number, without quotes"))
            }
            _ => Err(format!("`{key}` must be a whole number")),
        }
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

/// A number with or without a decimal point.
impl Value for f64 {
    const TAKES: Takes = Takes::Number;

    fn read(key: &str, written: &Written<'_>) -> Result<Self, String> {
        match written {
            Written::Whole(number) => Ok(*number as f64),
            Written::Number(number) => Ok(*number),
            _ => Err(format!("`{key}` must be a number, without quotes")),
        }
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for bool {
    const TAKES: Takes = Takes::Switch;

    fn read(key: &str, written: &Written<'_>) -> Result<Self, String> {
        match written {
            Written::Switch(switch) => Ok(*switch),
            _ => Err(format!("`{key}` must be `true` or `false`, without quotes")),
        }
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for Duration {
    const TAKES: Takes = Takes::Duration;

    fn read(key: &str, written: &Written<'_>) -> Result<Self, String> {
        match written {
            Written::Text(text) | Written::TextOrWord(text) => parse_duration(text).map_err(|error| error.to_string()),
            Written::Whole(number @ 0..) => {
                Err(format!("`{key}` needs a unit: write `\"{number}ms\"` or `\"{number}s\"`"))
            }
            _ => Err(format!("`{key}` must be a duration such as `\"250ms\"`, `\"5s\"` or `\"1m30s\"`")),
        }
    }

    /// In units of fixed length: `1m30s`, `250ms`, `1d`.
    fn show(&self) -> String {
        const UNITS: [(u128, &str); 7] = [
            (86_400_000_000_000, "d"),
            (3_600_000_000_000, "h"),
            (60_000_000_000, "m"),
            (1_000_000_000, "s"),
            (1_000_000, "ms"),
            (1_000, "us"),
            (1, "ns"),
        ];
        let mut left = self.as_nanos();
        let mut text = String::new();
        for (nanos, unit) in UNITS {
            if left >= nanos {
                text += &format!("{}{unit}", left / nanos);
                left %= nanos;
            }
        }
        if text.is_empty() { "0s".to_owned() } else { text }
    }
}

/// A duration, a number of calls, or `none`.
impl Value for Window {
    const TAKES: Takes = Takes::Window;

    fn read(key: &str, written: &Written<'_>) -> Result<Self, String> {
        match written {
            Written::Word(word) | Written::TextOrWord(word) if word == "none" => Ok(Self::None),
            Written::Text(_) | Written::TextOrWord(_) => Duration::read(key, written).map(Self::Time),
            Written::Whole(0..) => u32::read(key, written).map(Self::Count),
            _ => {
                Err(format!("`{key}` must be a duration such as `\"10s\"`, a number of calls such as `100`, or `none`"))
            }
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Time(time) => time.show(),
            Self::Count(calls) => calls.show(),
            Self::None => "none".to_owned(),
        }
    }
}

/// `none`, `equal`, `full`, or a number.
impl Value for Jitter {
    const TAKES: Takes = Takes::Jitter;

    fn read(key: &str, written: &Written<'_>) -> Result<Self, String> {
        match written {
            Written::Whole(_) | Written::Number(_) => f64::read(key, written).map(Self::Share),
            Written::Word(_) | Written::Text(_) | Written::TextOrWord(_) => read_word(key, written, &Self::NAMED),
            _ => Err(format!("`{key}` must be `none`, `equal`, `full` or a share between 0 and 1")),
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Share(share) => share.show(),
            named => show_word(named, &Self::NAMED),
        }
    }
}

/// A list of kinds of rejections.
impl Value for Rejections {
    const TAKES: Takes = Takes::Rejections;

    fn read(key: &str, written: &Written<'_>) -> Result<Self, String> {
        let Written::List(list) = written else {
            let names: Vec<&str> = Self::of_key(key).iter().map(|(name, _)| *name).collect();
            return Err(format!("`{key}` must be a list such as `[timed_out]`, with any of {}", listed(&names)));
        };
        list.iter().try_fold(Self::NONE, |set, element| set.with_written(key, element))
    }

    fn show(&self) -> String {
        format!("[{}]", self.names().collect::<Vec<_>>().join(", "))
    }
}

impl Rejections {
    /// Those that the list of `key` can name: what is `unsuccessful` is known to a fallback alone.
    fn of_key(key: &str) -> &'static [(&'static str, Self)] {
        let (_, rejected) = Self::ALL.split_last().expect("there are kinds");
        if key == "on" { &Self::ALL } else { rejected }
    }

    /// The set with one more, as it was written in the list of `key`.
    ///
    /// # Errors
    ///
    /// A word that is no kind of rejection, or one that is in the set already.
    #[doc(hidden)]
    pub fn with_written(self, key: &str, written: &Written<'_>) -> Result<Self, String> {
        match read_word(key, written, Self::of_key(key))? {
            kind if self.contains(kind) => Err("this value is already in the list".to_owned()),
            kind => Ok(self.and(kind)),
        }
    }
}

/// So many calls in so much time.
impl Value for Rate {
    const TAKES: Takes = Takes::Rate;

    fn read(_: &str, written: &Written<'_>) -> Result<Self, String> {
        match written {
            Written::Text(text) | Written::TextOrWord(text) => Self::parse(text).map_err(|error| error.to_string()),
            Written::Whole(number @ 0..) => {
                Err(format!("missing unit of time; write `\"{number}/s\"` or `\"{number}/min\"`"))
            }
            _ => Err("expected a rate such as `\"100/s\"`, `\"10/min\"` or `\"1/30s\"`".to_owned()),
        }
    }

    fn show(&self) -> String {
        let per = match self.per.as_secs() {
            _ if self.per.subsec_nanos() > 0 => self.per.show(),
            1 => "s".to_owned(),
            60 => "min".to_owned(),
            3600 => "h".to_owned(),
            _ => self.per.show(),
        };
        format!("{}/{per}", self.count)
    }
}

/// A setting that may be off: `none`.
impl<T: Value> Value for Option<T> {
    const TAKES: Takes = T::TAKES;

    fn read(key: &str, written: &Written<'_>) -> Result<Self, String> {
        match written {
            Written::Word(word) | Written::TextOrWord(word) if word == "none" => Ok(None),
            written => T::read(key, written).map(Some),
        }
    }

    fn show(&self) -> String {
        self.as_ref().map_or_else(|| "none".to_owned(), T::show)
    }
}

/// One of a few words.
macro_rules! words {
    ($($type:ty)*) => {
        $(impl Value for $type {
            const TAKES: Takes = Takes::Word {
                of: stringify!($type),
                words: &words(&Self::ALL),
            };

            fn read(key: &str, written: &Written<'_>) -> Result<Self, String> {
                read_word(key, written, &Self::ALL)
            }

            fn show(&self) -> String {
                show_word(self, &Self::ALL)
            }
        })*
    };
}

words! { Mode Preset Backoff }

/// A text that is no value of its kind. As text it says what would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidValue {
    message: String,
}

impl fmt::Display for InvalidValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for InvalidValue {}

/// The grammar of the attributes, without quotes, for whoever reads a value from elsewhere.
macro_rules! texts {
    ($($type:ty, $key:literal;)*) => {
        $(
            /// As an attribute or a file takes it, without quotes.
            impl FromStr for $type {
                type Err = InvalidValue;

                fn from_str(text: &str) -> Result<Self, InvalidValue> {
                    Self::read($key, &Written::of_text(text)).map_err(|message| InvalidValue { message })
                }
            }

            /// As an attribute or a file takes it, without quotes.
            impl fmt::Display for $type {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.pad(&self.show())
                }
            }
        )*
    };
}

texts! {
    Rate, "rate";
    Window, "window";
    Jitter, "jitter";
    Backoff, "backoff";
    Mode, "mode";
    Preset, "preset";
    Rejections, "on";
}

/// One of a few words, each of which stands for a value.
///
/// # Errors
///
/// The nearest word, or all of them.
pub fn read_word<T: Copy>(key: &str, written: &Written<'_>, known: &[(&'static str, T)]) -> Result<T, String> {
    let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    let takes = || format!("`{key}` must be {}", listed(&names));
    match written {
        Written::Word(word) | Written::TextOrWord(word) => match known.iter().find(|(name, _)| name == word) {
            Some((_, value)) => Ok(*value),
            None => Err(match nearest(word, &names) {
                Some(meant) => format!("unknown value `{word}` for `{key}`; did you mean `{meant}`?"),
                None => takes(),
            }),
        },
        Written::Text(text) if names.contains(&&**text) => {
            Err(format!("expected a word without quotes; write `{key} = {text}`"))
        }
        _ => Err(takes()),
    }
}

const fn words<T: Copy, const N: usize>(known: &[(&'static str, T); N]) -> [&'static str; N] {
    let (mut words, mut at) = ([""; N], 0);
    while at < N {
        words[at] = known[at].0;
        at += 1;
    }
    words
}

fn show_word<T: PartialEq>(value: &T, known: &[(&'static str, T)]) -> String {
    known.iter().find(|(_, other)| other == value).map_or_else(String::new, |(name, _)| (*name).to_owned())
}

/// `` `a`, `b` or `c` ``
#[must_use]
pub fn listed(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

/// Keys that had another name, and what they are called now.
const RENAMED: [(&str, &str); 1] = [("queue_timeout", "max_wait")];

/// What is said of a key that `policy` does not have.
#[must_use]
pub fn unknown_key(policy: &str, key: &str, known: &[&str]) -> String {
    let renamed = RENAMED.iter().find(|(before, now)| *before == key && known.contains(now));
    let instead = match renamed.map(|(_, now)| *now).or_else(|| nearest(key, known)) {
        Some(meant) if renamed.is_some() => format!("it is called `{meant}` now"),
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("expected {}", listed(known)),
    };
    format!("unknown key `{key}` for `{policy}`; {instead}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(text: &str) -> Written<'_> {
        Written::of_text(text)
    }

    #[test]
    fn what_is_shown_is_read_as_the_same() {
        fn round<T: Value + PartialEq + std::fmt::Debug>(value: T, shown: &str) {
            assert_eq!(value.show(), shown);
            assert_eq!(T::read("key", &Written::of_text(shown)), Ok(value), "{shown}");
        }
        round(7_u32, "7");
        round(0.5, "0.5");
        round(30.0, "30");
        round(false, "false");
        round(Duration::ZERO, "0s");
        round(Duration::from_millis(90_250), "1m30s250ms");
        round(Duration::from_secs(365 * 86_400), "365d");
        round(Window::Time(Duration::from_secs(10)), "10s");
        round(Window::Count(100), "100");
        round(Window::None, "none");
        round(Mode::Monitor, "monitor");
        round(Preset::ExternalApi, "external_api");
        round(Backoff::Fibonacci, "fibonacci");
        round(Jitter::Equal, "equal");
        round(Jitter::Share(0.25), "0.25");
        round(Rejections::NONE, "[]");
        round(Rejections::TIMED_OUT.and(Rejections::RATE_LIMITED), "[timed_out, rate_limited]");
        round(Rate::per_minute(10), "10/min");
    }

    /// Each unit alone, what is just below it, and all of them together.
    #[test]
    fn a_duration_is_shown_in_units_the_largest_first() {
        let (minute, hour, day) = (60_000_000_000, 3_600_000_000_000, 86_400_000_000_000);
        for (nanos, shown) in [
            (0, "0s"),
            (1, "1ns"),
            (999, "999ns"),
            (1000, "1us"),
            (1001, "1us1ns"),
            (999_999, "999us999ns"),
            (1_000_000, "1ms"),
            (1_000_000_000 - 1_000_000, "999ms"),
            (1_000_000_000, "1s"),
            (minute - 1_000_000_000, "59s"),
            (minute, "1m"),
            (hour - minute, "59m"),
            (hour, "1h"),
            (day - hour, "23h"),
            (day, "1d"),
            (8 * day, "8d"),
            (day + hour + minute + 1_001_001_001, "1d1h1m1s1ms1us1ns"),
        ] {
            let time = Duration::from_nanos(nanos);
            assert_eq!(time.show(), shown);
            assert_eq!(crate::parse_duration(shown), Ok(time), "{shown}");
        }
    }

    #[test]
    fn a_text_is_what_it_looks_like() {
        let word = |text: &'static str| Written::TextOrWord(text.into());
        for (written, expected) in [
            ("30", Written::Whole(30)),
            (" 30 ", Written::Whole(30)),
            ("-3", Written::Whole(-3)),
            ("0.5", Written::Number(0.5)),
            ("-0.5", Written::Number(-0.5)),
            (".5", Written::Number(0.5)),
            ("1e3", Written::Number(1000.0)),
            ("true", Written::Switch(true)),
            ("false", Written::Switch(false)),
            ("True", word("True")),
            // What a number's grammar knows as words is none here.
            ("inf", word("inf")),
            ("NaN", word("NaN")),
            ("10s", word("10s")),
            ("", word("")),
            ("[]", Written::List(vec![])),
            ("[ , ]", Written::List(vec![])),
            ("[a]", Written::List(vec![word("a")])),
            ("[a, \"b\" ,c,]", Written::List(vec![word("a"), word("b"), word("c")])),
            ("[a", word("[a")),
            ("a]", word("a]")),
        ] {
            assert_eq!(text(written), expected, "{written}");
        }
    }

    #[test]
    fn a_count_beyond_its_type_is_the_largest_of_it() {
        let count = |whole| u32::read("calls", &Written::Whole(whole));
        assert_eq!((count(0), count(1)), (Ok(0), Ok(1)));
        let largest = i128::from(u32::MAX);
        assert_eq!(
            [largest - 1, largest, largest + 1, i128::MAX].map(count),
            [u32::MAX - 1, u32::MAX, u32::MAX, u32::MAX].map(Ok)
        );
    }

    #[test]
    fn a_rate_is_shown_by_the_word_for_its_time() {
        for (per, shown) in [
            (Duration::from_secs(1), "7/s"),
            (Duration::from_secs(60), "7/min"),
            (Duration::from_secs(3600), "7/h"),
            (Duration::from_secs(2), "7/2s"),
            (Duration::from_secs(61), "7/1m1s"),
            (Duration::from_millis(1500), "7/1s500ms"),
            (Duration::new(60, 1), "7/1m1ns"),
            (Duration::new(3600, 1_000_000), "7/1h1ms"),
        ] {
            let rate = Rate::new(7, per);
            assert_eq!((rate.to_string(), shown.parse()), (shown.to_owned(), Ok(rate)));
        }
    }

    #[test]
    fn what_is_shown_keeps_to_a_width() {
        assert_eq!(format!("[{:>9}] [{:<9}]", Mode::Off, Jitter::Full), "[      off] [full     ]");
    }

    #[test]
    fn a_list_names_the_last_after_or() {
        assert_eq!(listed(&[]), "");
        assert_eq!(listed(&["a"]), "`a`");
        assert_eq!(listed(&["a", "b"]), "`a` or `b`");
        assert_eq!(listed(&["a", "b", "c"]), "`a`, `b` or `c`");
    }

    /// Only a fallback can answer for what is `unsuccessful`.
    #[test]
    fn a_list_of_rejections_takes_the_words_of_its_key() {
        fn read(key: &str, list: &str) -> Result<Rejections, String> {
            Rejections::read(key, &text(list))
        }
        assert_eq!(read("on", "[unsuccessful]"), Ok(Rejections::UNSUCCESSFUL));
        assert!(read("retry_rejections", "[unsuccessful]").is_err());
        for (name, kind) in &Rejections::ALL[..4] {
            assert_eq!(read("retry_rejections", &format!("[{name}]")), Ok(*kind));
        }
        let words = |key| read(key, "timed_out").unwrap_err();
        assert_eq!(
            words("on"),
            "`on` must be a list such as `[timed_out]`, with any of `circuit_open`, `timed_out`, `bulkhead_full`, `rate_limited` or `unsuccessful`"
        );
        assert!(words("retry_rejections").ends_with("`bulkhead_full` or `rate_limited`"));
    }

    /// In an attribute a word stands without quotes and a duration in them; where all is text, both are the same.
    #[test]
    fn quotes_are_for_what_is_no_word() {
        let (quoted, word) =
            (|text: &'static str| Written::Text(text.into()), |text: &'static str| Written::Word(text.into()));
        assert_eq!(Window::read("window", &word("none")), Ok(Window::None));
        assert_eq!(Window::read("window", &text("none")), Ok(Window::None));
        assert!(Window::read("window", &quoted("none")).is_err());
        assert!(Window::read("window", &word("never")).is_err());
        assert_eq!(Window::read("window", &quoted("3s")), Ok(Window::Time(Duration::from_secs(3))));
        assert_eq!(Window::read("window", &Written::Whole(0)), Ok(Window::Count(0)));
        assert!(Window::read("window", &Written::Whole(-1)).unwrap_err().contains("or `none`"));
        assert_eq!(Option::<u32>::read("budget", &word("none")), Ok(None));
        assert_eq!(Option::<u32>::read("budget", &text("none")), Ok(None));
        assert!(Option::<u32>::read("budget", &quoted("none")).is_err());
        assert_eq!((Some(3_u32).show(), None::<u32>.show()), ("3".to_owned(), "none".to_owned()));
        assert_eq!(Jitter::read("jitter", &Written::Whole(1)), Ok(Jitter::Share(1.0)));
        assert!(Jitter::read("jitter", &quoted("full")).unwrap_err().contains("without quotes"));
        assert!(Jitter::read("jitter", &Written::Switch(true)).unwrap_err().contains("a share between 0 and 1"));
        assert!(bool::read("enabled", &quoted("true")).is_err() && bool::read("enabled", &Written::Whole(1)).is_err());
        assert_eq!(Rate::read("rate", &quoted("3/s")), Ok(Rate::per_second(3)));
        assert!(Rate::read("rate", &Written::Whole(-3)).unwrap_err().starts_with("expected a rate"));
        assert!(Duration::read("delay", &Written::Whole(-3)).unwrap_err().contains("must be a duration"));
        assert!(Duration::read("delay", &word("3s")).is_err());
        assert!(u32::read("calls", &quoted("many")).unwrap_err().ends_with("a whole number"));
    }

    proptest! {
        #[test]
        fn what_is_displayed_is_parsed_as_the_same(
            count in any::<u32>(),
            nanos in 1..u64::MAX,
            share in 0.0..=1.0,
            kind in any::<proptest::sample::Index>(),
        ) {
            fn round<T: FromStr<Err = InvalidValue> + fmt::Display + PartialEq + fmt::Debug>(value: T) {
                assert_eq!(value.to_string().parse(), Ok(value));
            }
            let time = Duration::from_nanos(nanos);
            for per in [time, Duration::from_secs(nanos), Duration::from_secs(1), Duration::from_secs(60)] {
                round(Rate::new(count, per));
            }
            [Window::Time(time), Window::Count(count), Window::None].into_iter().for_each(round);
            [Jitter::Share(share), kind.get(&Jitter::NAMED).1].into_iter().for_each(round);
            round(kind.get(&Backoff::ALL).1);
            round(kind.get(&Mode::ALL).1);
            round(kind.get(&Preset::ALL).1);
            let some = Rejections::ALL.iter().enumerate().filter(|(nth, _)| count >> nth & 1 != 0);
            round(some.fold(Rejections::NONE, |set, (_, (_, kind))| set.and(*kind)));
        }
    }

    #[test]
    fn what_cannot_be_parsed_is_told_in_the_words_of_the_attributes() {
        let error = |text: &str| text.parse::<Rate>().unwrap_err().to_string();
        assert_eq!(error("100"), "missing unit of time; write `\"100/s\"` or `\"100/min\"`");
        assert_eq!(error("x"), "expected a rate such as `\"100/s\"`, `\"10/min\"` or `\"1/30s\"`");
        assert_eq!(
            "monitr".parse::<Mode>().unwrap_err().to_string(),
            "unknown value `monitr` for `mode`; did you mean `monitor`?"
        );
        assert!("".parse::<Window>().is_err());
    }

    #[test]
    fn a_key_of_words_lists_all_of_them_in_their_order() {
        assert_eq!(words(&[("one", 1), ("two", 2), ("three", 3)]), ["one", "two", "three"]);
        let taken = |takes: Takes| match takes {
            Takes::Word { of, words } => (of, words.to_vec()),
            other => panic!("{other:?}"),
        };
        assert_eq!(taken(Mode::TAKES), ("Mode", Mode::ALL.iter().map(|(word, _)| *word).collect()));
        assert_eq!(taken(Preset::TAKES), ("Preset", Preset::ALL.iter().map(|(word, _)| *word).collect()));
        assert_eq!(taken(Backoff::TAKES), ("Backoff", Backoff::ALL.iter().map(|(word, _)| *word).collect()));
    }

    #[test]
    fn a_key_that_was_renamed_is_told_by_its_new_name() {
        assert_eq!(
            unknown_key("bulkhead", "queue_timeout", &["max_concurrent", "max_wait"]),
            "unknown key `queue_timeout` for `bulkhead`; it is called `max_wait` now"
        );
        assert!(!unknown_key("retry", "queue_timeout", &["delay"]).contains("max_wait"));
    }

    #[test]
    fn says_what_a_key_takes() {
        let said = |error: Result<(), String>| error.unwrap_err();
        let count = |written| said(u32::read("minimum_calls", &written).map(drop));
        assert_eq!(count(Written::Whole(-1)), "`minimum_calls` must not be negative");
        assert_eq!(count(Written::Text("3".into())), "`minimum_calls` must be a whole number, without quotes");
        assert_eq!(count(text("many")), "`minimum_calls` must be a whole number");
        let time = |written| said(Duration::read("open_for", &written).map(drop));
        assert_eq!(time(text("30")), "`open_for` needs a unit: write `\"30ms\"` or `\"30s\"`");
        assert_eq!(time(text("true")), "`open_for` must be a duration such as `\"250ms\"`, `\"5s\"` or `\"1m30s\"`");
        let mode = |written| said(Mode::read("mode", &written).map(drop));
        assert_eq!(mode(text("monitr")), "unknown value `monitr` for `mode`; did you mean `monitor`?");
        assert_eq!(mode(Written::Text("off".into())), "expected a word without quotes; write `mode = off`");
        assert_eq!(mode(Written::Text("loud".into())), "`mode` must be `enforce`, `monitor` or `off`");
        assert_eq!(mode(text("3")), "`mode` must be `enforce`, `monitor` or `off`");
        let twice = Rejections::read("retry_rejections", &text("[timed_out, timed_out]"));
        assert_eq!(said(twice.map(drop)), "this value is already in the list");
        assert_eq!(
            said(f64::read("failure_rate", &text("nan")).map(drop)),
            "`failure_rate` must be a number, without quotes"
        );
    }
}
