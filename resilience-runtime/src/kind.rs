//! The kinds of policies, by the words that attributes, files, events and metrics use for them.

use std::fmt;
use std::str::FromStr;

/// A kind of policy, called as its attribute is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Kind {
    /// `#[circuit_breaker]`
    CircuitBreaker,
    /// `#[retry]`
    Retry,
    /// `#[timeout]`
    Timeout,
    /// `#[bulkhead]`
    Bulkhead,
    /// `#[rate_limit]`
    RateLimit,
    /// `#[fallback]`, which is in no registry.
    Fallback,
}

impl Kind {
    /// All of them.
    pub const ALL: &'static [Self] =
        &[Self::CircuitBreaker, Self::Retry, Self::Timeout, Self::Bulkhead, Self::RateLimit, Self::Fallback];

    /// `circuit_breaker`, `retry`, `timeout`, `bulkhead`, `rate_limit` or `fallback`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CircuitBreaker => "circuit_breaker",
            Self::Retry => "retry",
            Self::Timeout => "timeout",
            Self::Bulkhead => "bulkhead",
            Self::RateLimit => "rate_limit",
            Self::Fallback => "fallback",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that names no kind of policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected `circuit_breaker`, `retry`, `timeout`, `bulkhead`, `rate_limit` or `fallback`")]
#[non_exhaustive]
pub struct InvalidKind;

impl FromStr for Kind {
    type Err = InvalidKind;

    fn from_str(text: &str) -> Result<Self, InvalidKind> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text).ok_or(InvalidKind)
    }
}

impl PartialEq<str> for Kind {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Kind {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_equal_to_its_own_word_alone() {
        for kind in Kind::ALL {
            for other in Kind::ALL {
                let (word, is_equal) = (other.as_str(), kind == other);
                assert_eq!((*kind == *word, *kind == word), (is_equal, is_equal), "{kind:?} and {word}");
            }
        }
    }

    #[test]
    fn each_kind_is_read_from_its_own_word() {
        for kind in Kind::ALL {
            assert_eq!(kind.as_str().parse::<Kind>(), Ok(*kind));
            for other in Kind::ALL.iter().map(|other| other.as_str()) {
                let is_same = other == kind.as_str();
                assert_eq!((*kind == *other, *kind == other), (is_same, is_same), "{kind} and {other}");
            }
        }
        assert_eq!("Retry".parse::<Kind>(), Err(InvalidKind));
    }
}
