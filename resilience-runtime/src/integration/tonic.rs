//! `tonic`'s statuses: which say that the other side did not do its work, and which one a rejection is.

use crate::error::{Rejection, RejectionKind};
use crate::integration::LONGEST_WAIT;
use crate::verdict::Verdict;
use ::tonic::{Code, Status};
use std::sync::Arc;
use std::time::Duration;

/// How long the server asks to be left alone, in milliseconds; negative where it wants no other try.
const PUSHBACK: &str = "grpc-retry-pushback-ms";
/// Classifies the result of a function that fails with a [`Status`] of `tonic` 0.14. Every `Ok` is a success.
///
/// ```
/// use resilience_runtime::{circuit_breaker, classify, retry};
/// use tonic::{Code, Response, Status};
///
/// #[retry(attempts = 3, classify = classify::tonic)]
/// #[circuit_breaker("quotes")]
/// async fn quote(symbol: &str) -> Result<Response<f64>, Status> {
///     if symbol == "ACME" { Ok(Response::new(7.5)) } else { Err(Status::not_found("no such symbol")) }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// assert_eq!(quote("ACME").await.unwrap().into_inner(), 7.5);
/// assert_eq!(quote("?").await.unwrap_err().code(), Code::NotFound); // an answer: not tried again, and no failure
/// # }
/// ```
pub fn tonic<T: ?Sized>(result: Result<&T, &Status>) -> Verdict {
    result.map_or_else(tonic_status, |_| Verdict::SUCCESS)
}

/// Classifies a [`Status`] of `tonic` 0.14 by its code.
///
/// | code | verdict |
/// |---|---|
/// | Ok, InvalidArgument, NotFound, AlreadyExists, PermissionDenied, Unauthenticated, FailedPrecondition, OutOfRange, Unimplemented | `SUCCESS` |
/// | Unavailable, DeadlineExceeded | `FAILURE` |
/// | ResourceExhausted, Aborted | `IGNORED.again()` |
/// | Internal, Unknown, DataLoss | `FAILURE.not_again()` |
/// | Cancelled | `IGNORED` |
///
/// Where the metadata has `grpc-retry-pushback-ms`, that says what another try is worth of whatever is no success (gRFC A6): a number is `after` so many milliseconds, a day at
/// most, and one that is negative or cannot be read is `not_again`.
///
/// ```
/// use resilience_runtime::{Verdict, classify};
/// use tonic::Status;
///
/// assert_eq!(classify::tonic_status(&Status::unavailable("starting")), Verdict::FAILURE);
/// ```
pub fn tonic_status(status: &Status) -> Verdict {
    let verdict = match status.code() {
        Code::Ok
        | Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::Unauthenticated
        | Code::FailedPrecondition
        | Code::OutOfRange
        | Code::Unimplemented => Verdict::SUCCESS,
        Code::Unavailable | Code::DeadlineExceeded => Verdict::FAILURE,
        Code::ResourceExhausted | Code::Aborted => Verdict::IGNORED.again(),
        Code::Internal | Code::Unknown | Code::DataLoss => Verdict::FAILURE.not_again(),
        Code::Cancelled => Verdict::IGNORED,
    };
    match status.metadata().get(PUSHBACK) {
        None => verdict,
        Some(asked) => match asked.to_str().ok().and_then(|asked| asked.parse().ok()) {
            Some(millis) => verdict.after(Duration::from_millis(millis).min(LONGEST_WAIT)),
            None => verdict.not_again(),
        },
    }
}

/// With the rejection as its [source](std::error::Error::source), and `grpc-retry-pushback-ms` in its metadata, rounded up, where it is known when another try may help. Its
/// message has the name of the policy, and nothing of what is inside.
///
/// | rejection | code |
/// |---|---|
/// | circuit open, unsuccessful | Unavailable |
/// | bulkhead full, rate limited | ResourceExhausted |
/// | timed out | DeadlineExceeded |
///
/// ```
/// use resilience_runtime::Rejection;
/// use tonic::{Code, Status};
///
/// let full = Rejection::BulkheadFull { name: "quotes".into(), key: None };
/// let status = Status::from(full.clone());
/// assert_eq!((status.code(), status.message()), (Code::ResourceExhausted, "bulkhead `quotes` is full"));
/// assert_eq!(Rejection::source_of(&status), Some(&full));
/// ```
impl From<Rejection> for Status {
    fn from(rejection: Rejection) -> Self {
        let name = rejection.name();
        let (code, message) = match rejection.kind() {
            RejectionKind::CircuitOpen => (Code::Unavailable, format!("circuit breaker `{name}` is open")),
            RejectionKind::BulkheadFull => (Code::ResourceExhausted, format!("bulkhead `{name}` is full")),
            RejectionKind::RateLimited => (Code::ResourceExhausted, format!("rate limit `{name}` is reached")),
            RejectionKind::TimedOut => (Code::DeadlineExceeded, format!("`{name}` timed out")),
            RejectionKind::Unsuccessful => (Code::Unavailable, format!("`{name}` was not successful")),
        };
        let mut status = Self::new(code, message);
        if let Some(wait) = rejection.retry_after() {
            let millis = u64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
            status.metadata_mut().insert(PUSHBACK, millis.into());
        }
        status.set_source(Arc::new(rejection));
        status
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::OpenReason;
    use crate::name::Key;

    fn pushed_back(code: Code, asked: &'static str) -> Verdict {
        let mut status = Status::new(code, "");
        status.metadata_mut().insert(PUSHBACK, asked.parse().unwrap());
        tonic_status(&status)
    }

    #[test]
    fn each_row_of_the_table() {
        use Code::*;
        let rows: [(&[Code], Verdict); 5] = [
            (
                &[
                    Ok,
                    InvalidArgument,
                    NotFound,
                    AlreadyExists,
                    PermissionDenied,
                    Unauthenticated,
                    FailedPrecondition,
                    OutOfRange,
                    Unimplemented,
                ],
                Verdict::SUCCESS,
            ),
            (&[Unavailable, DeadlineExceeded], Verdict::FAILURE),
            (&[ResourceExhausted, Aborted], Verdict::IGNORED.again()),
            (&[Internal, Unknown, DataLoss], Verdict::FAILURE.not_again()),
            (&[Cancelled], Verdict::IGNORED),
        ];
        for (codes, verdict) in rows {
            for code in codes {
                let status = Status::new(*code, "");
                assert_eq!(tonic_status(&status), verdict, "{code:?}");
                assert_eq!(tonic(Err::<&u8, _>(&status)), verdict, "{code:?}");
            }
        }
        assert_eq!(rows.iter().map(|(codes, _)| codes.len()).sum::<usize>(), 17, "gRPC has as many codes");
        assert_eq!(tonic(Result::Ok(&1)), Verdict::SUCCESS);
    }

    #[test]
    fn the_server_says_what_another_try_is_worth() {
        let wait = Duration::from_millis(250);
        assert_eq!(pushed_back(Code::Unavailable, "250"), Verdict::FAILURE.after(wait));
        assert_eq!(pushed_back(Code::ResourceExhausted, "250"), Verdict::IGNORED.again().after(wait));
        assert_eq!(pushed_back(Code::Internal, "250"), Verdict::FAILURE.after(wait));
        assert_eq!(pushed_back(Code::Unavailable, "0"), Verdict::FAILURE.after(Duration::ZERO));
        assert_eq!(pushed_back(Code::NotFound, "250"), Verdict::SUCCESS);
        for unwilling in ["-1", "", "soon", "1.5", "99999999999999999999999"] {
            assert_eq!(pushed_back(Code::Unavailable, unwilling), Verdict::FAILURE.not_again(), "{unwilling:?}");
            assert_eq!(pushed_back(Code::ResourceExhausted, unwilling), Verdict::IGNORED, "{unwilling:?}");
        }
        assert_eq!(pushed_back(Code::Unavailable, "18446744073709551615"), Verdict::FAILURE.after(LONGEST_WAIT));
    }

    #[test]
    fn each_rejection_is_a_status_with_itself_as_the_source() {
        let wait = Some(Duration::from_micros(1_000_001));
        let key = Key::from("secret");
        let rows = [
            (
                Rejection::CircuitOpen {
                    name: "quotes".into(),
                    key: Some(key.clone()),
                    retry_after: wait,
                    reason: OpenReason::Forced,
                },
                Code::Unavailable,
                Some("1001"),
                "circuit breaker `quotes` is open",
            ),
            (
                Rejection::BulkheadFull { name: "quotes".into(), key: Some(key) },
                Code::ResourceExhausted,
                None,
                "bulkhead `quotes` is full",
            ),
            (
                Rejection::RateLimited { name: "quotes".into(), key: None, retry_after: wait },
                Code::ResourceExhausted,
                Some("1001"),
                "rate limit `quotes` is reached",
            ),
            (
                Rejection::TimedOut { name: "quotes".into(), after: Duration::from_secs(1) },
                Code::DeadlineExceeded,
                None,
                "`quotes` timed out",
            ),
            (Rejection::Unsuccessful { name: "quotes".into() }, Code::Unavailable, None, "`quotes` was not successful"),
        ];
        for (rejection, code, pushback, message) in rows {
            let status = Status::from(rejection.clone());
            assert_eq!((status.code(), status.message()), (code, message));
            assert_eq!(status.metadata().get(PUSHBACK).map(|value| value.to_str().unwrap()), pushback);
            assert_eq!(Rejection::source_of(&status), Some(&rejection));
        }
    }
}
