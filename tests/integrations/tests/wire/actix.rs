//! Rejections as answers of an actix-web application.

use actix_web::error::InternalError;
use actix_web::http::StatusCode;
use actix_web::{App, test, web};
use resilience_runtime::{Failure, Rejection, circuit_breaker, registry};
use std::time::Duration;

#[circuit_breaker("actix warehouse")]
async fn stock(item: &str) -> Result<u32, Failure<InternalError<&'static str>>> {
    match item {
        "lamp" => Ok(7),
        _ => Err(Failure::Call(InternalError::new("no such thing", StatusCode::NOT_FOUND))),
    }
}

async fn show(item: web::Path<String>) -> Result<String, Failure<InternalError<&'static str>>> {
    Ok(stock(&item).await?.to_string())
}

async fn full() -> Result<String, Rejection> {
    Err(Rejection::BulkheadFull { name: "actix warehouse".into(), key: None })
}

#[actix_web::test]
async fn an_open_breaker_is_the_same_problem_as_with_axum() {
    let app = App::new().route("/stock/{item}", web::get().to(show)).route("/full", web::get().to(full));
    let app = test::init_service(app).await;
    let ask = async |path: &str| test::call_service(&app, test::TestRequest::with_uri(path).to_request()).await;

    assert_eq!(test::read_body(ask("/stock/lamp").await).await, "7");
    assert_eq!(ask("/stock/sofa").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(ask("/full").await.status(), StatusCode::SERVICE_UNAVAILABLE);
    registry().circuit_breaker("actix warehouse").unwrap().force_open_for(Duration::from_millis(89_500));
    let response = ask("/stock/lamp").await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers().get("content-type").unwrap(), "application/problem+json");
    let wait: u64 = response.headers().get("retry-after").unwrap().to_str().unwrap().parse().unwrap();
    assert!((80..=90).contains(&wait), "{wait}");
    let body: serde_json::Value = test::read_body_json(response).await;
    let problem = serde_json::json!({
        "type": "urn:resilience:circuit_open", "title": "Circuit breaker open", "status": 503, "policy": "actix warehouse",
    });
    assert_eq!(body, problem);
}
