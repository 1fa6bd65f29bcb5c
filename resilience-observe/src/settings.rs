//! What an observer can be told to do otherwise.

use std::time::Duration;

/// All of them.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) label: String,
    pub(crate) fold_beyond: usize,
    pub(crate) aliases: Aliases,
    pub(crate) keys: KeySeries,
    /// `None`: as long as nobody can ask for it there is none.
    pub(crate) history: Option<History>,
    #[cfg(feature = "axum")]
    pub(crate) instance: String,
    /// The bounds of the histograms, in order.
    pub(crate) buckets: Vec<Duration>,
}

/// Milliseconds, where nobody has chosen others.
const BUCKETS: [f64; 13] = [1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, 10_000.0];

impl Default for Settings {
    fn default() -> Self {
        Self {
            label: "service".to_owned(),
            fold_beyond: 1000,
            aliases: Aliases::default(),
            keys: KeySeries::default(),
            history: None,
            #[cfg(feature = "axum")]
            instance: machine(),
            buckets: BUCKETS.iter().map(|millis| Duration::from_secs_f64(millis / 1000.0)).collect(),
        }
    }
}

/// What the machine or container is called, or else the program.
#[cfg(feature = "axum")]
fn machine() -> String {
    let of_system = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let of_program = || Some(std::env::current_exe().ok()?.file_stem()?.to_string_lossy().into_owned());
    let of_variable = || ["HOSTNAME", "COMPUTERNAME"].iter().find_map(|name| std::env::var(name).ok());
    first_that_says_something([&of_variable, &of_system, &of_program])
}

/// Without the space around it; empty where none of them does.
#[cfg(feature = "axum")]
fn first_that_says_something<const N: usize>(sources: [&dyn Fn() -> Option<String>; N]) -> String {
    let mut names = sources.into_iter().filter_map(|source| Some(source()?.trim().to_owned()));
    names.find(|name| !name.is_empty()).unwrap_or_default()
}

/// Which metrics there are a second time, under other names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Aliases {
    /// The names that dashboards of circuit breakers commonly ask for: `circuit_breaker_successes_total`, `circuit_breaker_requests_success_total`,
    /// `circuit_breaker_failures_total`, `circuit_breaker_requests_failed_total`, `circuit_breaker_rejects_total`.
    #[default]
    Seeds,
    /// Every number once: these are `circuit_breaker_calls_total` by its `outcome`.
    None,
}

/// Whether the keys of circuit breakers, bulkheads and rate limiters have series of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeySeries {
    /// No: `circuit_breaker_keys_not_closed`, `resilience_bulkhead_keys_full` and `resilience_rate_limit_keys_exhausted` say how many of them reject calls.
    #[default]
    None,
    /// Those that reject calls. `circuit_breaker_key_state` has the keys that do so now, those first that have done so for longest; `resilience_bulkhead_key_rejects_total` and
    /// `resilience_rate_limit_key_rejects_total` have those that have rejected the most. Each of the keys is looked at whenever somebody asks.
    NotClosed {
        /// How many a policy.
        at_most: usize,
    },
}

/// How much is remembered of what each policy did: the last five minutes by the second, the last hour by ten seconds and the last twelve hours by the minute, in so many bytes.
///
/// A policy that is busy all the time takes 44 KB, and an idle one a few hundred bytes. Where that is more than there may be, the quietest policies lose their longest row of minutes
/// first, and the answer says whose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct History {
    bytes: usize,
}

impl History {
    /// 16 MiB.
    pub const DEFAULT: Self = Self::of_bytes(16 << 20);
    /// Nothing, and no thread that looks.
    pub const NONE: Self = Self::of_bytes(0);

    /// So many bytes at most.
    pub const fn of_bytes(bytes: usize) -> Self {
        Self { bytes }
    }

    pub(crate) const fn bytes(self) -> usize {
        self.bytes
    }
}

impl Default for History {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cfg(all(test, feature = "axum"))]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_called_what_the_first_says_that_says_something() {
        let name = |names: [Option<&str>; 3]| {
            let [one, two, three] = names.map(|name| move || name.map(str::to_owned));
            first_that_says_something([&one, &two, &three])
        };
        for (names, expected) in [
            ([Some("a"), Some("b"), Some("c")], "a"),
            ([Some(" a\n"), None, None], "a"),
            ([None, Some("b"), Some("c")], "b"),
            ([Some(""), Some(" \n"), Some("c")], "c"),
            ([None, None, Some(" ")], ""),
            ([None; 3], ""),
        ] {
            assert_eq!(name(names), expected, "{names:?}");
        }
        assert!(!machine().is_empty(), "the program has a name");
    }
}
