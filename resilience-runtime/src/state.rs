//! The states of a circuit breaker, as events, snapshots and health name them.

/// What a circuit breaker does with calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum State {
    /// Calls pass and are counted.
    Closed,
    /// Calls are rejected until `open_for` is over.
    Open,
    /// A few probes pass and decide.
    HalfOpen,
    /// Calls are rejected until somebody says otherwise.
    ForcedOpen,
    /// It decides, records and emits, and rejects nothing.
    Monitoring,
    /// It does nothing.
    Disabled,
}

impl State {
    /// All of them.
    pub const ALL: &'static [Self] =
        &[Self::Closed, Self::Open, Self::HalfOpen, Self::ForcedOpen, Self::Monitoring, Self::Disabled];

    /// The word used in events, metrics and snapshots: `closed`, `open`, `half_open`, `forced_open`, `monitoring`, `disabled`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
            Self::ForcedOpen => "forced_open",
            Self::Monitoring => "monitoring",
            Self::Disabled => "disabled",
        }
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}
