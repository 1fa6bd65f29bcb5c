//! Errors that hide what happened behind others: `anyhow::Error`, boxed errors.

use crate::verdict::Verdict;
use std::error::Error;

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
        let mut link: Option<&(dyn Error + 'static)> = Some(error.as_ref());
        while let Some(error) = link {
            if let Some(found) = error.downcast_ref::<S>() {
                return classify(found);
            }
            link = error.source();
        }
        Verdict::FAILURE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

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
}
