//! `reqwest`'s responses and errors.

use crate::integration::http::http_head;
use crate::integration::source::find;
use crate::integration::status::status;
use crate::verdict::Verdict;
use ::reqwest::{Error, Response};
use std::error::Error as _;

/// Classifies the result of a function that returns a response of `reqwest` 0.13: as [`http_head`](crate::classify::http_head) and [`reqwest_error`] do.
///
/// ```
/// use resilience_runtime::{Rejection, classify, retry};
///
/// #[derive(Debug, thiserror::Error)]
/// enum StockError {
///     #[error(transparent)]
///     Http(#[from] reqwest::Error),
///     #[error(transparent)]
///     Rejected(#[from] Rejection),
/// }
///
/// // An answer of 503 is tried again, and not before its `Retry-After`.
/// #[retry(attempts = 3, classify = |result| match result {
///     Ok(response) => classify::reqwest(Ok(response)),
///     Err(StockError::Http(error)) => classify::reqwest_error(error),
///     Err(StockError::Rejected(_)) => resilience_runtime::Verdict::IGNORED,
/// })]
/// async fn stock(client: &reqwest::Client, item: &str) -> Result<reqwest::Response, StockError> {
///     Ok(client.get(format!("http://warehouse/stock/{item}")).send().await?)
/// }
/// # let _ = stock;
/// ```
pub fn reqwest(result: Result<&Response, &Error>) -> Verdict {
    result.map_or_else(reqwest_error, |response| http_head(response.status(), response.headers()))
}

/// Classifies an error of `reqwest` 0.13.
///
/// | error | verdict |
/// |---|---|
/// | of a request that cannot be built | `IGNORED` |
/// | of a status (`error_for_status`) | as [`status`](crate::classify::status) has it |
/// | timeout, connection, request, body; an answer that broke off while it was read | `FAILURE` |
/// | an answer that cannot be decoded, a redirect that is not followed, an upgrade | `FAILURE.not_again()` |
///
/// ```
/// use resilience_runtime::{Verdict, classify};
///
/// let client = reqwest::Client::new();
/// let error = client.get("no address").build().unwrap_err();
/// assert_eq!(classify::reqwest_error(&error), Verdict::IGNORED);
/// ```
pub fn reqwest_error(error: &Error) -> Verdict {
    if error.is_builder() {
        Verdict::IGNORED
    } else if let Some(code) = error.status() {
        status(code.as_u16())
    } else if error.is_timeout() || error.is_decode() && broke_off(error) {
        Verdict::FAILURE
    } else if error.is_decode() || error.is_redirect() || error.is_upgrade() {
        Verdict::FAILURE.not_again()
    } else {
        Verdict::FAILURE
    }
}

/// Whether what could not be decoded did not arrive: everything that goes wrong while an answer is read is an error of decoding.
fn broke_off(error: &Error) -> bool {
    error.source().and_then(find::<Error>).is_some_and(Error::is_body)
}
