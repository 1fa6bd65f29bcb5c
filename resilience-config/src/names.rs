//! What a policy may be called.

use crate::ConfigError;

/// The shortest name, in characters.
pub const SHORTEST: usize = 1;
/// The longest name, in characters.
pub const LONGEST: usize = 128;

/// Refuses a name that is empty or too long.
pub const fn check(name: &str) -> Result<(), ConfigError> {
    let length = characters(name);
    if SHORTEST <= length && length <= LONGEST {
        Ok(())
    } else {
        Err(ConfigError { key: "name", other: None, message: "`name` must have between 1 and 128 characters" })
    }
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
    fn one_to_128_characters_whatever_their_bytes() {
        assert!(check("").is_err());
        assert!(check("p").is_ok());
        assert!(check(&"ü€😀a".repeat(32)).is_ok());
        assert!(check(&"ü".repeat(129)).is_err());
    }
}
