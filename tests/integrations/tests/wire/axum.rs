//! Rejections as answers of an axum server.

use axum::body::Body;
use axum::extract::Path;
use axum::http::{Response, StatusCode};
use axum::{Router, routing::get};
use bytes::Bytes;
use http_body_util::{BodyExt, Channel};
use resilience_runtime::{Failure, Rejection, bulkhead, circuit_breaker, registry, timeout};
use std::time::Duration;
use tokio::net::TcpListener;

#[circuit_breaker("axum warehouse", key = item)]
async fn stock(item: &str) -> Result<u32, Failure<StatusCode>> {
    match item {
        "lamp" => Ok(7),
        _ => Err(Failure::Call(StatusCode::NOT_FOUND)),
    }
}

async fn show(Path(item): Path<String>) -> Result<String, Failure<StatusCode>> {
    Ok(stock(&item).await?.to_string())
}

#[tokio::test]
async fn an_open_breaker_is_a_problem_that_says_no_more_than_it_has_to() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/stock", listener.local_addr().unwrap());
    let app = Router::new().route("/stock/{item}", get(show));
    tokio::spawn(async move { axum::serve(listener, app).await });
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let ask = async |item| client.get(format!("{address}/{item}")).send().await.unwrap();

    assert_eq!(ask("lamp").await.text().await.unwrap(), "7");
    assert_eq!(ask("sofa").await.status(), StatusCode::NOT_FOUND);
    registry()
        .circuit_breaker("axum warehouse")
        .unwrap()
        .of_key("lamp")
        .unwrap()
        .force_open_for(Duration::from_millis(89_500));
    let response = ask("lamp").await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let wait: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((80..=90).contains(&wait), "{wait}");
    let body: serde_json::Value = response.json().await.unwrap();
    let problem = serde_json::json!({
        "type": "urn:resilience:circuit_open", "title": "Circuit breaker open", "status": 503, "policy": "axum warehouse",
    });
    assert_eq!(body, problem);
}

/// What a handler answers with is guarded until the server has sent it.
#[circuit_breaker("axum files", stream = true)]
#[bulkhead(2, name = "axum files")]
#[timeout("2s", between = "100ms")]
async fn file(name: &str) -> Result<Response<Body>, Rejection> {
    Ok(Response::new(match name {
        "none" => Body::empty(),
        "whole" => Body::from("whole"),
        _ => {
            let (mut sender, body) = Channel::<Bytes>::new(1);
            tokio::spawn(async move {
                sender.send_data(Bytes::from_static(b"half")).await.unwrap();
                // For longer than the reader waits.
                tokio::time::sleep(Duration::from_secs(60)).await;
            });
            Body::new(body.map_err(|never| match never {}))
        }
    }))
}

#[tokio::test]
async fn a_body_is_guarded_until_it_is_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/file", listener.local_addr().unwrap());
    let app = Router::new().route("/file/{name}", get(async |Path(name): Path<String>| file(&name).await));
    tokio::spawn(async move { axum::serve(listener, app).await });
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let ask = async |name| client.get(format!("{address}/{name}")).send().await.unwrap();

    for (name, length) in [("none", 0), ("whole", 5)] {
        let response = ask(name).await;
        assert_eq!(response.headers()["content-length"], length.to_string(), "its size is known as without");
        assert_eq!(response.bytes().await.unwrap().len(), length);
    }
    let totals = || registry().circuit_breaker("axum files").unwrap().totals();
    assert_eq!((totals().successes, totals().failures), (2, 0));
    ask("half").await.bytes().await.unwrap_err();
    assert_eq!((totals().successes, totals().failures), (2, 1));
    assert_eq!(registry().bulkhead("axum files").unwrap().snapshot().inside, 0);
}
