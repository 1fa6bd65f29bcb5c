use std::fmt;

/// A rule that a configuration breaks.
///
/// It is made of constants only, so that the evaluation of a constant can panic with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The key whose value is refused. It is one that was written.
    pub key: &'static str,
    /// The key that it does not go together with, where two are needed to break the rule. It may be one that was left
    /// at its default.
    pub other: Option<&'static str>,
    /// A whole sentence that says what would be right. The macros, the compiler and the builders all use it as it is.
    pub message: &'static str,
}

impl ConfigError {
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
        if holds { None } else { Some(Self { key, other, message }) }
    }

    /// The first error of a list.
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

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message)
    }
}

impl std::error::Error for ConfigError {}
