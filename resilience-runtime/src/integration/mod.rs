//! Other people's types: how their errors and answers are classified, one file a crate.

pub(crate) mod io;
pub(crate) mod source;
pub(crate) mod status;

use crate::verdict::Verdict;
use std::time::Duration;

/// From where a wait that the dependency asked for also opens the breaker.
const LONG_WAIT: Duration = Duration::from_secs(60);
/// For how long such a wait opens it at most.
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
    move |result| {
        let verdict = inner(result);
        match verdict.retry_after() {
            Some(wait) if wait >= LONG_WAIT => verdict.opens_for(wait.min(LONGEST_OPENING)),
            _ => verdict,
        }
    }
}
