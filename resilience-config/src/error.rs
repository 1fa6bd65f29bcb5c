//! What is wrong with a configuration: one broken rule, and all of them.

use std::{error::Error, fmt};

/// A rule that a configuration breaks.
///
/// It is made of constants only, so that the evaluation of a constant can panic with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BrokenRule {
    /// The key whose value is refused. It is one that was written.
    pub key: &'static str,
    /// The key that it does not go together with, where two are needed to break the rule. It may be one that was left
    /// at its default.
    pub other: Option<&'static str>,
    /// Further keys that have a say in it.
    pub more: &'static [&'static str],
    /// What would be right. The macros, the compiler and the builders all use it as it is.
    pub message: &'static str,
}

impl BrokenRule {
    /// `Some` error about `key`, unless the rule `holds`.
    pub(crate) const fn unless(holds: bool, key: &'static str, message: &'static str) -> Option<Self> {
        Self::unless_both(holds, key, None, message)
    }

    /// `Some` error about `key` beside `other`, unless the two go together.
    pub(crate) const fn unless_both(
        holds: bool,
        key: &'static str,
        other: Option<&'static str>,
        message: &'static str,
    ) -> Option<Self> {
        if holds { None } else { Some(Self { key, other, more: &[], message }) }
    }

    /// The same rule, which looks at further keys.
    pub(crate) const fn looking_at(rule: Option<Self>, more: &'static [&'static str]) -> Option<Self> {
        match rule {
            Some(rule) => Some(Self { more, ..rule }),
            None => None,
        }
    }

    /// The first of a list.
    pub(crate) const fn first(violations: &[Option<Self>]) -> Result<(), Self> {
        let mut rule = 0;
        while rule < violations.len() {
            if let Some(error) = violations[rule] {
                return Err(error);
            }
            rule += 1;
        }
        Ok(())
    }
}

impl fmt::Display for BrokenRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message)
    }
}

impl Error for BrokenRule {}

/// Every mistake in a configuration: at least one. As text, a line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    broken: Vec<BrokenRule>,
}

impl ConfigError {
    /// Refuses a configuration that breaks any rule.
    ///
    /// # Errors
    ///
    /// All of the rules, where there are some.
    #[doc(hidden)]
    pub fn unless_none(broken: Vec<BrokenRule>) -> Result<(), Self> {
        if broken.is_empty() { Ok(()) } else { Err(Self { broken }) }
    }

    /// The rules that are broken, in the order of the keys.
    #[must_use]
    pub fn broken_rules(&self) -> &[BrokenRule] {
        &self.broken
    }
}

impl From<BrokenRule> for ConfigError {
    fn from(rule: BrokenRule) -> Self {
        Self { broken: vec![rule] }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, rule) in self.broken.iter().enumerate() {
            if nth > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{rule}")?;
        }
        Ok(())
    }
}

impl Error for ConfigError {}
