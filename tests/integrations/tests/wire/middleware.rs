//! A client whose requests go through policies of the host that they are for.

use crate::server::{Server, answer};
use reqwest::{Body, Client, Method, StatusCode};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use resilience_runtime::{
    Bulkhead, CircuitBreaker, PerHost, RateLimiter, Rejection, RejectionKind, Repeatable, Retry, State,
};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

fn client(per_host: PerHost) -> ClientWithMiddleware {
    let (per_host, redirects) = per_host.redirects();
    let client = Client::builder().no_proxy().redirect(redirects).timeout(Duration::from_secs(2)).build().unwrap();
    ClientBuilder::new(client).with(per_host).build()
}

fn retry() -> PerHost {
    PerHost::new().retry(Retry::builder("middleware").attempts(3).delay(Duration::from_millis(1)).build().unwrap())
}

fn breaker() -> (Arc<CircuitBreaker>, PerHost) {
    let breaker = CircuitBreaker::builder("middleware").consecutive_failures(1).build().unwrap();
    let breaker = Arc::new(breaker);
    (Arc::clone(&breaker), PerHost::new().circuit_breaker(Arc::clone(&breaker)))
}

/// As a host and a port.
fn host(server: &Server) -> &str {
    server.address.strip_prefix("http://").unwrap()
}

fn state(breaker: &CircuitBreaker, server: &Server) -> Option<State> {
    breaker.of_key(host(server)).map(|breaker| breaker.state())
}

fn kind(error: &reqwest_middleware::Error) -> Option<RejectionKind> {
    Rejection::source_of(error).map(Rejection::kind)
}

async fn failing_twice() -> Server {
    Server::answering([answer(503, ""), answer(502, ""), answer(200, "")]).await
}

#[tokio::test]
async fn what_may_be_repeated_is_sent_again() {
    for method in [Method::GET, Method::HEAD, Method::PUT, Method::DELETE, Method::OPTIONS, Method::TRACE] {
        let server = failing_twice().await;
        let response = client(retry()).request(method.clone(), &server.address).send().await.unwrap();
        assert_eq!((response.status(), server.requests()), (StatusCode::OK, 3), "{method}");
    }
    for method in [Method::POST, Method::PATCH] {
        let server = failing_twice().await;
        let request = || client(retry()).request(method.clone(), &server.address).body("an order");
        assert_eq!((request().send().await.unwrap().status(), server.requests()), (StatusCode::SERVICE_UNAVAILABLE, 1));
        let response = request().with_extension(Repeatable).send().await.unwrap();
        assert_eq!((response.status(), server.requests()), (StatusCode::OK, 3), "{method}");
    }
}

#[tokio::test]
async fn what_is_left_after_the_last_attempt_is_returned() {
    let server = Server::answering([answer(500, "")]).await;
    let response = client(retry()).get(&server.address).send().await.unwrap();
    assert_eq!((response.status(), server.requests()), (StatusCode::INTERNAL_SERVER_ERROR, 3));
    let server = Server::answering([answer(501, "")]).await;
    let response = client(retry()).get(&server.address).send().await.unwrap();
    assert_eq!((response.status(), server.requests()), (StatusCode::NOT_IMPLEMENTED, 1));
}

/// A body that is there once.
struct Once(Option<&'static str>);

impl http_body::Body for Once {
    type Data = bytes::Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<bytes::Bytes>, std::io::Error>>> {
        Poll::Ready(self.0.take().map(|text| Ok(http_body::Frame::data(text.into()))))
    }
}

#[tokio::test]
async fn a_body_that_cannot_be_cloned_is_sent_once() {
    let server = failing_twice().await;
    let response = client(retry()).put(&server.address).body(Body::wrap(Once(Some("an order")))).send().await.unwrap();
    assert_eq!((response.status(), server.requests()), (StatusCode::SERVICE_UNAVAILABLE, 1));
}

#[tokio::test]
async fn each_host_has_a_breaker() {
    let (breaker, per_host) = breaker();
    let client = client(per_host);
    let (down, up) = (Server::answering([answer(500, "")]).await, Server::answering([answer(200, "")]).await);
    assert_eq!(client.get(&down.address).send().await.unwrap().status(), StatusCode::INTERNAL_SERVER_ERROR);
    let error = client.get(&down.address).send().await.unwrap_err();
    assert_eq!(error.to_string(), format!("no answer of `{}`", host(&down)));
    assert_eq!(kind(&error), Some(RejectionKind::CircuitOpen));
    assert_eq!(Rejection::source_of(&error).unwrap().key().unwrap().as_str(), host(&down));
    assert_eq!(down.requests(), 1);
    assert_eq!(client.get(&up.address).send().await.unwrap().status(), StatusCode::OK);
    assert_eq!((state(&breaker, &down), state(&breaker, &up)), (Some(State::Open), Some(State::Closed)));
}

#[tokio::test]
async fn each_host_has_a_bulkhead_and_a_limiter() {
    let slow = Server::answering([""]).await;
    let other = Server::answering([answer(200, "")]).await;
    let client = client(
        PerHost::new()
            .bulkhead(Bulkhead::builder("middleware").max_concurrent(1).build().unwrap())
            .rate_limit(RateLimiter::builder("middleware").rate("2/h".parse().unwrap()).build().unwrap()),
    );
    let first = tokio::spawn(client.get(&slow.address).send());
    while slow.requests() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(kind(&client.get(&slow.address).send().await.unwrap_err()), Some(RejectionKind::BulkheadFull));
    first.abort();
    for _ in 0..2 {
        assert_eq!(client.get(&other.address).send().await.unwrap().status(), StatusCode::OK);
    }
    assert_eq!(kind(&client.get(&other.address).send().await.unwrap_err()), Some(RejectionKind::RateLimited));
    assert_eq!(other.requests(), 2);
}

/// To another host, with all that a client may not tell it.
async fn redirected(status: u16, method: Method, to: &Server, per_host: PerHost) -> reqwest_middleware::Result<u16> {
    let from = Server::answering([answer(status, &format!("location: {}/there\r\n", to.address))]).await;
    let request = client(per_host).request(method, &from.address).body("an order").header("authorization", "secret");
    Ok(request.header("content-type", "text/plain").send().await?.status().as_u16())
}

#[tokio::test]
async fn a_host_behind_a_redirect_answers_for_itself() {
    let (breaker, per_host) = breaker();
    let down = Server::answering([answer(500, "")]).await;
    assert_eq!(redirected(302, Method::GET, &down, per_host.clone()).await.unwrap(), 500);
    assert_eq!(state(&breaker, &down), Some(State::Open));
    let error = redirected(302, Method::GET, &down, per_host).await.unwrap_err();
    assert_eq!(kind(&error), Some(RejectionKind::CircuitOpen));
    assert_eq!(down.requests(), 1);
    assert_eq!(breaker.of_keys().iter().filter(|breaker| breaker.state() == State::Closed).count(), 2);
}

#[tokio::test]
async fn a_host_behind_a_redirect_that_refuses_every_connection_fails_and_not_the_one_that_led_there() {
    let (breaker, per_host) = breaker();
    let from = Server::answering([answer(307, "location: http://127.0.0.1:1/\r\n")]).await;
    let client = client(per_host);
    assert!(client.get(&from.address).send().await.unwrap_err().is_connect());
    assert_eq!(state(&breaker, &from), Some(State::Closed));
    assert_eq!(breaker.of_key("127.0.0.1:1").unwrap().state(), State::Open);
}

#[tokio::test]
async fn without_the_policy_for_redirects_the_answer_counts_for_whoever_gave_it() {
    let (breaker, per_host) = breaker();
    let down = Server::answering([answer(500, "")]).await;
    let from = Server::answering([answer(302, &format!("location: {}\r\n", down.address))]).await;
    let plain = Client::builder().no_proxy().build().unwrap();
    let client = ClientBuilder::new(plain).with(per_host).build();
    assert_eq!(client.get(&from.address).send().await.unwrap().status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!((state(&breaker, &from), state(&breaker, &down)), (Some(State::Closed), Some(State::Open)));
    // A client that follows none gets the redirect itself.
    let (_, per_host) = self::breaker();
    let plain = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let client = ClientBuilder::new(plain).with(per_host).build();
    assert_eq!(client.get(&from.address).send().await.unwrap().status(), StatusCode::FOUND);
}

#[tokio::test]
async fn a_redirect_is_followed_as_reqwest_does() {
    for (status, method, sent) in [
        (301, Method::POST, "GET"),
        (302, Method::POST, "GET"),
        (303, Method::PUT, "GET"),
        (303, Method::HEAD, "HEAD"),
        (302, Method::PUT, "PUT"),
        (307, Method::POST, "POST"),
        (308, Method::PUT, "PUT"),
    ] {
        let there = Server::answering([answer(200, "")]).await;
        assert_eq!(redirected(status, method.clone(), &there, PerHost::new()).await.unwrap(), 200);
        let head = there.last_head();
        assert!(head.starts_with(&format!("{sent} /there HTTP/1.1\r\n")), "{status} {method}: {head}");
        assert!(head.contains(&format!("host: {}\r\n", host(&there))), "{head}");
        assert!(!head.contains("secret"), "{head}");
        assert_eq!(head.contains("text/plain"), sent == method.as_str(), "{status} {method}: {head}");
    }
}

#[tokio::test]
async fn redirects_between_hosts_end() {
    let (one, other) = (Server::unbound().await, Server::unbound().await);
    let to = |server: &Server| [answer(302, &format!("location: {}\r\n", server.address))];
    one.answer(to(&other));
    other.answer(to(&one));
    let response = client(PerHost::new()).get(&one.address).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::FOUND);
    assert_eq!(one.requests() + other.requests(), 11);
}
