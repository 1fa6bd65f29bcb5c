//! What is done by hand over HTTP: whom it reaches, what is told of it, and that it is done to all of them or to none.
//!
//! Sockets are real, and so is the time.

#![cfg(feature = "listen")]

mod asking;

use asking::{Answer, get_json, post, recorded};
use proptest::prelude::*;
use resilience_observe::{Access, Listening, Observer, Token};
use resilience_runtime::testing::Scope;
use resilience_runtime::{CircuitBreaker, Rejection, State, circuit_breaker};
use serde_json::{Value, json};

const BEARER: &str = "Authorization: Bearer correct-horse-battery-staple";
const JSON: &str = "Content-Type: application/json";

#[circuit_breaker("steer: never called", consecutive_failures = 1)]
async fn never_called() -> Result<(), Rejection> {
    Ok(())
}

fn listen(scope: &Scope) -> Listening {
    let access = Access::steering(Token::new("correct-horse-battery-staple").unwrap());
    Observer::new(scope.registry()).listen("127.0.0.1:0", access).unwrap()
}

fn with(names: &[&str]) -> (Scope, Listening) {
    let scope = Scope::new();
    let entered = scope.enter();
    for name in names {
        CircuitBreaker::builder((*name).to_owned()).consecutive_failures(1).register().unwrap();
    }
    drop(entered);
    let listening = listen(&scope);
    (scope, listening)
}

fn steer(listening: &Listening, body: &Value) -> Answer {
    post(listening.address(), "/api/v1/steer", &[BEARER, JSON], &body.to_string())
}

/// By ada, because of incident 12.
fn order(fields: Value) -> Value {
    let mut order = json!({ "by": "ada", "why": "incident 12" });
    order.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    order
}

fn state(scope: &Scope, name: &str) -> State {
    scope.registry().circuit_breaker(name).unwrap().state()
}

#[test]
fn what_is_done_is_told_with_who_and_why_before_the_answer_is_sent() {
    let (scope, listening) = with(&["payment_eu", "payment_us", "stock"]);
    let answer = steer(&listening, &order(json!({ "match": "payment*", "act": "force_open" })));
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")), "{answer:?}");
    let answer = answer.json();
    let row = |name: &str| json!({ "kind": "circuit_breaker", "name": name, "key": null, "before": "closed", "after": "forced_open" });
    assert_eq!(answer["reached"], json!([row("payment_eu"), row("payment_us")]));
    assert_eq!((state(&scope, "payment_eu"), state(&scope, "stock")), (State::ForcedOpen, State::Closed));
    let events = get_json(listening.address(), "/api/v1/events?topic=steered");
    let ids: Vec<_> = events["events"].as_array().unwrap().iter().map(|event| event["id"].clone()).collect();
    assert_eq!(answer["event_ids"], Value::Array(ids));
    assert_eq!(events["events"][0]["by"], json!({ "by": "ada", "why": "incident 12" }));
    assert_eq!(events["events"][0]["act"], json!({ "type": "force_open" }));
    assert_eq!(events["events"][1]["text"], "circuit_breaker `payment_us`: force_open by ada: incident 12");
}

#[test]
fn every_act_is_the_breakers_own() {
    let (scope, listening) = with(&["payment"]);
    let act = |fields: Value| {
        let mut body = order(json!({ "match": "payment" }));
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let answer = steer(&listening, &body);
        assert_eq!(answer.status, 200, "{answer:?}");
        let answer = answer.json();
        assert_eq!(answer["reached"][0]["after"], state(&scope, "payment").as_str(), "{answer}");
        let snapshot = scope.registry().circuit_breaker("payment").unwrap().snapshot();
        (snapshot.state, snapshot.enforced_percent, snapshot.probe_due_in.map(|due| due.as_secs() / 60))
    };
    assert_eq!(act(json!({ "act": "force_open" })), (State::ForcedOpen, 100, None));
    assert_eq!(act(json!({ "act": "reset" })), (State::Closed, 100, None));
    assert_eq!(act(json!({ "act": "force_open_for", "open_for": 590.5 })), (State::Open, 100, Some(9)));
    assert_eq!(act(json!({ "act": "disable" })), (State::Disabled, 0, None));
    assert_eq!(act(json!({ "act": "enforce" })), (State::Closed, 100, None));
    assert_eq!(act(json!({ "act": "monitor" })), (State::Monitoring, 0, None));
    assert_eq!(act(json!({ "act": "enforce_share", "percent": 10 })), (State::Closed, 10, None));
}

#[test]
fn a_function_that_was_not_called_yet_is_reached() {
    let (scope, listening) = with(&[]);
    let answer = steer(&listening, &order(json!({ "match": "steer: never*", "act": "force_open" })));
    assert_eq!(answer.status, 200, "{answer:?}");
    let _entered = scope.enter();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    assert!(matches!(runtime.block_on(never_called()), Err(Rejection::CircuitOpen { .. })));
}

#[test]
fn a_pattern_that_reaches_nothing_is_told_what_is_near_and_makes_nothing() {
    let (scope, listening) = with(&["payment"]);
    let answer = steer(&listening, &order(json!({ "match": "paymnt", "act": "force_open" })));
    assert_eq!(answer.status, 404);
    assert_eq!(answer.problem(), "no circuit_breaker matches `paymnt`; did you mean `payment`?");
    assert!(scope.registry().circuit_breaker("paymnt").is_none());
    let answer = steer(&listening, &order(json!({ "match": "zzz*", "act": "force_open" })));
    assert_eq!((answer.status, answer.problem()), (404, "no circuit_breaker matches `zzz*`".to_owned()));
    assert_eq!(state(&scope, "payment"), State::Closed);
}

#[test]
fn a_pattern_that_reaches_too_many_is_told_how_many_unless_all_are_meant() {
    let names: Vec<String> = (0..1500).map(|nth| format!("many {nth}")).collect();
    let hundred: Vec<String> = (0..100).map(|nth| format!("hundred {nth}")).collect();
    let (scope, listening) = with(&names.iter().chain(&hundred).map(String::as_str).collect::<Vec<_>>());
    let answer = steer(&listening, &order(json!({ "match": "many*", "act": "force_open" })));
    assert_eq!(answer.status, 409);
    let title = "this reaches 1500 circuit breakers; say `\"all\": true` if all of them are meant";
    assert_eq!(answer.problem(), title);
    assert!(names.iter().all(|name| state(&scope, name) == State::Closed));
    let hundred = steer(&listening, &order(json!({ "match": "hundred*", "act": "force_open", "dry_run": true })));
    assert_eq!(hundred.status, 200, "a hundred are not too many");
    let more = steer(&listening, &order(json!({ "match": "many 3*", "act": "force_open", "dry_run": true })));
    assert_eq!(more.status, 409, "111 are too many as well, in a rehearsal too");
    let answer = steer(&listening, &order(json!({ "match": "many*", "act": "force_open", "all": true })));
    assert_eq!(answer.status, 200);
    // More than wait for a reader of events, each in the journal.
    assert_eq!(answer.json()["event_ids"].as_array().unwrap().len(), 1500);
    assert!(names.iter().all(|name| state(&scope, name) == State::ForcedOpen));
}

#[test]
fn only_if_holds_for_all_or_nothing_is_done() {
    let (scope, listening) = with(&["payment_eu", "payment_us", "payment_za"]);
    scope.registry().steer("payment_us").monitor().unwrap();
    let body = order(json!({ "match": "payment*", "act": "enforce", "only_if": "monitoring" }));
    let answer = steer(&listening, &body);
    assert_eq!(answer.status, 409);
    assert_eq!(answer.problem(), "circuit_breaker `payment_eu` is closed, not monitoring; nothing is done");
    assert_eq!(state(&scope, "payment_us"), State::Monitoring);
    scope.registry().steer("payment_*").monitor().unwrap();
    assert_eq!(steer(&listening, &body).status, 200);
    assert_eq!((state(&scope, "payment_eu"), state(&scope, "payment_us")), (State::Closed, State::Closed));
}

#[test]
fn a_rehearsal_changes_nothing() {
    let (scope, listening) = with(&["payment"]);
    let last = || get_json(listening.address(), "/api/v1/events")["last"].clone();
    let before = (last(), scope.registry().recent_events(resilience_runtime::Kind::CircuitBreaker, "payment"));
    let answer = steer(&listening, &order(json!({ "match": "*", "act": "force_open", "dry_run": true })));
    assert_eq!(answer.status, 200);
    let answer = answer.json();
    assert_eq!((&answer["dry_run"], &answer["event_ids"]), (&json!(true), &json!([])));
    let names: Vec<_> = answer["reached"].as_array().unwrap().iter().map(|row| row["name"].clone()).collect();
    assert_eq!(names, ["payment", "steer: never called"]);
    assert_eq!((&answer["reached"][0]["before"], &answer["reached"][0]["after"]), (&json!("closed"), &Value::Null));
    assert_eq!((last(), scope.registry().recent_events(resilience_runtime::Kind::CircuitBreaker, "payment")), before);
    assert_eq!(state(&scope, "payment"), State::Closed);
}

#[test]
fn keys_are_reached_by_their_own_pattern() {
    let (scope, listening) = with(&["stock", "shelves"]);
    let stock = scope.registry().circuit_breaker("stock").unwrap();
    for shelf in ["acme, 7", "acme, 8", "other, 7"] {
        stock.keyed(shelf).try_acquire().unwrap().success();
    }
    let answer = steer(&listening, &order(json!({ "match": "s*", "keys": "acme*", "act": "force_open" })));
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer = answer.json();
    let row = |key: &str| json!({ "kind": "circuit_breaker", "name": "stock", "key": key, "before": "closed", "after": "forced_open" });
    assert_eq!(answer["reached"], json!([row("acme, 7"), row("acme, 8")]));
    assert_eq!(answer["event_ids"].as_array().unwrap().len(), 2);
    assert!(stock.keyed("acme, 7").try_acquire().is_err() && stock.keyed("other, 7").try_acquire().is_ok());
    let answer = steer(&listening, &order(json!({ "match": "stock", "keys": "nobody*", "act": "reset" })));
    assert_eq!((answer.status, answer.problem()), (404, "no circuit_breaker matches `stock[nobody*]`".to_owned()));
}

#[test]
fn nothing_else_is_steered_than_circuit_breakers() {
    let (scope, listening) = with(&["payment"]);
    let entered = scope.enter();
    resilience_runtime::Retry::builder("payment retries").register().unwrap();
    drop(entered);
    let answer = steer(&listening, &order(json!({ "match": "payment retries", "act": "disable" })));
    assert_eq!(answer.status, 404);
    assert!(answer.problem().starts_with("no circuit_breaker matches `payment retries`"));
}

#[test]
fn recorded_answers_are_current() {
    let (_scope, listening) = with(&["payment"]);
    let body = order(json!({ "match": "payment", "act": "force_open" }));
    recorded("steer", &steer(&listening, &body).json());
}

/// A field that may be there, with a value that may be right.
fn field() -> impl Strategy<Value = (String, Value)> {
    let names = ["match", "keys", "act", "percent", "open_for", "by", "why", "only_if", "dry_run", "all", "unknown"];
    let acts = ["force_open", "force_open_for", "disable", "monitor", "enforce", "enforce_share", "reset", "explode"];
    let value = prop_oneof![
        3 => proptest::sample::select(acts.to_vec()).prop_map(Value::from),
        2 => proptest::sample::select(vec!["fuzzed*", "fuzzed 1", "*", "closed", "forced_open", ""]).prop_map(Value::from),
        2 => any::<i64>().prop_map(Value::from),
        2 => (0..=100_i64).prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        2 => any::<bool>().prop_map(Value::from),
        1 => "\\PC{0,300}".prop_map(Value::from),
        1 => Just(Value::Null),
        1 => Just(json!([{ "deep": [] }])),
    ];
    (proptest::sample::select(names.to_vec()).prop_map(str::to_owned), value)
}

fn body() -> impl Strategy<Value = String> {
    let acts = ["force_open", "disable", "monitor", "enforce", "reset", "enforce_share"];
    let right = (proptest::sample::select(acts.to_vec()), proptest::sample::select(vec!["fuzzed*", "fuzzed 2", "*"]));
    let nearly = (right, proptest::collection::vec(field(), 0..3)).prop_map(|((act, pattern), fields)| {
        let mut body = order(json!({ "match": pattern, "act": act }));
        body.as_object_mut().unwrap().extend(fields);
        body.to_string()
    });
    prop_oneof![
        4 => nearly,
        2 => proptest::collection::vec(field(), 0..11).prop_map(|fields| Value::Object(fields.into_iter().collect()).to_string()),
        1 => "\\PC{0,64}",
        1 => "[\\[\\]{}\":,0-9a-z\\\\ ]{0,64}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is sent, it is done to all that it reaches or to none, and there is an answer.
    #[test]
    fn whatever_is_sent_it_is_never_half_done(body in body()) {
        thread_local! {
            static PROGRAM: (Scope, Listening) = with(&["fuzzed 1", "fuzzed 2", "fuzzed 3"]);
        }
        PROGRAM.with(|(scope, listening)| {
            let breakers = || ["fuzzed 1", "fuzzed 2", "fuzzed 3"].map(|name| {
                let snapshot = scope.registry().circuit_breaker(name).unwrap().snapshot();
                (snapshot.state, snapshot.enforced_percent, snapshot.history.unwrap().entered)
            });
            let events = |query: &str| get_json(listening.address(), &format!("/api/v1/events?{query}"));
            let last = |events: &Value| events["last"].as_u64().unwrap();
            let before = (breakers(), last(&events("limit=1")));
            let answer = post(listening.address(), "/api/v1/steer", &[BEARER, JSON], &body);
            let after = events(&format!("topic=steered&after={}", before.1));
            let ids: Vec<Value> = after["events"].as_array().unwrap().iter().map(|event| event["id"].clone()).collect();
            match answer.status {
                200 => {
                    let answer = answer.json();
                    let reached = answer["reached"].as_array().unwrap();
                    prop_assert!(!reached.is_empty());
                    if answer["dry_run"] == true {
                        prop_assert_eq!((breakers(), last(&after)), before);
                    } else {
                        prop_assert_eq!(ids.len(), reached.len(), "one event for each that is reached");
                        prop_assert_eq!(&answer["event_ids"], &Value::Array(ids));
                    }
                }
                400 | 404 | 409 | 422 => {
                    prop_assert!(!answer.problem().is_empty());
                    prop_assert_eq!((breakers(), last(&after)), before);
                }
                status => prop_assert!(false, "{}: {:?}", status, answer),
            }
            Ok(())
        })?;
    }
}
