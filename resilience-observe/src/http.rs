//! The routes: metrics and health, read-only.

use crate::observer::Observer;
use crate::text::TextFormat;
use axum::Router;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use resilience_runtime::{Health, HealthStatus};

const INDEX: &str = "\
/metrics        for Prometheus; ?format=classic and ?format=openmetrics choose the format
/health         what is not up and why, as JSON; 503 where it is down
/health/ready   up, degraded or down; 503 where it is down
/health/live    up
";

/// An answer is out of date a moment later.
const NOT_KEPT: (header::HeaderName, &str) = (header::CACHE_CONTROL, "no-store");

impl Observer {
    /// The metrics as a route, for the path that Prometheus asks: in the format that it asks for with its header `Accept`, or with `?format=classic` or
    /// `?format=openmetrics`.
    ///
    /// ```
    /// use axum::Router;
    /// use resilience_observe::Observer;
    /// use resilience_runtime::registry;
    ///
    /// let observer = Observer::new(registry());
    /// let app: Router = Router::new().route("/metrics", observer.metrics_route());
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
    pub fn metrics_route<S: Clone + Send + Sync + 'static>(&self) -> MethodRouter<S> {
        let observer = self.clone();
        get(async move |uri: Uri, headers: HeaderMap| observer.answer_metrics(&uri, &headers))
    }

    /// `/metrics`, `/health`, `/health/ready` and `/health/live`, and a list of them at `/`: to be nested where it suits.
    ///
    /// | path | answers |
    /// |---|---|
    /// | `/metrics` | [`metrics`](Self::metrics), see [`metrics_route`](Self::metrics_route) |
    /// | `/health` | [`Registry::health`](resilience_runtime::Registry::health) as JSON; 200 when up or degraded, 503 when down |
    /// | `/health/ready` | the same status, and `up`, `degraded` or `down` |
    /// | `/health/live` | 200 and `up` for as long as the process answers: an open breaker is no reason to restart it |
    #[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
    pub fn router<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let (health, ready) = (self.clone(), self.clone());
        Router::new()
            .route("/", get(async || ([NOT_KEPT], INDEX)))
            .route("/metrics", self.metrics_route())
            .route("/health", get(async move || answer_health(&health.registry().health().await)))
            .route("/health/ready", get(async move || answer_ready(&ready.registry().health().await)))
            .route("/health/live", get(async || ([NOT_KEPT], HealthStatus::Up.as_str())))
    }

    fn answer_metrics(&self, uri: &Uri, headers: &HeaderMap) -> Response {
        let asked = uri.query().unwrap_or_default().split('&').find_map(|pair| pair.strip_prefix("format="));
        let format = match asked {
            Some("classic") => TextFormat::Classic,
            Some("openmetrics") => TextFormat::OpenMetrics,
            Some(_) => {
                return (StatusCode::BAD_REQUEST, "expected format=classic or format=openmetrics\n").into_response();
            }
            None => {
                let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
                TextFormat::accepted_by(accept.unwrap_or_default())
            }
        };
        ([NOT_KEPT, (header::CONTENT_TYPE, format.content_type())], self.metrics(format)).into_response()
    }
}

fn status(health: &Health) -> StatusCode {
    StatusCode::from_u16(health.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn answer_health(health: &Health) -> Response {
    match serde_json::to_string(health) {
        Ok(json) => {
            (status(health), [NOT_KEPT, (header::CONTENT_TYPE, "application/json")], json + "\n").into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

fn answer_ready(health: &Health) -> Response {
    (status(health), [NOT_KEPT], health.status.as_str()).into_response()
}
