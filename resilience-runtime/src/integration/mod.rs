//! Other people's types: how their errors and answers are classified, one file a crate.

#[cfg(feature = "actix")]
mod actix;
#[cfg(feature = "axum")]
mod axum;
#[cfg(feature = "http")]
pub(crate) mod http;
pub(crate) mod io;
#[cfg(any(feature = "actix", feature = "axum"))]
mod problem;
#[cfg(feature = "redis")]
pub(crate) mod redis;
#[cfg(feature = "reqwest")]
pub(crate) mod reqwest;
#[cfg(feature = "reqwest-middleware")]
pub(crate) mod reqwest_middleware;
pub(crate) mod source;
#[cfg(feature = "sqlx")]
pub(crate) mod sqlx;
pub(crate) mod status;
#[cfg(feature = "tonic")]
pub(crate) mod tonic;

use crate::error::Failure;
use crate::verdict::Verdict;
use std::time::Duration;

/// What a server can ask to wait at most: a number that somebody mistyped is no reason to wait for years, nor to add years to a moment.
#[cfg(any(feature = "http", feature = "tonic"))]
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);
/// What a check of a connection is given, unless something else is said.
#[cfg(any(feature = "redis", feature = "sqlx"))]
const CHECKED_WITHIN: Duration = Duration::from_secs(2);
/// From where a wait that the dependency asked for also opens the breaker.
const LONG_WAIT: Duration = Duration::from_secs(60);
/// For how long such a wait opens it at most, unless something else is said.
const LONGEST_OPENING: Duration = Duration::from_secs(120);

/// Opens the breaker for as long as the dependency asks to be left alone, where that is a minute or more; for two minutes at most.
///
/// Only with a `key` on the breaker: otherwise one tenant's "come back in two minutes" closes the way for everybody.
///
/// ```
/// use resilience_runtime::{Verdict, classify};
/// use std::time::Duration;
///
/// fn judge(answer: Result<&u64, &std::io::Error>) -> Verdict {
///     match answer {
///         Ok(seconds) => Verdict::FAILURE.after(Duration::from_secs(*seconds)),
///         Err(error) => classify::io_error(error),
///     }
/// }
///
/// let judge = classify::retry_after_opens(judge);
/// assert_eq!(judge(Ok(&30)).opening(), None);
/// assert_eq!(judge(Ok(&90)).opening(), Some(Duration::from_secs(90)));
/// assert_eq!(judge(Ok(&900)).opening(), Some(Duration::from_secs(120)));
/// ```
pub const fn retry_after_opens<T, E, F: for<'a> Fn(Result<&'a T, &'a E>) -> Verdict>(
    inner: F,
) -> impl for<'a> Fn(Result<&'a T, &'a E>) -> Verdict {
    retry_after_opens_at_most(LONGEST_OPENING, inner)
}

/// As [`retry_after_opens`], for `longest` at most; the breaker's `max_open_for` is a limit besides.
///
/// Only with a `key` on the breaker, as there.
///
/// ```
/// use resilience_runtime::{Verdict, classify};
/// use std::time::Duration;
///
/// let hour = |_: Result<&(), &()>| Verdict::FAILURE.after(Duration::from_secs(3600));
/// let judge = classify::retry_after_opens_at_most(Duration::from_secs(600), hour);
/// assert_eq!(judge(Ok(&())).opening(), Some(Duration::from_secs(600)));
/// ```
pub const fn retry_after_opens_at_most<T, E, F: for<'a> Fn(Result<&'a T, &'a E>) -> Verdict>(
    longest: Duration,
    inner: F,
) -> impl for<'a> Fn(Result<&'a T, &'a E>) -> Verdict {
    move |result| {
        let verdict = inner(result);
        match verdict.retry_after() {
            Some(wait) if wait >= LONG_WAIT => verdict.opens_for(wait.min(longest)),
            _ => verdict,
        }
    }
}

/// For a function that returns a [`Failure<E>`](Failure): `inner` classifies what is not a rejection. A rejection is one of a guarded function inside, which is a failure
/// like any other.
///
/// ```
/// use resilience_runtime::{Failure, circuit_breaker, classify};
///
/// #[circuit_breaker("prices", classify = classify::failure(classify::io))]
/// async fn price(item: &str) -> Result<String, Failure<std::io::Error>> {
///     std::fs::read_to_string(item).map_err(Failure::Call) // "not found" is an answer
/// }
/// # let _ = price;
/// ```
pub const fn failure<T, E, F: for<'a> Fn(Result<&'a T, &'a E>) -> Verdict>(
    inner: F,
) -> impl for<'a> Fn(Result<&'a T, &'a Failure<E>>) -> Verdict {
    move |result| match result {
        Ok(value) => inner(Ok(value)),
        Err(Failure::Call(error)) => inner(Err(error)),
        Err(Failure::Rejected(_)) => Verdict::FAILURE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Rejection;

    #[test]
    fn of_a_failure_the_call_is_classified() {
        let judge =
            failure(|result: Result<&u8, &u8>| if result.is_ok() { Verdict::SUCCESS } else { Verdict::IGNORED });
        assert_eq!(judge(Ok(&1)), Verdict::SUCCESS);
        assert_eq!(judge(Err(&Failure::Call(1))), Verdict::IGNORED);
        assert_eq!(judge(Err(&Failure::Rejected(Rejection::Unsuccessful { name: "a".into() }))), Verdict::FAILURE);
    }

    #[test]
    fn a_wait_of_a_minute_or_more_opens() {
        let opening = |secs, longest: Option<u64>| {
            let wait = |_: Result<&(), &()>| Verdict::IGNORED.again().after(Duration::from_secs(secs));
            let verdict = match longest {
                None => retry_after_opens(wait)(Ok(&())),
                Some(longest) => retry_after_opens_at_most(Duration::from_secs(longest), wait)(Ok(&())),
            };
            assert_eq!(verdict.retry_after(), Some(Duration::from_secs(secs)));
            verdict.opening().map(|opening| opening.as_secs())
        };
        assert_eq!([59, 60, 119, 121].map(|wait| opening(wait, None)), [None, Some(60), Some(119), Some(120)]);
        assert_eq!([59, 60, 301].map(|wait| opening(wait, Some(300))), [None, Some(60), Some(300)]);
        assert_eq!(retry_after_opens(|_: Result<&(), &()>| Verdict::FAILURE)(Ok(&())), Verdict::FAILURE);
    }
}
