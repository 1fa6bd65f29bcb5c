//! Every error that reqwest makes, as it makes it.

use crate::server::{Server, answer};
use resilience_runtime::{Rejection, Verdict, circuit_breaker, classify, registry, retry};
use std::time::Duration;

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().timeout(Duration::from_millis(300)).build().unwrap()
}

async fn asked(answer: String) -> reqwest::Result<reqwest::Response> {
    let server = Server::answering([answer]).await;
    client().get(&server.address).send().await
}

async fn read(answer: &str) -> reqwest::Error {
    asked(answer.to_owned()).await.unwrap().json::<u8>().await.unwrap_err()
}

const NOT_AGAIN: Verdict = Verdict::FAILURE.not_again();

#[tokio::test]
async fn an_answer_is_judged_by_its_head() {
    let judged = async |status, headers| classify::reqwest(asked(answer(status, headers)).await.as_ref());
    assert_eq!(judged(200, "").await, Verdict::SUCCESS);
    assert_eq!(judged(404, "").await, Verdict::SUCCESS);
    assert_eq!(judged(500, "").await, Verdict::FAILURE);
    assert_eq!(judged(501, "retry-after: 3\r\n").await, NOT_AGAIN);
    assert_eq!(judged(503, "retry-after: 3\r\n").await, Verdict::FAILURE.after(Duration::from_secs(3)));
    assert_eq!(judged(429, "retry-after: 3\r\n").await, Verdict::IGNORED.again().after(Duration::from_secs(3)));
}

#[tokio::test]
async fn an_error_of_a_status_is_judged_as_that() {
    for (status, verdict) in [(503, Verdict::FAILURE), (429, Verdict::IGNORED.again()), (404, Verdict::SUCCESS)] {
        let error = asked(answer(status, "")).await.unwrap().error_for_status().unwrap_err();
        assert_eq!(classify::reqwest_error(&error), verdict, "{status}");
        assert_eq!(classify::reqwest(Err(&error)), verdict, "{status}");
    }
}

#[tokio::test]
async fn a_request_that_cannot_be_built_says_nothing_about_the_other_side() {
    let error = client().get("no address").send().await.unwrap_err();
    assert!(error.is_builder());
    assert_eq!(classify::reqwest_error(&error), Verdict::IGNORED);
}

#[tokio::test]
async fn no_connection_no_answer_and_no_answer_in_time_are_failures() {
    let refused = client().get("http://127.0.0.1:1/").send().await.unwrap_err();
    assert!(refused.is_connect());
    let closed = asked("\n".into()).await.unwrap_err();
    assert!(closed.is_request() && !closed.is_timeout());
    let late = asked(String::new()).await.unwrap_err();
    assert!(late.is_timeout());
    for error in [refused, closed, late] {
        assert_eq!(classify::reqwest_error(&error), Verdict::FAILURE, "{error:?}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_a_failure_and_one_that_cannot_be_read_is_not_asked_for_again() {
    let broken = read("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n12").await;
    assert!(broken.is_decode());
    assert_eq!(classify::reqwest_error(&broken), Verdict::FAILURE, "{broken:?}");
    let garbled = read("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n1x").await;
    assert!(garbled.is_decode());
    assert_eq!(classify::reqwest_error(&garbled), NOT_AGAIN, "{garbled:?}");
}

#[tokio::test]
async fn a_redirect_without_an_end_is_not_followed_again() {
    let error = asked(answer(302, "location: /\r\n")).await.unwrap_err();
    assert!(error.is_redirect());
    assert_eq!(classify::reqwest_error(&error), NOT_AGAIN);
}

#[derive(Debug, thiserror::Error)]
enum StockError {
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

fn judge(result: Result<&reqwest::Response, &StockError>) -> Verdict {
    match result {
        Ok(response) => classify::reqwest(Ok(response)),
        Err(StockError::Http(error)) => classify::reqwest_error(error),
        Err(StockError::Rejected(_)) => Verdict::FAILURE,
    }
}

#[retry(attempts = 3, delay = "1ms", classify = judge)]
#[circuit_breaker("over the wire")]
async fn stock(server: &Server) -> Result<reqwest::Response, StockError> {
    Ok(client().get(&server.address).send().await?)
}

#[tokio::test]
async fn a_guarded_function_comes_back_when_it_was_asked_to() {
    let server = Server::answering([answer(503, "retry-after: 1\r\n"), answer(200, "")]).await;
    let begin = std::time::Instant::now();
    assert_eq!(stock(&server).await.unwrap().status(), 200);
    assert!(begin.elapsed() >= Duration::from_secs(1));
    assert_eq!(server.requests(), 2);
    let totals = registry().circuit_breaker("over the wire").unwrap().totals();
    assert_eq!((totals.failures, totals.successes), (1, 1));
}
