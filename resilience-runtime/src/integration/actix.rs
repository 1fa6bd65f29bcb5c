//! `actix-web`: a rejection is the error of a handler.

use crate::error::{Failure, Rejection};
use crate::integration::problem::{CONTENT_TYPE, Problem};
use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};

/// For `actix-web` 4: a problem as in RFC 9457, which has the name of the policy and nothing of what is inside.
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
/// use actix_web::ResponseError;
/// use resilience_runtime::Rejection;
///
/// let rejection = Rejection::BulkheadFull { name: "stock".into(), key: None };
/// assert_eq!(rejection.error_response().status(), 503);
/// ```
impl ResponseError for Rejection {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(Problem::of(self).status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE)
    }

    fn error_response(&self) -> HttpResponse {
        let Problem { retry_after, body, .. } = Problem::of(self);
        let mut response = HttpResponse::build(self.status_code());
        response.content_type(CONTENT_TYPE);
        if let Some(seconds) = retry_after {
            response.insert_header((header::RETRY_AFTER, seconds));
        }
        response.body(body)
    }
}

/// The call's own error answers as it does by itself, a rejection as a [`Rejection`] does.
impl<E: ResponseError> ResponseError for Failure<E> {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Call(error) => error.status_code(),
            Self::Rejected(rejection) => rejection.status_code(),
        }
    }

    fn error_response(&self) -> HttpResponse {
        match self {
            Self::Call(error) => error.error_response(),
            Self::Rejected(rejection) => rejection.error_response(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::OpenReason;
    use actix_web::body::MessageBody;
    use actix_web::error::InternalError;
    use std::time::Duration;

    fn open(retry_after: Option<Duration>) -> Rejection {
        Rejection::CircuitOpen { name: "stock".into(), key: None, retry_after, reason: OpenReason::Forced }
    }

    #[test]
    fn a_rejection_is_a_problem() {
        let rejection = open(Some(Duration::from_millis(1500)));
        assert_eq!(rejection.status_code(), 503);
        let response = rejection.error_response();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers().get("content-type").unwrap(), "application/problem+json");
        assert_eq!(response.headers().get("retry-after").unwrap(), "2");
        assert_eq!(response.into_body().try_into_bytes().unwrap(), Problem::of(&rejection).body);
        assert!(!open(None).error_response().headers().contains_key("retry-after"));
    }

    #[test]
    fn a_failure_is_what_is_in_it() {
        let call = Failure::Call(InternalError::new("short and stout", StatusCode::IM_A_TEAPOT));
        assert_eq!(
            (call.status_code(), call.error_response().status()),
            (StatusCode::IM_A_TEAPOT, StatusCode::IM_A_TEAPOT)
        );
        let rejected = Failure::<InternalError<&str>>::Rejected(open(None));
        assert_eq!(rejected.status_code(), 503);
        assert_eq!(rejected.error_response().headers().get("content-type").unwrap(), "application/problem+json");
    }
}
