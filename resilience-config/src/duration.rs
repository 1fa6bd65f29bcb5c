//! The grammar of durations, and what to write instead of a text that is none.

use std::{error::Error, fmt, time::Duration};

use humantime::DurationError;

/// A text that is no duration, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidDuration {
    message: String,
}

impl fmt::Display for InvalidDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for InvalidDuration {}

/// Reads `"250ms"`, `"5s"`, `"1m30s"`: numbers with units from `ns` to weeks. Months and years are refused, because
/// they have no fixed length.
pub fn parse_duration(text: &str) -> Result<Duration, InvalidDuration> {
    humantime::parse_duration(text)
        .map_err(|error| match error {
            DurationError::UnknownUnit { unit, .. } if unit.is_empty() => {
                format!("missing unit after `{text}`; write `\"{text}ms\"`, `\"{text}s\"` or `\"{text}m\"`")
            }
            DurationError::UnknownUnit { unit, .. } => {
                format!("unknown unit of time `{unit}`; expected `ns`, `us`, `ms`, `s`, `m`, `h`, `d` or `w`")
            }
            DurationError::NumberOverflow => "this duration is too long".to_owned(),
            _ => "expected a duration such as `\"250ms\"`, `\"5s\"` or `\"1m30s\"`".to_owned(),
        })
        .and_then(|duration| match calendar_unit(text) {
            Some(unit) => Err(format!("`{unit}` has no fixed length; write days or weeks")),
            None => Ok(duration),
        })
        .map_err(|message| InvalidDuration { message })
}

/// A unit in `text`, which humantime has accepted, that stands for months or years.
fn calendar_unit(text: &str) -> Option<&str> {
    text.split(|c: char| !c.is_alphabetic())
        .find(|unit| unit.starts_with('M') || unit.starts_with("mo") || unit.starts_with('y'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        parse_duration(text).unwrap_err().to_string()
    }

    #[test]
    fn reads_numbers_with_units() {
        for (text, nanos) in [
            ("0s", 0),
            ("1ns", 1),
            ("20us", 20_000),
            ("250ms", 250_000_000),
            ("5s", 5_000_000_000),
            ("1m30s", 90_000_000_000),
            ("1m 30s", 90_000_000_000),
            ("2h", 7_200_000_000_000),
            ("1d", 86_400_000_000_000),
            ("1w", 7 * 86_400_000_000_000),
        ] {
            assert_eq!(parse_duration(text).map(|d| d.as_nanos()), Ok(nanos), "{text}");
        }
    }

    #[test]
    fn says_what_to_write() {
        assert_eq!(refused("5"), "missing unit after `5`; write `\"5ms\"`, `\"5s\"` or `\"5m\"`");
        assert_eq!(
            refused("5 parsecs"),
            "unknown unit of time `parsecs`; expected `ns`, `us`, `ms`, `s`, `m`, `h`, `d` or `w`"
        );
        assert_eq!(refused("1M"), "`M` has no fixed length; write days or weeks");
        assert_eq!(refused("2months"), "`months` has no fixed length; write days or weeks");
        assert_eq!(refused("1year"), "`year` has no fixed length; write days or weeks");
        assert_eq!(refused("1y2months"), "`y` has no fixed length; write days or weeks", "the first of them");
        assert_eq!(refused("99999999999999999999s"), "this duration is too long");
        for text in ["", "s", "soon", "-5s", "5.5.5s"] {
            assert_eq!(refused(text), "expected a duration such as `\"250ms\"`, `\"5s\"` or `\"1m30s\"`", "{text}");
        }
    }
}
