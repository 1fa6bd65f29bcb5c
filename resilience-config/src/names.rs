//! What a policy may be called.

use crate::BrokenRule;

/// The shortest name, in characters.
pub const SHORTEST: usize = 1;
/// The longest name, in characters.
pub const LONGEST: usize = 128;

/// Refuses a name that is empty, too long, or has a control character, with which it could forge a line of a log.
pub const fn check(name: &str) -> Result<(), BrokenRule> {
    let length = characters(name);
    let message = if length < SHORTEST || length > LONGEST {
        "`name` must have between 1 and 128 characters"
    } else if has_control_characters(name) {
        "`name` must not contain control characters"
    } else {
        return Ok(());
    };
    Err(BrokenRule { key: "name", other: None, more: &[], message })
}

/// `name.chars().any(char::is_control)`, which is not const: U+0000 to U+001F, U+007F to U+009F.
pub const fn has_control_characters(name: &str) -> bool {
    let bytes = name.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let is_control = match bytes[at] {
            0..=0x1f | 0x7f => true,
            0xc2 => bytes[at + 1] < 0xa0,
            _ => false,
        };
        if is_control {
            return true;
        }
        at += 1;
    }
    false
}

/// `name.chars().count()`, which is not const.
const fn characters(name: &str) -> usize {
    let bytes = name.as_bytes();
    let (mut at, mut count) = (0, 0);
    while at < bytes.len() {
        // Every byte begins a character but those of the form 0b10xx_xxxx.
        if bytes[at] & 0b1100_0000 != 0b1000_0000 {
            count += 1;
        }
        at += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_control_characters() {
        for c in (0..0x300).filter_map(char::from_u32) {
            let name = format!("a{c}b");
            assert_eq!(check(&name).is_err(), c.is_control(), "{name:?}");
        }
        assert!(check("\nb").is_err() && check("a\n").is_err(), "at either end");
        assert_eq!(check("a\nb").map_err(|error| error.message), Err("`name` must not contain control characters"));
    }

    #[test]
    fn one_to_128_characters_whatever_their_bytes() {
        assert!(check("").is_err());
        assert!(check("p").is_ok());
        assert!(check(&"ü€😀a".repeat(32)).is_ok());
        assert!(check(&"ü".repeat(129)).is_err());
    }
}
