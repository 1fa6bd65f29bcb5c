//! `std::io`: which errors say that the other side did not do its work.

use crate::error::{Rejection, RejectionKind};
use crate::verdict::Verdict;
use std::io::{Error, ErrorKind};

/// Classifies the result of a function that fails with an [`io::Error`](Error). Every `Ok` is a success.
///
/// ```
/// use resilience_runtime::{Verdict, classify};
/// use std::io::{Error, ErrorKind};
///
/// let refused = Error::from(ErrorKind::ConnectionRefused);
/// assert_eq!(classify::io(Err::<&(), _>(&refused)), Verdict::FAILURE);
/// assert_eq!(classify::io(Ok(&"answer")), Verdict::SUCCESS);
/// ```
pub fn io<T: ?Sized>(result: Result<&T, &Error>) -> Verdict {
    result.map_or_else(io_error, |_| Verdict::SUCCESS)
}

/// Classifies an [`io::Error`](Error) by its kind.
///
/// | kind | verdict |
/// |---|---|
/// | connection refused, reset or aborted, broken pipe, timed out, unexpected end, not connected, host or network unreachable | `FAILURE` |
/// | interrupted, would block | `IGNORED.again()` |
/// | not found, permission denied, invalid input, already exists | `SUCCESS` |
/// | anything else | `FAILURE.not_again()` |
///
/// ```
/// use resilience_runtime::{Verdict, classify};
///
/// let missing = std::fs::read("no such file").unwrap_err();
/// assert_eq!(classify::io_error(&missing), Verdict::SUCCESS);
/// ```
pub fn io_error(error: &Error) -> Verdict {
    match error.kind() {
        ErrorKind::ConnectionRefused
        | ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::TimedOut
        | ErrorKind::UnexpectedEof
        | ErrorKind::NotConnected
        | ErrorKind::HostUnreachable
        | ErrorKind::NetworkUnreachable => Verdict::FAILURE,
        ErrorKind::Interrupted | ErrorKind::WouldBlock => Verdict::IGNORED.again(),
        ErrorKind::NotFound | ErrorKind::PermissionDenied | ErrorKind::InvalidInput | ErrorKind::AlreadyExists => {
            Verdict::SUCCESS
        }
        _ => Verdict::FAILURE.not_again(),
    }
}

/// With the rejection as its source; a timeout has the kind [`TimedOut`](ErrorKind::TimedOut).
impl From<Rejection> for Error {
    fn from(rejection: Rejection) -> Self {
        let kind = match rejection.kind() {
            RejectionKind::TimedOut => ErrorKind::TimedOut,
            _ => ErrorKind::Other,
        };
        Self::new(kind, rejection)
    }
}

/// Its text.
impl From<Rejection> for String {
    fn from(rejection: Rejection) -> Self {
        rejection.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::OpenReason;

    #[test]
    fn a_rejection_is_the_source_of_an_io_error_and_only_a_timeout_has_a_kind_of_its_own() {
        let (name, after) = (|| "stock".into(), std::time::Duration::from_secs(2));
        let reason = OpenReason::Forced;
        let rejections = [
            (Rejection::TimedOut { name: name(), after }, ErrorKind::TimedOut),
            (Rejection::CircuitOpen { name: name(), key: None, retry_after: None, reason }, ErrorKind::Other),
            (Rejection::BulkheadFull { name: name(), key: None }, ErrorKind::Other),
            (Rejection::RateLimited { name: name(), key: None, retry_after: None }, ErrorKind::Other),
            (Rejection::Unsuccessful { name: name() }, ErrorKind::Other),
        ];
        for (rejection, kind) in rejections {
            let error = Error::from(rejection.clone());
            assert_eq!((error.kind(), error.to_string()), (kind, rejection.to_string()));
            assert!(error.get_ref().is_some_and(|source| source.is::<Rejection>()));
        }
        assert_eq!(
            String::from(Rejection::BulkheadFull { name: "stock".into(), key: None }),
            "bulkhead `stock` is full"
        );
    }

    #[test]
    fn each_row_of_the_table() {
        use ErrorKind::*;
        let rows: [(&[ErrorKind], Verdict); 4] = [
            (
                &[
                    ConnectionRefused,
                    ConnectionReset,
                    ConnectionAborted,
                    BrokenPipe,
                    TimedOut,
                    UnexpectedEof,
                    NotConnected,
                    HostUnreachable,
                    NetworkUnreachable,
                ],
                Verdict::FAILURE,
            ),
            (&[Interrupted, WouldBlock], Verdict::IGNORED.again()),
            (&[NotFound, PermissionDenied, InvalidInput, AlreadyExists], Verdict::SUCCESS),
            (&[InvalidData, StorageFull, Other], Verdict::FAILURE.not_again()),
        ];
        for (kinds, verdict) in rows {
            for kind in kinds {
                assert_eq!(io_error(&Error::from(*kind)), verdict, "{kind:?}");
                assert_eq!(io(Err::<&u8, _>(&Error::from(*kind))), verdict, "{kind:?}");
            }
        }
        assert_eq!(io(Ok(&1)), Verdict::SUCCESS);
    }
}
