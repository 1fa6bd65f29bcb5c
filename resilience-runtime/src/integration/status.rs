//! HTTP's status codes, as a number, whichever crate they come from.

use crate::verdict::Verdict;

/// Classifies a status code of HTTP.
///
/// | status | verdict |
/// |---|---|
/// | 1xx to 3xx, and every 4xx that is not below | `SUCCESS` |
/// | 408, 425 | `FAILURE` |
/// | 429 | `IGNORED.again()` |
/// | 501, 505, 511 | `FAILURE.not_again()` |
/// | every other 5xx | `FAILURE` |
/// | a number that is no status | `FAILURE.not_again()` |
///
/// The status alone says nothing of a `Retry-After`: add it with [`Verdict::after`].
///
/// ```
/// use resilience_runtime::{Verdict, classify};
///
/// assert_eq!(classify::status(503), Verdict::FAILURE);
/// assert_eq!(classify::status(404), Verdict::SUCCESS);
/// ```
pub const fn status(status: u16) -> Verdict {
    match status {
        408 | 425 => Verdict::FAILURE,
        429 => Verdict::IGNORED.again(),
        501 | 505 | 511 => Verdict::FAILURE.not_again(),
        100..=499 => Verdict::SUCCESS,
        500..=599 => Verdict::FAILURE,
        _ => Verdict::FAILURE.not_again(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_of_the_table() {
        for code in 0..=u16::MAX {
            let expected = match code {
                408 | 425 => Verdict::FAILURE,
                429 => Verdict::IGNORED.again(),
                501 | 505 | 511 => Verdict::FAILURE.not_again(),
                _ if code / 100 == 5 => Verdict::FAILURE,
                _ if (1..=4).contains(&(code / 100)) => Verdict::SUCCESS,
                _ => Verdict::FAILURE.not_again(),
            };
            assert_eq!(status(code), expected, "{code}");
        }
    }
}
