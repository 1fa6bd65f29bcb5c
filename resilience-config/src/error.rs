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

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(key: &'static str) -> BrokenRule {
        BrokenRule::unless(false, key, key).unwrap()
    }

    #[test]
    fn the_first_of_the_rules_that_are_broken_is_found_wherever_it_is() {
        let (a, b) = (Some(rule("a")), Some(rule("b")));
        for (rules, first) in [
            (&[][..], None),
            (&[None, None], None),
            (&[a, b], a),
            (&[b, a, None], b),
            (&[None, None, b], b),
            (&[None, a, b], a),
        ] {
            assert_eq!(BrokenRule::first(rules).err(), first);
        }
    }

    #[test]
    fn a_rule_says_which_keys_it_is_about() {
        assert_eq!(BrokenRule::unless(true, "a", "no"), None);
        assert_eq!(BrokenRule::unless_both(true, "a", Some("b"), "no"), None);
        let both = BrokenRule::unless_both(false, "a", Some("b"), "no");
        let expected = BrokenRule { key: "a", other: Some("b"), more: &[], message: "no" };
        assert_eq!(both, Some(expected));
        assert_eq!(BrokenRule::looking_at(both, &["c"]), Some(BrokenRule { more: &["c"], ..expected }));
        assert_eq!(BrokenRule::looking_at(None, &["c"]), None);
    }

    #[test]
    fn all_of_them_are_told_a_line_each() {
        assert_eq!(ConfigError::unless_none(Vec::new()), Ok(()));
        let error = ConfigError::unless_none(vec![rule("a"), rule("b"), rule("c")]).unwrap_err();
        assert_eq!((error.to_string(), error.broken_rules().len()), ("a\nb\nc".to_owned(), 3));
        assert_eq!(ConfigError::from(rule("a")).to_string(), "a");
    }

    /// A writer that has room for so many bytes.
    struct Room(usize);

    impl fmt::Write for Room {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0 = self.0.checked_sub(text.len()).ok_or(fmt::Error)?;
            Ok(())
        }
    }

    #[test]
    fn whoever_has_no_room_for_all_of_it_is_told_so() {
        use fmt::Write;
        let error = ConfigError { broken: vec![rule("one"), rule("two")] };
        for room in 0..=error.to_string().len() {
            assert_eq!(write!(Room(room), "{error}").is_ok(), room == "one\ntwo".len(), "{room}");
        }
    }
}
