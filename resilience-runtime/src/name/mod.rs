//! What policies are called, and the patterns that names match.

mod hasher;
mod key;
mod pattern;
mod printed;
mod words;

pub(crate) use hasher::KeyHasher;
pub use key::{Instance, Key};
pub(crate) use key::{Shown, breaks_a_line};
pub use pattern::{InvalidPattern, Pattern};
pub use printed::PolicyKey;
pub(crate) use printed::{FoundKey, INLINE_WORDS, KeyWord, MeantKey, PrintedKey};

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

/// The name of a policy: a literal of the program, or text made while it runs.
///
/// Cloning a literal's name costs nothing, so a rejection that carries one touches no shared counter.
#[derive(Clone)]
pub struct Name(Text);

// Two words: it is in every rejection, for which every result of a guarded function has room.
#[derive(Clone)]
enum Text {
    Literal(&'static str),
    Made(Arc<Box<str>>),
}

impl Name {
    /// Made once, for what lives as long as the program: cloning it costs nothing either.
    pub(crate) fn kept_for_good(text: String) -> Self {
        Self(Text::Literal(text.leak()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Text::Literal(text) => text,
            Text::Made(text) => text,
        }
    }
}

impl From<&'static str> for Name {
    fn from(text: &'static str) -> Self {
        Self(Text::Literal(text))
    }
}

impl From<String> for Name {
    fn from(text: String) -> Self {
        Self(Text::Made(Arc::new(text.into())))
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl std::borrow::Borrow<str> for Name {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Name {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl Eq for Name {}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // As `str` hashes, so that a map of names can be asked with text.
        self.as_str().hash(state);
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Name {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// The known name that may have been meant, as the end of a sentence about one that is not known.
pub(crate) struct DidYouMean<'a>(pub(crate) Option<&'a str>);

impl fmt::Display for DidYouMean<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |name| write!(f, "; did you mean `{name}`?"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_two_words() {
        assert_eq!(size_of::<Name>(), 2 * size_of::<usize>());
    }

    #[test]
    fn names_made_and_written_are_the_same() {
        assert_eq!(Name::from("a"), Name::from(String::from("a")));
    }
}
