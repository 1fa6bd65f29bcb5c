//! `axum`: a rejection is an answer, so that a handler may return one.

use crate::error::{Failure, Rejection};
use crate::integration::problem::{CONTENT_TYPE, Problem};
use ::http::{HeaderValue, StatusCode, header};
use axum_core::response::{IntoResponse, Response};

/// For `axum` 0.8 (`axum-core` 0.5): a problem as in RFC 9457, which has the name of the policy and nothing of what is inside.
///
/// | rejection | status |
/// |---|---|
/// | circuit open, bulkhead full | 503 |
/// | rate limited | 429 |
/// | timed out | 504 |
/// | unsuccessful | 502 |
///
/// With a `Retry-After` in whole seconds, rounded up, where it is known when another try may help.
///
/// ```
/// use axum_core::response::IntoResponse;
/// use resilience_runtime::Rejection;
///
/// let rejection = Rejection::BulkheadFull { name: "stock".into(), key: None };
/// assert_eq!(rejection.into_response().status(), 503);
/// ```
impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let Problem { status, retry_after, body } = Problem::of(&self);
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
        let mut response = (status, [(header::CONTENT_TYPE, CONTENT_TYPE)], body).into_response();
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// The call's own error answers as it does by itself, a rejection as a [`Rejection`] does.
impl<E: IntoResponse> IntoResponse for Failure<E> {
    fn into_response(self) -> Response {
        match self {
            Self::Call(error) => error.into_response(),
            Self::Rejected(rejection) => rejection.into_response(),
        }
    }
}

/// For a body that is [guarded](macro@crate::timeout) with `between` and did not come in time.
impl From<Rejection> for axum_core::Error {
    fn from(rejection: Rejection) -> Self {
        Self::new(rejection)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::OpenReason;
    use std::time::Duration;

    fn open(retry_after: Option<Duration>) -> Rejection {
        Rejection::CircuitOpen { name: "stock".into(), key: None, retry_after, reason: OpenReason::Forced }
    }

    #[test]
    fn a_rejection_is_a_problem() {
        let response = open(Some(Duration::from_millis(1500))).into_response();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_eq!(response.headers()["retry-after"], "2");
        assert!(!open(None).into_response().headers().contains_key("retry-after"));
    }

    #[test]
    fn a_failure_is_what_is_in_it() {
        let call = Failure::Call((StatusCode::IM_A_TEAPOT, "short and stout")).into_response();
        assert_eq!(call.status(), StatusCode::IM_A_TEAPOT);
        assert_eq!(Failure::<StatusCode>::Rejected(open(None)).into_response().status(), 503);
    }
}
