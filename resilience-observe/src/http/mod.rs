//! The routes: what is asked under which path, and who answers.

mod access;
mod asked;
mod hystrix;
mod page;
mod past;
mod problem;
mod read;
mod steer;
mod stream;

pub use access::{Access, InvalidToken, Refused, Token, Who};

use crate::observer::Observer;
use access::{Guard, guarded};
use asked::Asked;
use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use problem::Problem;
use std::sync::Arc;

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
        get(async move |uri: Uri, request: Request| read::metrics(&observer, &uri, request.headers()))
    }

    /// Everything that can be asked over HTTP, to be nested where it suits: metrics, health, policies, events, and at its root a page that shows them to people. `docs/observe.md` describes it, and `api/v1/openapi.json`
    /// does so for programs. Whoever is not to read or to steer is refused as [`Access`] says.
    ///
    /// ```
    /// use axum::Router;
    /// use resilience_observe::{Access, Observer};
    /// use resilience_runtime::registry;
    ///
    /// let observer = Observer::new(registry());
    /// let app: Router = Router::new().nest("/resilience", observer.router(Access::read_only()));
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
    pub fn router<S: Clone + Send + Sync + 'static>(&self, access: Access) -> Router<S> {
        self.guarded_router(Guard::of_router(access))
    }

    #[cfg(feature = "listen")]
    pub(crate) fn listeners_router(&self, access: Access, on_loopback: bool) -> Router {
        self.guarded_router(Guard::of_listener(access, on_loopback))
    }

    fn guarded_router<S: Clone + Send + Sync + 'static>(&self, guard: Guard) -> Router<S> {
        // From now on, and not from the first question on.
        self.watch();
        self.keep_history();
        let routes = routes(self).into_iter();
        routes
            .fold(Router::new(), |router, (path, route)| router.route(path, route))
            .method_not_allowed_fallback(async || {
                Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this path is not for that method")
            })
            .fallback(async || Problem::not_found("there is no such path; `/` lists those there are"))
            .layer(from_fn_with_state(Arc::new(guard), guarded))
    }
}

/// Each path once.
fn routes<S: Clone + Send + Sync + 'static>(observer: &Observer) -> Vec<(&'static str, MethodRouter<S>)> {
    let (health, ready) = (observer.clone(), observer.clone());
    vec![
        ("/", get(page::index)),
        ("/assets/{name}", get(page::asset)),
        ("/metrics", observer.metrics_route()),
        ("/health", get(async move |asked: Asked| read::health(&health, &asked).await)),
        ("/health/ready", get(async move || read::ready(&ready).await)),
        ("/health/live", get(read::live)),
        ("/api/v1/openapi.json", get(read::openapi)),
        ("/hystrix.stream", hystrix(observer)),
        ("/api/v1/operations", answering(observer, read::operations)),
        ("/api/v1/policies", answering(observer, read::policies)),
        ("/api/v1/events", answering(observer, read::events)),
        ("/api/v1/advice", answering(observer, past::advice)),
        ("/api/v1/steer", steering(observer)),
        ("/api/v1/stream", streaming(observer)),
        ("/api/v1/{kind}/{name}", answering(observer, read::policy)),
        ("/api/v1/{kind}/{name}/events", answering(observer, read::policy_events)),
        ("/api/v1/{kind}/{name}/history", answering(observer, past::history)),
        ("/api/v1/{kind}/{name}/keys", answering(observer, read::keys)),
    ]
}

/// What is read from the registry as it is, without waiting for anybody.
fn answering<S: Clone + Send + Sync + 'static>(
    observer: &Observer,
    answer: fn(&Observer, &Asked) -> Result<serde_json::Value, Problem>,
) -> MethodRouter<S> {
    let observer = observer.clone();
    get(async move |asked: Asked| match answer(&observer, &asked) {
        Ok(value) => json(StatusCode::OK, &value),
        Err(problem) => problem.into_response(),
    })
}

fn steering<S: Clone + Send + Sync + 'static>(observer: &Observer) -> MethodRouter<S> {
    let observer = observer.clone();
    post(async move |request: Request| match steer::steer(&observer, request).await {
        Ok(value) => json(StatusCode::OK, &value),
        Err(problem) => problem.into_response(),
    })
}

fn streaming<S: Clone + Send + Sync + 'static>(observer: &Observer) -> MethodRouter<S> {
    let observer = observer.clone();
    get(async move |asked: Asked, headers: HeaderMap| stream::stream(&observer, &asked, &headers))
}

fn hystrix<S: Clone + Send + Sync + 'static>(observer: &Observer) -> MethodRouter<S> {
    let observer = observer.clone();
    get(async move |asked: Asked| hystrix::stream(&observer, &asked))
}

fn json(status: StatusCode, value: &serde_json::Value) -> Response {
    let content_type = [(axum::http::header::CONTENT_TYPE, "application/json")];
    (status, content_type, format!("{value}\n")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use resilience_runtime::testing::Scope;
    use std::collections::BTreeSet;

    #[test]
    fn every_route_is_described_and_every_path_that_is_described_is_a_route() {
        let observer = Observer::new(Scope::new().registry());
        let routes: BTreeSet<&str> = routes::<()>(&observer).into_iter().map(|(path, _)| path).collect();
        let described: serde_json::Value = serde_json::from_str(read::OPENAPI).unwrap();
        let described: BTreeSet<&str> = described["paths"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(routes, described);
    }
}
