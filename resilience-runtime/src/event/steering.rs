//! Who does something by hand, and why.

use crate::name::Name;
use std::time::Duration;

/// The longest `by` and `why`, in bytes.
pub(crate) const LONGEST: usize = 256;

/// Who did something by hand, and why: each of at most 256 bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Steering {
    by: Option<Name>,
    why: Option<Name>,
}

/// The text is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLong(pub(crate) &'static str);

impl Steering {
    /// Empty texts are as good as none.
    pub(crate) fn new(by: String, why: String) -> Result<Option<Self>, TooLong> {
        let said = |what: &'static str, text: String| match text.len() {
            0 => Ok(None),
            1..=LONGEST => Ok(Some(Name::from(text))),
            _ => Err(TooLong(what)),
        };
        let steering = Self { by: said("by", by)?, why: said("why", why)? };
        Ok((steering != Self::default()).then_some(steering))
    }

    /// Who.
    pub fn by(&self) -> Option<&str> {
        self.by.as_deref()
    }

    /// Why.
    pub fn why(&self) -> Option<&str> {
        self.why.as_deref()
    }
}

/// What was done to a circuit breaker by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(tag = "type", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Act {
    /// [`CircuitBreaker::force_open`](crate::CircuitBreaker::force_open)
    ForceOpen,
    /// [`CircuitBreaker::force_open_for`](crate::CircuitBreaker::force_open_for), for so long.
    ForceOpenFor(#[cfg_attr(feature = "serde", serde(serialize_with = "crate::json::time"))] Duration),
    /// [`CircuitBreaker::disable`](crate::CircuitBreaker::disable)
    Disable,
    /// [`CircuitBreaker::monitor`](crate::CircuitBreaker::monitor)
    Monitor,
    /// [`CircuitBreaker::enforce`](crate::CircuitBreaker::enforce)
    Enforce,
    /// [`Steer::enforce_share`](crate::Steer::enforce_share), of so many percent.
    EnforceShare(#[cfg_attr(feature = "serde", serde(serialize_with = "crate::json::percent"))] u8),
    /// [`CircuitBreaker::reset`](crate::CircuitBreaker::reset)
    Reset,
}

impl Act {
    /// The word used in events: `force_open`, `force_open_for`, `disable`, `monitor`, `enforce`, `enforce_share`, `reset`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ForceOpen => "force_open",
            Self::ForceOpenFor(_) => "force_open_for",
            Self::Disable => "disable",
            Self::Monitor => "monitor",
            Self::Enforce => "enforce",
            Self::EnforceShare(_) => "enforce_share",
            Self::Reset => "reset",
        }
    }
}
