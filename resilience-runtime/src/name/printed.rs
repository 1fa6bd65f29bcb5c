//! A key as it is told apart: its whole text, printed once.

use super::Name;
use super::key::{Escaping, Instance, Key};
use std::fmt::{self, Display, Write};
use std::hash::{Hash, Hasher};

/// Bytes that need no allocation.
const INLINE_BYTES: usize = 64;
/// The longest key that has an instance of its own.
const MAX_KEY_BYTES: usize = 1024;

/// A key as text: on the stack, unless it is long.
#[derive(Clone)]
pub struct PrintedKey {
    inline: [u8; INLINE_BYTES],
    length: usize,
    /// In place of `inline`, where that was too small.
    long: Option<String>,
    too_long: bool,
    is_tuple: bool,
}

impl PrintedKey {
    #[inline]
    pub(crate) fn print<Fit>(key: &(impl PolicyKey<Fit> + ?Sized)) -> Self {
        let mut printed = Self { inline: [0; INLINE_BYTES], length: 0, long: None, too_long: false, is_tuple: false };
        key.print(&mut printed);
        printed
    }

    /// As it was saved.
    #[cfg(feature = "persistence")]
    pub(crate) fn of(text: &str, is_tuple: bool) -> Self {
        Self { is_tuple, ..Self::print(text) }
    }

    /// The whole of it; `None` where it is longer than [`MAX_KEY_BYTES`].
    #[inline]
    fn text(&self) -> Option<&str> {
        match &self.long {
            None => (!self.too_long).then(|| std::str::from_utf8(&self.inline[..self.length]).unwrap_or_default()),
            Some(long) => Some(long),
        }
    }

    /// What tells most keys apart, those that are too long too.
    pub(crate) fn told_by(&self) -> &[u8] {
        self.text().map_or(&self.inline[..self.length], str::as_bytes)
    }

    #[inline]
    pub(crate) fn found(&self) -> Option<FoundKey<'_>> {
        self.text().map(|text| FoundKey { text, is_tuple: self.is_tuple })
    }
}

/// A key that is looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct FoundKey<'k> {
    text: &'k str,
    is_tuple: bool,
}

impl FoundKey<'_> {
    pub(crate) fn to_key(self) -> Key {
        Key::new(self.text, self.is_tuple)
    }
}

/// As keys hash.
impl Hash for FoundKey<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl papaya::Equivalent<Key> for FoundKey<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        key.is(self.text, self.is_tuple)
    }
}

/// The key that whoever looks for one means: the value itself, or a text as it is shown.
#[derive(Clone, Debug)]
pub(crate) struct MeantKey(Option<Key>);

impl MeantKey {
    pub(crate) fn new<Fit>(key: &(impl PolicyKey<Fit> + ?Sized)) -> Self {
        Self::of(&PrintedKey::print(key))
    }

    pub(crate) fn of(printed: &PrintedKey) -> Self {
        Self(printed.found().map(FoundKey::to_key))
    }

    pub(crate) fn is(&self, key: &Key) -> bool {
        let shown = key.to_string();
        self.0.as_ref().is_some_and(|meant| meant == key || !meant.is_tuple() && shown == meant.as_str())
    }
}

impl fmt::Display for MeantKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(key) => key.fmt(f),
            // It is too long to have an instance.
            None => f.write_str("…"),
        }
    }
}

impl Instance {
    /// The instance of that key of the policy of that name. The policy itself is made of its name: `"stock".into()`. Of a key that is longer than 1 KiB there is none.
    pub fn of_key<Fit>(name: impl Into<Name>, key: impl PolicyKey<Fit>) -> Self {
        let MeantKey(key) = MeantKey::new(&key);
        Self::new(name.into(), Some(key.unwrap_or_else(|| "…".into())))
    }
}

/// What the `key` of a policy can be: a value that is `Display`, or a tuple of two to eight such values.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the `key` of a policy",
    label = "`{Self}` does not implement `Display`",
    note = "use a part of it that implements `Display`, as in `key = order.warehouse`, or several parts, as in `key = (order.tenant, order.warehouse)`"
)]
pub trait PolicyKey<Fit> {
    #[doc(hidden)]
    fn print(&self, to: &mut PrintedKey);
}

/// Marks a key of one value.
#[derive(Debug)]
pub struct OneValue;

/// Marks a tuple.
#[derive(Debug)]
pub struct SeveralValues;

#[diagnostic::do_not_recommend]
impl<K: Display + ?Sized> PolicyKey<OneValue> for K {
    #[inline]
    fn print(&self, to: &mut PrintedKey) {
        // A `Display` that fails has printed what it could.
        let _ = write!(to, "{self}");
    }
}

macro_rules! tuples {
    ($first:ident $($more:ident)*) => {
        #[diagnostic::do_not_recommend]
        impl<$first: Display $(, $more: Display)*> PolicyKey<SeveralValues> for ($first, $($more,)*) {
            #[allow(non_snake_case, reason = "a variable is named as its type")]
            fn print(&self, to: &mut PrintedKey) {
                let ($first, $($more,)*) = self;
                to.is_tuple = true;
                let _ = write!(Escaping(&mut *to), "{}", $first);
                $(
                    let _ = to.write_str(", ");
                    let _ = write!(Escaping(&mut *to), "{}", $more);
                )*
            }
        }
    };
}

tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);
tuples!(A B C D E F G);
tuples!(A B C D E F G H);

impl Write for PrintedKey {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let before = self.long.as_ref().map_or(self.length, String::len);
        if before + text.len() > MAX_KEY_BYTES && !self.too_long {
            let first = self.long.take().unwrap_or_else(|| text.to_owned());
            if self.length == 0 {
                self.length = INLINE_BYTES.min(first.len());
                self.inline[..self.length].copy_from_slice(&first.as_bytes()[..self.length]);
            }
            self.too_long = true;
        }
        if self.too_long {
            return Err(fmt::Error);
        }
        if let Some(long) = &mut self.long {
            long.push_str(text);
        } else if let Some(free) = self.inline[self.length..].get_mut(..text.len()) {
            free.copy_from_slice(text.as_bytes());
            self.length += text.len();
        } else {
            let inline = std::str::from_utf8(&self.inline[..self.length]).unwrap_or_default();
            self.long = Some([inline, text].concat());
        }
        Ok(())
    }
}

#[cfg(all(test, not(resilience_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_tuple_is_told_from_every_other_and_from_a_text_that_looks_like_it() {
        let key = |printed: PrintedKey| printed.found().unwrap().to_key();
        let tuple = key(PrintedKey::print(&("acme, 3", 7)));
        assert_eq!((tuple.as_str(), tuple.to_string().as_str()), (r"acme\, 3, 7", r"acme\, 3, 7"));
        let others = [
            key(PrintedKey::print(&("acme", "3, 7"))),
            key(PrintedKey::print(&("acme", 3, 7))),
            key(PrintedKey::print("acme, 3, 7")),
            key(PrintedKey::print(r"acme\, 3, 7")),
        ];
        for (nth, other) in others.iter().enumerate() {
            assert_ne!(*other, tuple);
            assert_ne!(other.to_string(), tuple.to_string());
            assert!(others[..nth].iter().all(|before| before != other && before.to_string() != other.to_string()));
        }
        let long = "x".repeat(600);
        assert!(PrintedKey::print(&(&long, 1)).found().is_some());
        assert!(PrintedKey::print(&(&long, &long)).found().is_none());
    }

    #[test]
    fn a_key_is_kept_whole_and_one_that_is_too_long_is_none() {
        let print = |key: &str| PrintedKey::print(key).text().map(str::to_owned);
        for length in [0, 1, INLINE_BYTES - 1, INLINE_BYTES, INLINE_BYTES + 1, MAX_KEY_BYTES - 1, MAX_KEY_BYTES] {
            let key = "x".repeat(length);
            assert_eq!(print(&key), Some(key));
        }
        assert_eq!(print(&"x".repeat(MAX_KEY_BYTES + 1)), None);
        let (one, other) = (format!("{}1", "ü€".repeat(40)), format!("{}2", "ü€".repeat(40)));
        assert_eq!((print(&one), print(&other)), (Some(one), Some(other)));
        // In pieces, each of which fits.
        let piece = "y".repeat(50);
        assert_eq!(PrintedKey::print(&format_args!("{piece}{piece}")).text(), Some(&*format!("{piece}{piece}")));
        let pieces = piece.repeat(20);
        assert_eq!(PrintedKey::print(&format_args!("{pieces}{piece}{}", 7)).text(), None);
        assert_eq!(
            PrintedKey::print(&format_args!("{pieces}{piece}{piece}{}", "")).text(),
            None,
            "never what came before"
        );
    }
}
