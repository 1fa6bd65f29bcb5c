//! The key of one of a policy's instances, and how a name and its key are shown together.

use super::Name;
use super::words::last_word;
use std::fmt::{self, Write};
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

/// The key of one of a policy's instances: what its `key = …` printed, as a whole.
///
/// It is the text itself for whoever compares it or exports it, in JSON too. Printed, it is escaped as in `name[key]`: `]`, `,`, `\` and control characters
/// cannot be taken for the end of the key, for another part of it or for the end of a line. Of a tuple the text is what is shown: the parts, each escaped,
/// joined by `, `.
///
/// # Examples
///
/// ```
/// use resilience_runtime::CircuitBreaker;
///
/// let stock = CircuitBreaker::builder("stock").consecutive_failures(1).build()?;
/// stock.keyed("shelf 7]\n").try_acquire()?.failure();
/// let rejection = stock.keyed("shelf 7]\n").try_acquire().unwrap_err();
/// assert_eq!((rejection.name().as_str(), rejection.key().unwrap().as_str()), ("stock", "shelf 7]\n"));
/// assert!(rejection.to_string().starts_with(r"circuit breaker `stock[shelf 7\]\n]` is open"));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
// One word: it is in every rejection, and a rejection is handed on through all layers.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(Arc<KeyText>);

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct KeyText {
    text: Box<str>,
    /// Its parts are escaped and joined in the text.
    is_tuple: bool,
}

impl Key {
    /// The text, as it was printed.
    pub fn as_str(&self) -> &str {
        self
    }

    /// Whether it is the key of that text, of a tuple or not.
    pub(crate) fn is(&self, text: &str, is_tuple: bool) -> bool {
        &*self.0.text == text && self.0.is_tuple == is_tuple
    }

    pub(crate) fn is_tuple(&self) -> bool {
        self.0.is_tuple
    }

    pub(crate) fn new(text: &str, is_tuple: bool) -> Self {
        Self(Arc::new(KeyText { text: text.into(), is_tuple }))
    }
}

impl From<&str> for Key {
    fn from(text: &str) -> Self {
        Self::new(text, false)
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // As its text, so that a map of keys can be asked with that.
        self.as_str().hash(state);
    }
}

impl Deref for Key {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0.text
    }
}

impl PartialEq<str> for Key {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Key {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.is_tuple {
            true => f.write_str(self),
            false => Escaping(f).write_str(self),
        }
    }
}

/// Whether it ends a line or does something else to a terminal: never part of a line that others read.
pub(crate) fn breaks_a_line(c: char) -> bool {
    // The last two end a line as well, to whatever reads lines.
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Escapes what is written to it, as a key or a part of one.
pub(crate) struct Escaping<W>(pub(crate) W);

impl<W: Write> Write for Escaping<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let Self(to) = self;
        // Nearly all are, and are copied at once.
        if is_plain(text.as_bytes()) {
            return to.write_str(text);
        }
        text.chars().try_for_each(|c| match c {
            ']' | ',' | '\\' => write!(to, "\\{c}"),
            c if breaks_a_line(c) => write!(to, "{}", c.escape_default()),
            c => to.write_char(c),
        })
    }
}

/// Whether nothing of it is escaped, and all of it is ASCII. Asked of eight bytes at once.
#[inline]
fn is_plain(text: &[u8]) -> bool {
    const ONES: u64 = u64::MAX / 0xff;
    const HIGHEST: u64 = ONES << 7;
    // Of which byte it is, the lowest such bit says; of those above it they say nothing.
    let any_below = |word: u64, bound: u8| word.wrapping_sub(ONES * u64::from(bound)) & !word;
    let any_is = |word: u64, byte: u8| any_below(word ^ (ONES * u64::from(byte)), 1);
    let of_word = |word: u64| {
        let escaped = any_is(word, b']') | any_is(word, b',') | any_is(word, b'\\');
        escaped | any_is(word, 0x7f) | any_below(word, b' ') | word
    };
    let (words, rest) = text.as_chunks();
    let mut any = words.iter().fold(0, |any, word| any | of_word(u64::from_le_bytes(*word)));
    if !rest.is_empty() {
        // As if there were spaces behind it.
        any |= of_word(last_word(text, rest) | ((ONES * u64::from(b' ')) << (8 * rest.len())));
    }
    any & HIGHEST == 0
}

#[cfg(feature = "serde")]
impl serde::Serialize for Key {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

/// A policy, or its instance for one key. Printed, it is `name` or `name[key]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Instance {
    /// The policy's name.
    pub name: Name,
    /// The key, where it is the instance of one.
    pub key: Option<Key>,
}

impl Instance {
    pub(crate) fn new(name: Name, key: Option<Key>) -> Self {
        Self { name, key }
    }
}

/// The policy of that name.
impl<N: Into<Name>> From<N> for Instance {
    fn from(name: N) -> Self {
        Self::new(name.into(), None)
    }
}

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown(&self.name, self.key.as_ref()).fmt(f)
    }
}

/// A name and its key as they are shown.
pub(crate) struct Shown<'a>(pub(crate) &'a Name, pub(crate) Option<&'a Key>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Some(key) => write!(f, "{}[{key}]", self.0),
            None => write!(f, "{}", self.0),
        }
    }
}

#[cfg(all(test, not(resilience_loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(key: &str) -> String {
        Instance::of_key("stock", key).to_string()
    }

    #[test]
    fn a_key_is_equal_to_its_own_text_alone() {
        let key = Key::from("7");
        assert!(key == *"7" && key == "7");
        assert!(key != *"8" && key != "8");
    }

    #[test]
    fn a_byte_that_is_escaped_is_found_wherever_it_stands() {
        for (length, at) in (1..=17).flat_map(|length| (0..length).map(move |at| (length, at))) {
            for byte in 0..=u8::MAX {
                let mut text = vec![b'~'; length];
                text[at] = byte;
                let expected = matches!(byte, b' '..=b'~') && !matches!(byte, b']' | b',' | b'\\');
                assert_eq!(is_plain(&text), expected, "{byte}, the {at} of {length}");
            }
        }
        assert!(is_plain(b""));
    }

    #[test]
    fn what_could_be_taken_for_something_else_is_escaped() {
        assert_eq!(shown("shelf 7"), "stock[shelf 7]");
        assert_eq!(shown("7]: open\r\nstock[8"), r"stock[7\]: open\r\nstock[8]");
        assert_eq!(shown(r"a\, b"), r"stock[a\\\, b]");
        assert_eq!(shown("\u{1b}[2J\u{2028}ü"), r"stock[\u{1b}[2J\u{2028}ü]");
        assert_eq!(Instance::from("stock").to_string(), "stock");
    }

    proptest! {
        #[test]
        fn no_two_keys_are_shown_alike_and_none_ends_a_line(
            one in "[a\\]\\[\\\\,nu{}\n\r\u{1b} ]{0,6}",
            other in "[a\\]\\[\\\\,nu{}\n\r\u{1b} ]{0,6}",
        ) {
            prop_assert_eq!(one == other, shown(&one) == shown(&other));
            prop_assert!(!shown(&one).contains(char::is_control));
        }
    }
}
