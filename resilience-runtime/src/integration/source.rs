//! Errors that hide what happened behind others: `anyhow::Error`, boxed errors.

use crate::error::Rejection;
use crate::verdict::Verdict;
use std::error::Error;
use std::io;
use std::sync::Arc;

/// Looks for an error of type `S` in the chain of sources and classifies that one. Without one, the call has failed.
///
/// For `anyhow::Error` and `Box<dyn Error + Send + Sync>`.
///
/// ```
/// use resilience_runtime::{Verdict, classify};
/// use std::{error::Error, io};
///
/// type Boxed = Box<dyn Error + Send + Sync>;
/// let judge = classify::source(classify::io_error);
///
/// let refused: Boxed = io::Error::from(io::ErrorKind::ConnectionRefused).into();
/// assert_eq!(judge(Err::<&(), _>(&refused)), Verdict::FAILURE);
/// let missing: Boxed = io::Error::from(io::ErrorKind::NotFound).into();
/// assert_eq!(judge(Err::<&(), _>(&missing)), Verdict::SUCCESS);
/// ```
pub const fn source<S, T, E>(classify: impl Fn(&S) -> Verdict) -> impl for<'a> Fn(Result<&'a T, &'a E>) -> Verdict
where
    S: Error + 'static,
    E: AsRef<dyn Error + Send + Sync>,
{
    move |result| {
        let Err(error) = result else { return Verdict::SUCCESS };
        find(error.as_ref()).map_or(Verdict::FAILURE, &classify)
    }
}

impl Rejection {
    /// The rejection that an error is or has among its sources: for errors of other crates that were made from one.
    ///
    /// What an [`io::Error`](std::io::Error) or an [`Arc`] was made of is among them, although their `source` leaves it out.
    ///
    /// ```
    /// use resilience_runtime::Rejection;
    ///
    /// let full = Rejection::BulkheadFull { name: "stock".into(), key: None };
    /// let error = std::io::Error::from(full.clone());
    /// assert_eq!(Rejection::source_of(&error), Some(&full));
    /// ```
    pub fn source_of<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e Self> {
        find(error)
    }
}

/// An error of type `S`, itself or among its sources.
pub(crate) fn find<'e, S: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e S> {
    let mut link = Some(error);
    while let Some(error) = link {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        link = wrapped(error).or_else(|| error.source());
    }
    None
}

/// What an error that is only a wrapper was made of: its `source` is that one's.
fn wrapped<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    let in_io = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref).map(|inner| inner as _);
    in_io.or_else(|| error.downcast_ref::<Arc<dyn Error + Send + Sync>>().map(|inner| &**inner as _))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("while reading")]
    struct Outer(#[source] io::Error);

    #[test]
    fn it_is_found_behind_others() {
        let judge = source(crate::integration::io::io_error);
        let nested: Box<dyn Error + Send + Sync> = Outer(io::ErrorKind::NotFound.into()).into();
        assert_eq!(judge(Err::<&u8, _>(&nested)), Verdict::SUCCESS);
        let other: Box<dyn Error + Send + Sync> = "no such thing".into();
        assert_eq!(judge(Err::<&u8, _>(&other)), Verdict::FAILURE);
        assert_eq!(judge(Ok(&1)), Verdict::SUCCESS);
    }

    #[test]
    fn it_is_found_in_what_an_io_error_or_an_arc_was_made_of() {
        let rejection = Rejection::BulkheadFull { name: "stock".into(), key: None };
        let shared: Arc<dyn Error + Send + Sync> = Arc::new(Outer(rejection.clone().into()));
        let nested = Outer(io::Error::other(shared));
        assert_eq!(Rejection::source_of(&nested), Some(&rejection));
        assert_eq!(Rejection::source_of(&Outer(io::ErrorKind::NotFound.into())), None);
    }
}
