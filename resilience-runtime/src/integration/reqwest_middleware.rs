//! `reqwest-middleware`: a breaker, a bulkhead and a rate limiter for each host that a client talks to, and retries around them.

use crate::bulkhead::Bulkhead;
use crate::circuit_breaker::CircuitBreaker;
use crate::error::{Failure, Rejection};
use crate::integration::reqwest::{reqwest, reqwest_error};
use crate::integration::source::find;
use crate::rate_limit::RateLimiter;
use crate::retry::Retry;
use crate::verdict::Verdict;
use ::http::{Extensions, HeaderMap, Method, StatusCode, header};
use ::reqwest::{Request, Response, Url, redirect};
use ::reqwest_middleware::{Error, Middleware, Next, Result as Answer};
use async_trait::async_trait;
use std::sync::Arc;
use tokio::sync::Mutex;

/// As many as reqwest follows by itself.
const MOST_REDIRECTS: usize = 10;

/// What a client keeps apart by host: for `reqwest-middleware` 0.5, whose requests go through these policies.
///
/// Each policy is there once it is given, and has an instance for every host and port that is asked, as with a `key`. From the outside in:
///
/// * [`retry`](Self::retry): requests are sent again by the verdict of [`classify::reqwest`](crate::classify::reqwest()), where the method may be repeated (GET, HEAD, PUT, DELETE,
///   OPTIONS, TRACE) or the request is marked as [`Repeatable`]. A body that cannot be cloned, such as a stream, is sent once. Of rejections, a full bulkhead and a limit that is
///   reached are worth another try, whatever `retry_rejections` says.
/// * [`circuit_breaker`](Self::circuit_breaker), which counts by the same verdict,
/// * [`bulkhead`](Self::bulkhead), whose place is held until the answer's head is there,
/// * [`rate_limit`](Self::rate_limit).
///
/// A rejection becomes an error of the middleware, in which [`Rejection::source_of`] finds it.
///
/// **Redirects.** By itself a client follows a redirect to another host without asking anybody. With the policy that [`redirects`](Self::redirects) makes it follows those that stay
/// on a host; those that lead to another one are followed here, under the policies of that host, ten of them at most. Without it the answer of the other host counts for that one,
/// but an error on the way there counts for the host that was asked.
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use resilience_runtime::{Bulkhead, CircuitBreaker, PerHost, Retry};
///
/// let (per_host, redirects) = PerHost::new()
///     .retry(Retry::builder("partners").attempts(3).budget(10.0).register()?)
///     .circuit_breaker(CircuitBreaker::builder("partners").register()?)
///     .bulkhead(Bulkhead::builder("partners").max_concurrent(20).register()?)
///     .redirects();
/// let client = reqwest::Client::builder().redirect(redirects).build()?;
/// let client = reqwest_middleware::ClientBuilder::new(client).with(per_host).build();
///
/// client.get("http://partner.example/prices").send().await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
pub struct PerHost {
    retry: Option<Arc<Retry>>,
    breaker: Option<Arc<CircuitBreaker>>,
    bulkhead: Option<Arc<Bulkhead>>,
    limiter: Option<Arc<RateLimiter>>,
    /// The client leaves redirects to other hosts to us.
    follows: bool,
}

/// Marks a request that may be sent again whatever its method, because the other side knows it by an idempotency key, say.
///
/// ```no_run
/// # async fn run(client: reqwest_middleware::ClientWithMiddleware) -> reqwest_middleware::Result<()> {
/// use resilience_runtime::Repeatable;
///
/// let order = client.post("http://partner.example/orders").header("idempotency-key", "17");
/// order.with_extension(Repeatable).send().await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Repeatable;

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
#[error("no answer of `{host}`")]
struct NoAnswer {
    host: String,
    #[source]
    rejection: Rejection,
}

impl PerHost {
    /// With no policy: every request is sent.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends again what failed.
    #[must_use]
    pub fn retry(mut self, retry: impl Into<Arc<Retry>>) -> Self {
        self.retry = Some(retry.into());
        self
    }

    /// A circuit breaker a host.
    #[must_use]
    pub fn circuit_breaker(mut self, breaker: impl Into<Arc<CircuitBreaker>>) -> Self {
        self.breaker = Some(breaker.into());
        self
    }

    /// A bulkhead a host.
    #[must_use]
    pub fn bulkhead(mut self, bulkhead: impl Into<Arc<Bulkhead>>) -> Self {
        self.bulkhead = Some(bulkhead.into());
        self
    }

    /// A rate limiter a host.
    #[must_use]
    pub fn rate_limit(mut self, limiter: impl Into<Arc<RateLimiter>>) -> Self {
        self.limiter = Some(limiter.into());
        self
    }

    /// Follows redirects to other hosts under the policies of those, and the policy for `reqwest::ClientBuilder::redirect` that leaves them to it: the client follows only those
    /// that stay on a host, ten of them at most.
    pub fn redirects(mut self) -> (Self, redirect::Policy) {
        self.follows = true;
        let on_one_host = redirect::Policy::custom(|attempt| {
            let from = attempt.previous().last();
            if from.is_some_and(|from| key(from) != key(attempt.url())) {
                attempt.stop()
            } else {
                redirect::Policy::limited(MOST_REDIRECTS).redirect(attempt)
            }
        });
        (self, on_one_host)
    }

    /// To one host, as often as the retry says.
    async fn send(&self, request: Request, extensions: &mut Extensions, next: &Next<'_>) -> Answer<Response> {
        let host = key(request.url());
        let may_repeat = is_repeatable(request.method()) || extensions.get::<Repeatable>().is_some();
        // An attempt follows another, so nobody ever waits for it.
        let extensions = Mutex::new(extensions);
        let attempt = |request| self.attempt(&host, request, &extensions, next);
        let result = match self.retry.as_ref().filter(|_| may_repeat && request.try_clone().is_some()) {
            None => attempt(request).await,
            Some(retry) => {
                let copy = || request.try_clone().expect("a body that can be cloned once can be cloned again");
                retry.call_classified(|| attempt(copy()), judged).await
            }
        };
        result.map_err(|failure| match failure {
            Failure::Call(error) => error,
            Failure::Rejected(rejection) => Error::middleware(NoAnswer { host, rejection }),
        })
    }

    async fn attempt(
        &self,
        host: &str,
        request: Request,
        extensions: &Mutex<&mut Extensions>,
        next: &Next<'_>,
    ) -> Result<Response, Failure<Error>> {
        let call = async {
            let _place = match &self.bulkhead {
                Some(bulkhead) => Some(bulkhead.keyed(host).acquire().await?),
                None => None,
            };
            if let Some(limiter) = &self.limiter {
                limiter.keyed(host).acquire().await?;
            }
            next.clone().run(request, &mut **extensions.lock().await).await.map_err(Failure::Call)
        };
        let Some(breaker) = &self.breaker else { return call.await };
        let counted = |result: Result<&Response, &Failure<Error>>| match result {
            // The host that was asked has answered, with a redirect that the client has followed.
            Ok(response) if key(response.url()) != host => Verdict::SUCCESS,
            Err(Failure::Rejected(_)) => Verdict::IGNORED,
            _ => judged(result),
        };
        match breaker.keyed(host).call_classified(call, counted).await {
            Ok(response) => {
                let other = key(response.url());
                if other != host
                    && let Ok(permit) = breaker.keyed(&*other).try_acquire()
                {
                    permit.record(reqwest(Ok(&response)).outcome());
                }
                Ok(response)
            }
            Err(Failure::Call(failure)) => Err(failure),
            Err(Failure::Rejected(rejection)) => Err(Failure::Rejected(rejection)),
        }
    }
}

#[async_trait]
impl Middleware for PerHost {
    async fn handle(&self, mut request: Request, extensions: &mut Extensions, next: Next<'_>) -> Answer<Response> {
        for _ in 0..if self.follows { MOST_REDIRECTS } else { 0 } {
            // Of one whose body cannot be cloned the rest is kept: after most redirects no body is sent.
            let (kept, is_whole) = request.try_clone().map_or_else(|| (head_of(&request), false), |copy| (copy, true));
            let response = self.send(request, extensions, &next).await?;
            match onward(kept, is_whole, &response) {
                Some(other) => request = other,
                None => return Ok(response),
            }
        }
        self.send(request, extensions, &next).await
    }
}

/// Who is told apart: a host and its port.
fn key(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port_or_known_default().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Whether a request of that method does twice what it does once.
fn is_repeatable(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::PUT | Method::DELETE | Method::OPTIONS | Method::TRACE)
}

fn judged(result: Result<&Response, &Failure<Error>>) -> Verdict {
    match result {
        Ok(response) => reqwest(Ok(response)),
        Err(Failure::Call(Error::Reqwest(error))) => reqwest_error(error),
        // Another middleware's, which may have one of reqwest's inside.
        Err(Failure::Call(Error::Middleware(error))) => find(&**error).map_or(Verdict::IGNORED, reqwest_error),
        Err(Failure::Rejected(Rejection::BulkheadFull { .. })) => Verdict::IGNORED.again(),
        Err(Failure::Rejected(Rejection::RateLimited { retry_after: Some(wait), .. })) => {
            Verdict::IGNORED.again().after(*wait)
        }
        Err(Failure::Rejected(_)) => Verdict::IGNORED,
    }
}

/// Without its body.
fn head_of(request: &Request) -> Request {
    let mut head = Request::new(request.method().clone(), request.url().clone());
    *head.headers_mut() = request.headers().clone();
    *head.timeout_mut() = request.timeout().copied();
    *head.version_mut() = request.version();
    head
}

/// What an answer asks to send to another host in place of the request; as reqwest does it, which has left it to us.
fn onward(mut request: Request, is_whole: bool, response: &Response) -> Option<Request> {
    let location = response.headers().get(header::LOCATION)?.to_str().ok()?;
    let url = response.url().join(location).ok()?;
    if key(&url) == key(response.url()) || !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    let becomes_get = match response.status() {
        StatusCode::SEE_OTHER => request.method() != Method::HEAD,
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => request.method() == Method::POST,
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => false,
        _ => return None,
    };
    if becomes_get {
        *request.method_mut() = Method::GET;
        *request.body_mut() = None;
        let of_the_body =
            [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::CONTENT_ENCODING, header::TRANSFER_ENCODING];
        without(request.headers_mut(), &of_the_body);
    } else if !is_whole {
        return None;
    }
    *request.url_mut() = url;
    // Meant for the host that was asked.
    let secret = [
        header::AUTHORIZATION,
        header::COOKIE,
        header::HOST,
        header::PROXY_AUTHORIZATION,
        header::WWW_AUTHENTICATE,
        header::HeaderName::from_static("cookie2"),
    ];
    without(request.headers_mut(), &secret);
    Some(request)
}

fn without(headers: &mut HeaderMap, names: &[header::HeaderName]) {
    for name in names {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::reqwest::ResponseBuilderExt;

    /// What becomes of a request with a body that is led to another host.
    fn onward_of(method: Method, status: u16, is_whole: bool) -> Option<Request> {
        let mut request = Request::new(method, "http://one/".parse().unwrap());
        *request.body_mut() = is_whole.then(|| "an order".into());
        for name in OF_THE_BODY.iter().chain(&OF_THE_HOST).chain(&KEPT) {
            request.headers_mut().insert(name.parse::<header::HeaderName>().unwrap(), "8".parse().unwrap());
        }
        let response = ::http::Response::builder().status(status).header(header::LOCATION, "http://other/there");
        let response = response.url("http://one/".parse().unwrap()).body("").unwrap();
        onward(request, is_whole, &response.into())
    }

    const OF_THE_BODY: [&str; 4] = ["content-type", "content-length", "content-encoding", "transfer-encoding"];
    const OF_THE_HOST: [&str; 6] =
        ["authorization", "cookie", "cookie2", "host", "proxy-authorization", "www-authenticate"];
    const KEPT: [&str; 2] = ["accept", "content-language"];

    #[test]
    fn what_leads_to_another_host_takes_the_body_along_or_leaves_all_of_it_behind() {
        let (get, head, post, put) = (Method::GET, Method::HEAD, Method::POST, Method::PUT);
        for (status, method, becomes_get) in [
            (301, &post, true),
            (302, &post, true),
            (303, &post, true),
            (303, &put, true),
            (301, &put, false),
            (302, &put, false),
            (303, &head, false),
            (307, &post, false),
            (308, &post, false),
            (307, &put, false),
        ] {
            for is_whole in [true, false] {
                let case = format!("{status} {method}, whole: {is_whole}");
                let onward = onward_of(method.clone(), status, is_whole);
                let Some(onward) = onward else {
                    assert!(!is_whole && !becomes_get, "{case}");
                    continue;
                };
                assert!(is_whole || becomes_get, "its body is gone: {case}");
                assert_eq!(onward.url().as_str(), "http://other/there", "{case}");
                assert_eq!(onward.method(), if becomes_get { &get } else { method }, "{case}");
                assert_eq!(onward.body().is_some(), !becomes_get, "{case}");
                let has = |name: &&str| onward.headers().contains_key(*name);
                assert!(OF_THE_BODY.iter().all(|name| has(name) != becomes_get), "{case}: {onward:?}");
                assert!(!OF_THE_HOST.iter().any(has) && KEPT.iter().all(has), "{case}: {onward:?}");
            }
        }
        for status in [200, 300, 304, 500] {
            assert!(onward_of(Method::POST, status, true).is_none(), "{status}");
        }
    }
}
