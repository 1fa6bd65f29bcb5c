//! What a rejection looks like from outside, whichever framework sends it: a status, a `Retry-After` and a problem (RFC 9457).

use crate::error::{Rejection, RejectionKind};
use std::fmt::Write;

pub(crate) const CONTENT_TYPE: &str = "application/problem+json";

/// An answer of HTTP for a rejection. It names the policy, and nothing of what is inside: not a key, not why a breaker opened, not what an error said.
pub(crate) struct Problem {
    pub(crate) status: u16,
    /// Seconds, rounded up: who comes back so late is not too early.
    pub(crate) retry_after: Option<u64>,
    pub(crate) body: String,
}

impl Problem {
    pub(crate) fn of(rejection: &Rejection) -> Self {
        let kind = rejection.kind();
        let (status, title) = match kind {
            RejectionKind::CircuitOpen => (503, "Circuit breaker open"),
            RejectionKind::BulkheadFull => (503, "Too many calls in flight"),
            RejectionKind::RateLimited => (429, "Rate limit reached"),
            RejectionKind::TimedOut => (504, "Timed out"),
            RejectionKind::Unsuccessful => (502, "Unsuccessful answer"),
        };
        let policy = Json(rejection.name());
        Self {
            status,
            retry_after: rejection.retry_after().map(|wait| wait.as_nanos().div_ceil(1_000_000_000) as u64),
            body: format!(
                r#"{{"type":"urn:resilience:{kind}","title":"{title}","status":{status},"policy":"{policy}"}}"#
            ),
        }
    }
}

/// A text between the quotes of JSON.
struct Json<'a>(&'a str);

impl std::fmt::Display for Json<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '"' | '\\' => write!(f, "\\{c}"),
            c if c.is_control() => write!(f, "\\u{:04x}", u32::from(c)),
            c => f.write_char(c),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::OpenReason;
    use std::time::Duration;

    #[test]
    fn each_kind_of_rejection() {
        let wait = |millis| Some(Duration::from_millis(millis));
        let open = |retry_after| Rejection::CircuitOpen {
            name: "stock".into(),
            key: None,
            retry_after,
            reason: OpenReason::Forced,
        };
        let limited = |retry_after| Rejection::RateLimited { name: "stock".into(), key: None, retry_after };
        let rows = [
            (open(wait(1001)), 503, Some(2), "circuit_open", "Circuit breaker open"),
            (open(wait(1000)), 503, Some(1), "circuit_open", "Circuit breaker open"),
            (open(Some(Duration::from_nanos(1_000_000_001))), 503, Some(2), "circuit_open", "Circuit breaker open"),
            (open(Some(Duration::ZERO)), 503, Some(0), "circuit_open", "Circuit breaker open"),
            (open(None), 503, None, "circuit_open", "Circuit breaker open"),
            (
                Rejection::BulkheadFull { name: "stock".into(), key: None },
                503,
                None,
                "bulkhead_full",
                "Too many calls in flight",
            ),
            (limited(wait(1)), 429, Some(1), "rate_limited", "Rate limit reached"),
            (limited(None), 429, None, "rate_limited", "Rate limit reached"),
            (
                Rejection::TimedOut { name: "stock".into(), after: Duration::from_secs(2) },
                504,
                None,
                "timed_out",
                "Timed out",
            ),
            (Rejection::Unsuccessful { name: "stock".into() }, 502, None, "unsuccessful", "Unsuccessful answer"),
        ];
        for (rejection, status, retry_after, kind, title) in rows {
            let problem = Problem::of(&rejection);
            assert_eq!((problem.status, problem.retry_after), (status, retry_after), "{rejection:?}");
            let body = r#"{"type":"urn:resilience:KIND","title":"TITLE","status":STATUS,"policy":"stock"}"#;
            let body = body.replace("KIND", kind).replace("TITLE", title).replace("STATUS", &status.to_string());
            assert_eq!(problem.body, body);
        }
    }

    #[test]
    fn nothing_in_a_name_ends_the_text() {
        let problem = Problem::of(&Rejection::Unsuccessful { name: "a\"b\\c\nd é".into() });
        assert!(problem.body.ends_with(r#""policy":"a\"b\\c\u000ad é"}"#), "{}", problem.body);
    }
}
