//! HTTP's answers in the types of the crate `http`: what a status and its `Retry-After` say.

use crate::integration::LONGEST_WAIT;
use crate::integration::status::status;
use crate::verdict::Verdict;
use ::http::{HeaderMap, Response, StatusCode, header};
use std::time::{Duration, SystemTime};

/// Classifies the result of a function that returns an `http::Response`, of the crate `http` 1, by its status and its `Retry-After`. Every `Err` is a failure.
///
/// The table is that of [`http_head`].
///
/// ```
/// use http::Response;
/// use resilience_runtime::{Retry, Verdict, classify};
/// use std::time::Duration;
///
/// let busy = Response::builder().status(503).header("retry-after", "2").body(()).unwrap();
/// assert_eq!(classify::http(Ok::<_, &()>(&busy)), Verdict::FAILURE.after(Duration::from_secs(2)));
/// ```
pub fn http<B, E>(result: Result<&Response<B>, &E>) -> Verdict {
    result.map_or(Verdict::FAILURE, |response| http_head(response.status(), response.headers()))
}

/// Classifies an answer of HTTP by its head, of whatever client it comes: status and headers are of the crate `http` 1.
///
/// | status | verdict |
/// |---|---|
/// | 1xx to 3xx, and every 4xx that is not below | `SUCCESS` |
/// | 408, 425 | `FAILURE` |
/// | 429 | `IGNORED.again()` |
/// | 501, 505, 511 | `FAILURE.not_again()` |
/// | every other 5xx | `FAILURE` |
///
/// Where another try may help, it is `after` what [`retry_after`] reads, if that is anything.
///
/// ```
/// use http::{HeaderMap, StatusCode};
/// use resilience_runtime::{Verdict, classify};
///
/// assert_eq!(classify::http_head(StatusCode::BAD_GATEWAY, &HeaderMap::new()), Verdict::FAILURE);
/// ```
pub fn http_head(code: StatusCode, headers: &HeaderMap) -> Verdict {
    let verdict = status(code.as_u16());
    match retry_after(headers) {
        Some(wait) if verdict.is_worth_another_try() => verdict.after(wait),
        _ => verdict,
    }
}

/// How long the header `Retry-After` asks to wait: a number of seconds, or a date, which is read against the header `Date` of the same answer, so that clocks
/// may differ; without one, against the system's clock.
///
/// At most one day. `None` without the header, where it cannot be read, and where there is nothing left to wait: for no second, or until a date that has passed. A retry
/// waits by its own backoff then.
///
/// ```
/// use http::HeaderMap;
/// use resilience_runtime::classify;
/// use std::time::Duration;
///
/// let mut headers = HeaderMap::new();
/// headers.insert("date", "Wed, 21 Oct 2026 07:28:00 GMT".parse().unwrap());
/// headers.insert("retry-after", "Wed, 21 Oct 2026 07:29:30 GMT".parse().unwrap());
/// assert_eq!(classify::retry_after(&headers), Some(Duration::from_secs(90)));
/// ```
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let asked = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if !asked.is_empty() && asked.bytes().all(|digit| digit.is_ascii_digit()) {
        // Digits that are no number are one that is too large.
        asked.parse().map_or(LONGEST_WAIT, Duration::from_secs)
    } else {
        let until = httpdate::parse_http_date(asked).ok()?;
        let now = headers.get(header::DATE).and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
        until.duration_since(now.unwrap_or_else(SystemTime::now)).ok()?
    };
    (!wait.is_zero()).then(|| wait.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: &str = "Wed, 21 Oct 2026 07:28:00 GMT";

    fn head(code: u16, headers: &[(&'static str, &str)]) -> Response<()> {
        let mut response = Response::builder().status(code);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        response.body(()).unwrap()
    }

    fn asked(headers: &[(&'static str, &str)]) -> Option<Duration> {
        retry_after(head(503, headers).headers())
    }

    #[test]
    fn every_status_is_judged_as_by_its_number() {
        for code in 100..1000 {
            assert_eq!(http(Ok::<_, &()>(&head(code, &[]))), status(code), "{code}");
        }
        assert_eq!(http(Err::<&Response<()>, _>(&"refused")), Verdict::FAILURE);
    }

    #[test]
    fn a_wait_is_kept_where_another_try_may_help() {
        let wait = Duration::from_secs(7);
        let judged = |code| http(Ok::<_, &()>(&head(code, &[("retry-after", "7")])));
        assert_eq!(judged(503), Verdict::FAILURE.after(wait));
        assert_eq!(judged(429), Verdict::IGNORED.again().after(wait));
        assert_eq!(judged(408), Verdict::FAILURE.after(wait));
        assert_eq!(judged(501), Verdict::FAILURE.not_again());
        assert_eq!(judged(301), Verdict::SUCCESS);
        assert_eq!(judged(404), Verdict::SUCCESS);
    }

    #[test]
    fn seconds() {
        let seconds = |text: &str| asked(&[("retry-after", text)]);
        assert_eq!(seconds("120"), Some(Duration::from_secs(120)));
        assert_eq!(seconds("0007 "), Some(Duration::from_secs(7)));
        assert_eq!(seconds("0"), None);
        for wrong in ["", "-1", "1.5", "+3", "soon", "1 2", "٣"] {
            assert_eq!(seconds(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_day_is_the_most() {
        for long in
            ["86400", "86401", "18446744073709551615", "99999999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"]
        {
            assert_eq!(asked(&[("retry-after", long), ("date", DATE)]), Some(LONGEST_WAIT), "{long}");
        }
    }

    #[test]
    fn a_date_is_read_against_that_of_the_answer() {
        let until = |text: &str| asked(&[("date", DATE), ("retry-after", text)]);
        assert_eq!(until("Wed, 21 Oct 2026 07:28:30 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(until("Wednesday, 21-Oct-26 07:28:30 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(until("Wed Oct 21 07:28:30 2026"), Some(Duration::from_secs(30)));
        assert_eq!(until(DATE), None);
        assert_eq!(until("Wed, 21 Oct 2026 07:27:59 GMT"), None);
        assert_eq!(until("Wed, 32 Oct 2026 07:28:30 GMT"), None);
    }

    #[test]
    fn without_a_date_the_clock_of_the_system_is_read() {
        let until = |at: SystemTime, date: &[(&'static str, &str)]| {
            asked(&[&[("retry-after", &*httpdate::fmt_http_date(at))], date].concat())
        };
        let minute = Duration::from_secs(60);
        for date in [&[][..], &[("date", "yesterday")]] {
            let wait = until(SystemTime::now() + minute, date).unwrap();
            assert!(wait <= minute && wait > minute / 2, "{wait:?}");
            assert_eq!(until(SystemTime::now() - minute, date), None);
        }
    }
}
