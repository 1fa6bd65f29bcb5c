//! What is read: metrics, health, functions, policies, keys and events.

use super::asked::Asked;
use super::json;
use super::problem::Problem;
use crate::journal::{Wanted, event_json};
use crate::observer::Observer;
use crate::policies::{self, Pace, Policy};
use crate::text::TextFormat;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use resilience_config::nearest;
use resilience_runtime::{
    CircuitBreaker, Event, Health, HealthStatus, Kind, Layer, Operation, Registry, State, Timestamp,
};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// What programs are told of the routes.
pub(super) const OPENAPI: &str = include_str!("../../files/openapi.json");

/// What stands for the text of a failure for whoever may not read it.
const NOT_TOLD: &str = "fails; what it says is told to whoever has the token";

/// At most so many keys of one policy, whatever is asked for.
const KEYS: usize = 1000;

pub(super) async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI).into_response()
}

pub(super) async fn live() -> &'static str {
    HealthStatus::Up.as_str()
}

pub(super) async fn ready(observer: &Observer) -> Response {
    let health = observer.registry().health().await;
    (status(&health), health.status.as_str()).into_response()
}

pub(super) async fn health(observer: &Observer, asked: &Asked) -> Response {
    let mut health = observer.registry().health().await;
    if !asked.visitor.is_trusted {
        health
            .reasons
            .iter_mut()
            .filter(|reason| reason.kind == "check")
            .for_each(|reason| reason.why = NOT_TOLD.to_owned());
    }
    json(status(&health), &serde_json::to_value(&health).unwrap_or_default())
}

fn status(health: &Health) -> StatusCode {
    StatusCode::from_u16(health.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

pub(super) fn metrics(observer: &Observer, uri: &Uri, headers: &HeaderMap) -> Response {
    let asked = uri.query().unwrap_or_default().split('&').find_map(|pair| pair.strip_prefix("format="));
    let format = match asked {
        Some("classic") => TextFormat::Classic,
        Some("openmetrics") => TextFormat::OpenMetrics,
        Some(_) => return Problem::bad_request("expected format=classic or format=openmetrics").into_response(),
        None => {
            let accept = headers.get_all(header::ACCEPT).iter().filter_map(|accept| accept.to_str().ok());
            TextFormat::accepted_by(&accept.collect::<Vec<_>>().join(","))
        }
    };
    let headers = [(header::CONTENT_TYPE, format.content_type()), (header::CACHE_CONTROL, "no-store")];
    (headers, observer.metrics(format)).into_response()
}

/// Who answers, and when.
pub(super) fn answer(observer: &Observer, fields: Value) -> Value {
    let mut answer = Map::new();
    answer.insert("at".to_owned(), serde_json::to_value(Timestamp::now()).unwrap_or_default());
    answer.insert("instance".to_owned(), observer.instance().into());
    if let Value::Object(mut fields) = fields {
        answer.append(&mut fields);
    }
    Value::Object(answer)
}

pub(super) fn operations(observer: &Observer, asked: &Asked) -> Result<Value, Problem> {
    asked.parameters(&[])?;
    let operations: Vec<_> = observer.registry().operations().map(operation).collect();
    Ok(answer(observer, json!({ "operations": operations })))
}

fn operation(operation: &'static Operation) -> Value {
    let layers = operation.layers().iter().map(|layer| {
        json!({
            "kind": layer.kind().as_str(),
            "policy": layer.policy().map(|name| name.to_string()),
            "shared_by": layer.shared_by(),
            "written": layer.written(),
            "text": layer.to_string(),
        })
    });
    let has_fallback = operation.layers().iter().any(|layer| matches!(layer, Layer::Fallback(_)));
    // The answers first: they are never more than the questions.
    let (answered, failed) = (operation.answered_fallbacks(), operation.failed_fallbacks());
    let fallbacks =
        has_fallback.then(|| json!({ "asked": operation.fallbacks(), "answered": answered, "failed": failed }));
    json!({
        "name": operation.shown_name().to_string(),
        "module": operation.module(),
        "function": operation.function(),
        "file": operation.file(),
        "line": operation.line(),
        "layers": layers.collect::<Vec<_>>(),
        "fallbacks": fallbacks,
    })
}

pub(super) fn policies(observer: &Observer, asked: &Asked) -> Result<Value, Problem> {
    let parameters = asked.parameters(&["kind", "name", "state", "limit"])?;
    let kind = parameters.parsed::<Kind>("kind")?;
    let (name, state, limit) = (parameters.pattern("name")?, parameters.state()?, parameters.limit()?);
    let (snapshot, rates) = (observer.registry().read(), observer.watch().rates());
    let is_wanted = |policy: &Policy<'_>| {
        kind.is_none_or(|kind| policy.kind() == kind)
            && name.as_ref().is_none_or(|name| name.matches(policy.name()))
            && state.is_none_or(|state| policy.state() == Some(state.as_str()))
    };
    let wanted: Vec<_> = policies::of(&snapshot).filter(is_wanted).collect();
    let rows = wanted.iter().take(limit).map(|policy| {
        let pace = rates.get(&(policy.kind(), policy.name().clone())).cloned();
        row(observer, *policy, pace)
    });
    let rows: Vec<_> = rows.collect();
    let more = wanted.len() - rows.len();
    Ok(answer(observer, json!({ "policies": rows, "more": more })))
}

/// A row with what only the program knows of the policy.
fn row(observer: &Observer, policy: Policy<'_>, pace: Option<Pace>) -> Value {
    Value::Object(in_program(observer, policy, policy.row(pace)))
}

fn in_program(observer: &Observer, policy: Policy<'_>, mut about: Map<String, Value>) -> Map<String, Value> {
    let (kind, name) = (policy.kind(), policy.name());
    let program = &observer.watch().program;
    let functions = program.of_policy(kind, name).iter().map(|nth| program.functions()[*nth].name.as_str());
    about.insert("functions".to_owned(), functions.collect());
    if kind == Kind::CircuitBreaker {
        about.insert("critical".to_owned(), observer.registry().is_critical(name.clone()).into());
    }
    about
}

/// Does something with the policy that the path names, with its settings.
pub(super) fn with_policy<T>(
    registry: &Registry,
    asked: &Asked,
    of: impl FnOnce(Policy<'_>) -> Result<T, Problem>,
) -> Result<T, Problem> {
    let (kind, name) = (asked.kind()?, asked.name());
    let snapshot = registry.snapshot_of(kind, name);
    of(policies::of(&snapshot).next().ok_or_else(|| unknown(registry, kind, name))?)
}

fn unknown(registry: &Registry, kind: Kind, name: &str) -> Problem {
    let snapshot = registry.read();
    let known: Vec<&str> =
        policies::of(&snapshot).filter(|policy| policy.kind() == kind).map(|policy| policy.name().as_str()).collect();
    let meant = nearest(name, &known).map_or_else(String::new, |name| format!("; did you mean `{name}`?"));
    Problem::not_found(format!("no {kind} is called `{name}`{meant}"))
}

pub(super) fn policy(observer: &Observer, asked: &Asked) -> Result<Value, Problem> {
    asked.parameters(&[])?;
    let registry = observer.registry();
    let whole = with_policy(registry, asked, |policy| {
        let mut whole = policy.whole();
        hide(asked, &mut whole);
        Ok(in_program(observer, policy, whole))
    })?;
    Ok(answer(observer, json!({ "policy": whole })))
}

/// What a failure said is for those who have shown a token.
fn hide(asked: &Asked, snapshot: &mut Map<String, Value>) {
    if !asked.visitor.is_trusted && snapshot.contains_key("last_error") {
        snapshot.insert("last_error".to_owned(), Value::Null);
    }
}

pub(super) fn policy_events(observer: &Observer, asked: &Asked) -> Result<Value, Problem> {
    asked.parameters(&[])?;
    let registry = observer.registry();
    let (kind, name) = with_policy(registry, asked, |policy| Ok((policy.kind(), policy.name().clone())))?;
    let recent = registry.recent_events(kind, &name).into_iter();
    let shown = |event: Event| if asked.visitor.is_trusted { event } else { event.without_cause() };
    let events: Vec<_> = recent.map(|event| event_json(None, &shown(event))).collect();
    Ok(answer(observer, json!({ "events": events })))
}

pub(super) fn keys(observer: &Observer, asked: &Asked) -> Result<Value, Problem> {
    let parameters = asked.parameters(&["state", "limit"])?;
    let (state, limit) = (parameters.state()?, parameters.limit()?.min(KEYS));
    let registry = observer.registry();
    let kind = asked.kind()?;
    with_policy(registry, asked, |_| Ok(()))?;
    let (keys, all): (Vec<_>, usize) = match kind {
        Kind::CircuitBreaker => {
            let mut breakers =
                registry.circuit_breaker(asked.name()).map_or_else(Vec::new, |breaker| breaker.of_keys());
            breakers.retain(|breaker| state.is_none_or(|state| breaker.state() == state));
            // Each is asked once, and stays in its place where the order says nothing.
            breakers.sort_by_cached_key(lets_pass);
            (
                breakers.iter().take(limit).map(|key| Policy::CircuitBreaker(&key.snapshot()).whole()).collect(),
                breakers.len(),
            )
        }
        Kind::Bulkhead if state.is_none() => {
            let bulkheads = registry.bulkhead(asked.name()).map_or_else(Vec::new, |bulkhead| bulkhead.of_keys());
            (
                bulkheads.iter().take(limit).map(|key| Policy::Bulkhead(&key.snapshot()).whole()).collect(),
                bulkheads.len(),
            )
        }
        Kind::RateLimit if state.is_none() => {
            let limiters = registry.rate_limiter(asked.name()).map_or_else(Vec::new, |limiter| limiter.of_keys());
            (
                limiters.iter().take(limit).map(|key| Policy::RateLimit(&key.snapshot()).whole()).collect(),
                limiters.len(),
            )
        }
        Kind::Bulkhead | Kind::RateLimit => return Err(Problem::bad_request(format!("a {kind} has no `state`"))),
        _ => return Err(Problem::not_found(format!("a {kind} has no keys"))),
    };
    let keys: Vec<_> = keys
        .into_iter()
        .map(|mut key| {
            hide(asked, &mut key);
            // They are those of the policy.
            key.remove("settings");
            key.remove("history");
            Value::Object(key)
        })
        .collect();
    let more = all - keys.len();
    Ok(answer(observer, json!({ "keys": keys, "more": more })))
}

fn lets_pass(breaker: &Arc<CircuitBreaker>) -> bool {
    matches!(breaker.state(), State::Closed | State::Disabled | State::Monitoring)
}

pub(super) fn events(observer: &Observer, asked: &Asked) -> Result<Value, Problem> {
    let parameters = asked.parameters(&["after", "topic", "name", "limit"])?;
    let wanted = Wanted { topics: parameters.topics()?, name: parameters.pattern("name")? };
    let (after, limit) = (parameters.parsed::<u64>("after")?, parameters.limit()?);
    let watch = observer.watch();
    // What has happened with every call since is told as sums.
    watch.look();
    let page = watch.journal.page(after, &wanted, limit);
    let events: Vec<Value> = page
        .entries
        .iter()
        .map(|entry| serde_json::from_str(entry.json(asked.visitor.is_trusted)).unwrap_or_default())
        .collect();
    let (first, last, missed, reached) = (page.first, page.last, page.missed, page.reached);
    Ok(answer(
        observer,
        json!({ "first": first, "last": last, "missed": missed, "reached": reached, "events": events }),
    ))
}
