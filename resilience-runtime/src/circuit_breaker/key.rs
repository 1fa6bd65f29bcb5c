//! A key as it is told apart: its text, printed once into a buffer of fixed size.

use std::fmt::{self, Display, Write};
use std::hash::{DefaultHasher, Hasher};

/// Bytes of a key that are kept.
const KEY_BYTES: usize = 64;
/// Of a longer key, these are its hash, in hexadecimal.
const HASH_BYTES: usize = 16;

/// A key as text on the stack.
pub(super) struct Key {
    bytes: [u8; KEY_BYTES],
    length: usize,
}

impl Key {
    pub(super) fn print(key: impl Display) -> Self {
        let mut printer = Printer { key: Self { bytes: [0; KEY_BYTES], length: 0 }, hash: None };
        // A `Display` that fails has printed what it could.
        let _ = write!(printer, "{key}");
        let Printer { key: mut printed, hash } = printer;
        if let Some(hash) = hash {
            let cut = boundary(printed.text(), KEY_BYTES - HASH_BYTES);
            let digits = format_args!("{:0HASH_BYTES$x}", hash.finish()).to_string();
            printed.bytes[cut..cut + HASH_BYTES].copy_from_slice(digits.as_bytes());
            printed.length = cut + HASH_BYTES;
        }
        printed
    }

    pub(super) fn text(&self) -> &str {
        // Cut at character boundaries only.
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }
}

/// The end of the last whole character within so many bytes.
fn boundary(text: &str, bytes: usize) -> usize {
    (0..=bytes.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

struct Printer {
    key: Key,
    /// Of everything printed, once it was too much. The same in every run, for the sake of the name.
    hash: Option<DefaultHasher>,
}

impl Write for Printer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let Key { bytes, length } = &mut self.key;
        if self.hash.is_none() {
            let kept = boundary(text, KEY_BYTES - *length);
            if kept == text.len() {
                bytes[*length..][..kept].copy_from_slice(text.as_bytes());
                *length += kept;
                return Ok(());
            }
            let mut hash = DefaultHasher::new();
            hash.write(&bytes[..*length]);
            self.hash = Some(hash);
            bytes[*length..][..kept].copy_from_slice(&text.as_bytes()[..kept]);
            *length += kept;
        }
        if let Some(hash) = &mut self.hash {
            hash.write(text.as_bytes());
        }
        Ok(())
    }
}

#[cfg(all(test, not(resilience_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_long_key_is_cut_and_told_apart_by_its_hash() {
        let print = |key: &str| Key::print(key).text().to_owned();
        assert_eq!(print("warehouse 7"), "warehouse 7");
        let exactly = "x".repeat(KEY_BYTES);
        assert_eq!(print(&exactly), exactly);
        let (one, other) = (format!("{exactly}1"), format!("{exactly}2"));
        assert_ne!(print(&one), print(&other));
        assert_eq!(print(&one), print(&one));
        assert_eq!(print(&one).len(), KEY_BYTES);
        assert!(print(&"ü€".repeat(40)).len() <= KEY_BYTES);
        assert_ne!(print(&format!("{}{}", "x".repeat(63), "€a")), print(&format!("{}{}", "x".repeat(63), "€b")));
    }
}
