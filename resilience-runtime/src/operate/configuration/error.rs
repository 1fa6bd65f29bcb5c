//! What is wrong with a configuration, and what is odd about one.

use crate::kind::Kind;
use crate::name::{DidYouMean, Name};
use crate::overlay::Location;
use resilience_config::BrokenRule;
use std::fmt;

/// Why a configuration was refused. Nothing of it is in force then, and what was in force stays.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigureError {
    /// The file could not be read.
    #[error("{path}: {error}")]
    Unreadable {
        /// Which file.
        path: Name,
        /// What the system says, or which bound was passed.
        error: String,
    },
    /// An overlay cannot be called so.
    #[error("overlay {name:?}: {rule}")]
    Name {
        /// As it was to be called.
        name: Name,
        /// What is wrong with that.
        rule: BrokenRule,
    },
    /// There are [`MAX_OVERLAYS`](crate::MAX_OVERLAYS) of other names already.
    #[error("there are {} overlays already, and there is no place for `{name}`", super::MAX_OVERLAYS)]
    TooManyOverlays {
        /// The one more.
        name: Name,
    },
    /// It was read, and has mistakes: all of them, in the order in which they are written.
    #[error("{}", lines(.0))]
    Mistakes(Vec<Mistake>),
}

fn lines(mistakes: &[Mistake]) -> String {
    mistakes.iter().map(Mistake::to_string).collect::<Vec<_>>().join("\n")
}

impl ConfigureError {
    /// The mistakes; empty of what could not be read at all.
    pub fn mistakes(&self) -> &[Mistake] {
        match self {
            Self::Unreadable { .. } | Self::Name { .. } | Self::TooManyOverlays { .. } => &[],
            Self::Mistakes(mistakes) => mistakes,
        }
    }
}

/// A mistake in a configuration: where it is, and what would be right.
///
/// As text: `resilience.toml:3:16: …`, or the variable and then the sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mistake {
    /// The file, the overlay or the environment variable.
    pub source: Name,
    /// In a file: line and column, from 1. Columns are characters.
    pub position: Option<(usize, usize)>,
    /// The key whose value is refused, or that there is none of, where it is about one.
    pub key: Option<String>,
    /// What is wrong and what is allowed, in a sentence of the macros' own where they have it.
    pub message: String,
}

impl Mistake {
    pub(super) fn new(location: &Location, key: Option<&str>, message: impl Into<String>) -> Self {
        let source = match location.clone() {
            Location::File { path, .. } => path,
            Location::Variable(variable) => variable,
        };
        Self { source, position: location.position(), key: key.map(str::to_owned), message: message.into() }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.source)?;
        if let Some((line, column)) = self.position {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// What a configuration that was put in force has changed, and what in it had no effect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigureReport {
    /// The policies that exist and whose values have changed. Those that are built later are not among them.
    pub changes: Vec<Change>,
    /// What is written and has no effect so far.
    pub warnings: Vec<ConfigWarning>,
}

/// A policy whose configuration has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// The kind of policy.
    pub kind: Kind,
    /// Which policy.
    pub name: Name,
    /// The key, as it is shown, where it is about the lines of one of the policy's keys.
    pub key: Option<String>,
    /// The keys whose values have changed, and `force_open`; of the lines of one key, none.
    pub keys: Vec<&'static str>,
}

/// Something in a configuration that has no effect so far. As text: where it is, and a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigWarning {
    /// The program knows no such policy, called or not. One that a builder registers later is configured by it.
    UnknownName {
        /// `file:line:column`, or the variable.
        location: String,
        /// The kind of policy.
        kind: Kind,
        /// The name or pattern, of a variable as it is written there.
        name: String,
        /// The known name that is nearest to it.
        nearest: Option<String>,
    },
    /// A variable that begins with `RESILIENCE__` and names no kind of policy, or no key of one.
    UnknownVariable {
        /// Its name.
        variable: Name,
        /// What is wrong with it.
        problem: String,
    },
    /// The function was compiled so that it never waits, because its attribute does not say how long it may: the key has no effect there.
    NeverWaits {
        /// `file:line:column`, or the variable.
        location: String,
        /// The key.
        key: &'static str,
        /// `file:line` of the function.
        function: String,
    },
}

impl fmt::Display for ConfigWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownName { location, kind, name, nearest } => {
                write!(f, "{location}: unknown {kind} `{name}`{}", DidYouMean(nearest.as_deref()))
            }
            Self::UnknownVariable { variable, problem } => write!(f, "{variable}: {problem}"),
            Self::NeverWaits { location, key, function } => write!(
                f,
                "{location}: `{key}` has no effect on the function at {function}, which is compiled to never wait; add `{key}` to its attribute"
            ),
        }
    }
}
