//! A key as it is told apart: its whole text, printed once.

use std::fmt::{self, Display, Write};

/// Bytes that need no allocation.
const INLINE_BYTES: usize = 64;
/// The longest key that has a breaker of its own.
pub(super) const MAX_KEY_BYTES: usize = 1024;

/// A key as text: on the stack, unless it is long.
pub(super) struct PrintedKey {
    inline: [u8; INLINE_BYTES],
    length: usize,
    /// In place of `inline`, where that was too small.
    long: Option<String>,
    too_long: bool,
}

impl PrintedKey {
    pub(super) fn print(key: impl Display) -> Self {
        let mut printed = Self { inline: [0; INLINE_BYTES], length: 0, long: None, too_long: false };
        // A `Display` that fails has printed what it could.
        let _ = write!(printed, "{key}");
        printed
    }

    /// The whole of it; `None` where it is longer than [`MAX_KEY_BYTES`].
    #[inline]
    pub(super) fn text(&self) -> Option<&str> {
        match &self.long {
            None => (!self.too_long).then(|| std::str::from_utf8(&self.inline[..self.length]).unwrap_or_default()),
            Some(long) => Some(long),
        }
    }
}

impl Write for PrintedKey {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let before = self.long.as_ref().map_or(self.length, String::len);
        if before + text.len() > MAX_KEY_BYTES {
            (self.long, self.too_long) = (None, true);
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
        assert_eq!(PrintedKey::print(format_args!("{piece}{piece}")).text(), Some(&*format!("{piece}{piece}")));
        let pieces = piece.repeat(20);
        assert_eq!(PrintedKey::print(format_args!("{pieces}{piece}{}", 7)).text(), None);
        assert_eq!(
            PrintedKey::print(format_args!("{pieces}{piece}{piece}{}", "")).text(),
            None,
            "never what came before"
        );
    }
}
