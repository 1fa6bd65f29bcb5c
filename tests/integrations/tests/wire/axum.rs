//! Rejections as answers of an axum server.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::{Router, routing::get};
use resilience_runtime::{Failure, circuit_breaker, registry};
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
        .force_open_for(std::time::Duration::from_millis(89_500));
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
