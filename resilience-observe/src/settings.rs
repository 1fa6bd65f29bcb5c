//! What an observer can be told to do otherwise.

/// All of them.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) label: String,
    pub(crate) fold_beyond: usize,
    pub(crate) aliases: Aliases,
    pub(crate) keys: KeySeries,
}

impl Default for Settings {
    fn default() -> Self {
        Self { label: "service".to_owned(), fold_beyond: 1000, aliases: Aliases::default(), keys: KeySeries::default() }
    }
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

/// Whether the keys of a circuit breaker have series of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeySeries {
    /// No: `circuit_breaker_keys_not_closed` says how many of them are open.
    #[default]
    None,
    /// `circuit_breaker_key_state`, of the keys that reject calls; at most so many a breaker, those first that have done so for longest.
    NotClosed {
        /// How many a breaker.
        at_most: usize,
    },
}
