//! Names with `*` in them.

use resilience_config::names;
use std::fmt;

/// A pattern that names of policies match: every `*` in it stands for any number of characters, none included, and everything
/// else for itself.
///
/// # Examples
///
/// ```
/// use resilience_runtime::Pattern;
///
/// let payments: Pattern = "payment*".parse()?;
/// assert!(payments.matches("payment") && payments.matches("payment_eu"));
/// assert!(!payments.matches("stock"));
/// assert_eq!(payments.to_string(), "payment*");
/// # Ok::<(), resilience_runtime::InvalidPattern>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pattern(Box<str>);

/// A text that is no pattern, because it could match no name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a name or a pattern must have between 1 and 128 characters besides its `*`, and no control characters")]
#[non_exhaustive]
pub struct InvalidPattern;

impl Pattern {
    /// Reads a pattern; a text without `*` matches the name that it is.
    ///
    /// # Errors
    ///
    /// A text that is empty, that has more than 128 characters besides its `*`, or that has control characters: no name is any of those.
    pub fn parse(text: &str) -> Result<Self, InvalidPattern> {
        let characters = text.chars().filter(|c| *c != '*').count();
        let is_a_name = characters <= names::LONGEST && !names::has_control_characters(text);
        if text.is_empty() || !is_a_name {
            return Err(InvalidPattern);
        }
        Ok(Self(text.into()))
    }

    /// Whether the whole of `name` matches.
    pub fn matches(&self, name: &str) -> bool {
        let Some((first, rest)) = self.0.split_once('*') else { return *self.0 == *name };
        let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
        let Some(inner) = name.strip_prefix(first).and_then(|name| name.strip_suffix(last)) else { return false };
        // Each part as far to the left as it stands leaves the most for those after it.
        let mut left = inner;
        middle.split('*').all(|part| match left.split_once(part) {
            Some((_, after)) => {
                left = after;
                true
            }
            None => false,
        })
    }

    /// The name that it is, where there is no `*` in it.
    pub fn exact(&self) -> Option<&str> {
        (!self.0.contains('*')).then_some(&*self.0)
    }

    /// How much of a name it pins down: its characters besides `*`. Of two patterns that match a name, the one with more is the
    /// more specific.
    #[cfg(feature = "config")]
    pub(crate) fn literal_characters(&self) -> usize {
        self.0.chars().filter(|c| *c != '*').count()
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Pattern {
    type Err = InvalidPattern;

    fn from_str(text: &str) -> Result<Self, InvalidPattern> {
        Self::parse(text)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(all(test, not(resilience_loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The rule in its plainest form.
    fn matches(pattern: &[u8], name: &[u8]) -> bool {
        match (pattern, name) {
            ([b'*', rest @ ..], _) => (0..=name.len()).any(|from| matches(rest, &name[from..])),
            ([a, pattern @ ..], [b, name @ ..]) => a == b && matches(pattern, name),
            ([], []) => true,
            _ => false,
        }
    }

    #[test]
    fn a_star_stands_for_any_number_of_characters() {
        for (pattern, name, expected) in [
            ("payment", "payment", true),
            ("payment", "payments", false),
            ("payment*", "payment", true),
            ("*::charge", "shop::charge", true),
            ("*::charge", "shop::charge@3", false),
            ("shop::*::charge", "shop::eu::charge", true),
            ("shop::*::charge", "shop::charge", false),
            ("*", "", true),
            ("a*a", "a", false),
            ("ü*", "uber", false),
            ("ü*", "ünder", true),
        ] {
            assert_eq!(Pattern::parse(pattern).unwrap().matches(name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn what_could_match_no_name_is_no_pattern() {
        assert_eq!(Pattern::parse(""), Err(InvalidPattern));
        assert!(Pattern::parse(&"ü".repeat(128)).is_ok() && Pattern::parse(&format!("*{}", "ü".repeat(128))).is_ok());
        assert_eq!(Pattern::parse(&format!("*{}", "ü".repeat(129))), Err(InvalidPattern));
    }

    proptest! {
        #[test]
        fn as_the_rule_says(pattern in "[ab*]{1,8}", name in "[ab]{0,10}") {
            let expected = matches(pattern.as_bytes(), name.as_bytes());
            prop_assert_eq!(Pattern::parse(&pattern).unwrap().matches(&name), expected);
        }
    }
}
