//! What was, as it is read over HTTP: the history of a policy, and advice.
//!
//! A thread looks once a second, so sockets are real, and so is the time.

#![cfg(feature = "listen")]

mod asking;

use asking::{get, get_json};
use resilience_observe::{Access, History, Listening, Observer};
use resilience_runtime::testing::Scope;
use resilience_runtime::{Bulkhead, CircuitBreaker, registry};
use serde_json::Value;
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

fn listen(scope: &Scope, history: History) -> Listening {
    let observer = Observer::builder(scope.registry()).history(history).build().unwrap();
    observer.listen("127.0.0.1:0", Access::read_only()).unwrap()
}

fn numbers(column: &Value) -> Vec<Option<u64>> {
    column.as_array().unwrap().iter().map(Value::as_u64).collect()
}

fn sum(column: &Value) -> u64 {
    numbers(column).iter().flatten().sum()
}

#[test]
fn what_each_second_was_is_answered_in_columns() {
    let scope = Scope::new();
    let (breaker, bulkhead) = {
        let _entered = scope.enter();
        let breaker = CircuitBreaker::builder("a/b").consecutive_failures(3).window(resilience_runtime::Window::None);
        (breaker.register().unwrap(), Bulkhead::builder("pool").max_concurrent(2).register().unwrap())
    };
    let listening = listen(&scope, History::DEFAULT);
    let at = listening.address();
    let path = "/api/v1/circuit_breaker/a%2Fb/history";
    let before = get_json(at, path);
    assert_eq!((&before["time"], &before["columns"]["calls"]), (&serde_json::json!([]), &serde_json::json!([])));
    // From its first look on, the thread tells what happened since the one before.
    sleep(Duration::from_millis(2100));
    let _inside = bulkhead.try_acquire().unwrap();
    (0..5).for_each(|_| breaker.try_acquire().unwrap().success());
    (0..3).for_each(|_| breaker.try_acquire().unwrap().failure());
    (0..4).for_each(|_| drop(breaker.try_acquire().unwrap_err()));
    sleep(Duration::from_millis(2100));

    let history = get_json(at, path);
    assert_eq!(history["kind"], "circuit_breaker");
    assert_eq!(history["name"], "a/b");
    assert_eq!((&history["step"], &history["lost"]), (&1.into(), &serde_json::json!([])));
    let columns = &history["columns"];
    let sums = ["calls", "failures", "rejected", "fallbacks", "slow"].map(|column| sum(&columns[column]));
    assert_eq!(sums, [12, 3, 4, 0, 0], "{history}");
    let states = history["state"].as_array().unwrap();
    assert_eq!((&states[0], states.last().unwrap()), (&"closed".into(), &"open".into()), "{history}");
    assert!(history["enforced_percent"].as_array().unwrap().iter().all(|percent| *percent == 100));
    let rows = history["time"].as_array().unwrap();
    assert!((3..=5).contains(&rows.len()), "{history}");
    for column in columns.as_object().unwrap().values() {
        assert_eq!(column.as_array().unwrap().len(), rows.len());
    }
    assert!(columns["p50"].as_array().unwrap().iter().all(Value::is_null), "nothing is measured");
    let times: Vec<f64> = rows.iter().map(|time| time.as_f64().unwrap()).collect();
    assert!(times.windows(2).all(|pair| (pair[1] - pair[0] - 1.0).abs() < 0.002), "{times:?}");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    assert!((0.0..3.0).contains(&(now - times.last().unwrap())), "{now} {times:?}");

    // A client goes on where it was.
    let since = times[times.len() - 2];
    let later = get_json(at, &format!("{path}?step=1&since={since}"));
    let first = later["time"][0].as_f64().unwrap();
    assert!((first - since).abs() < 1.1, "{first} {since}");
    assert!(later["time"].as_array().unwrap().len() <= 4, "{later}");

    let pool = get_json(at, "/api/v1/bulkhead/pool/history?since=5m");
    assert_eq!((sum(&pool["columns"]["admitted"]), numbers(&pool["columns"]["inside"]).last()), (1, Some(&Some(1))));
    assert!(pool.get("state").is_none());
    assert_eq!(get_json(at, "/api/v1/bulkhead/pool/history?since=30m")["step"], 10);
    assert_eq!(get_json(at, "/api/v1/bulkhead/pool/history?since=7d")["step"], 60);
}

#[test]
fn what_cannot_be_asked_is_refused_with_what_can() {
    let scope = Scope::new();
    {
        let _entered = scope.enter();
        CircuitBreaker::builder("payment").register().unwrap();
    }
    let listening = listen(&scope, History::DEFAULT);
    let at = listening.address();
    for (path, status, expected) in [
        ("/api/v1/circuit_breaker/payment/history?step=2", 400, "expected `1`, `10` or `60`"),
        ("/api/v1/circuit_breaker/payment/history?since=yesterday", 400, "such as `5m`, or seconds since 1970"),
        ("/api/v1/circuit_breaker/payment/history?from=5m", 400, "unknown parameter `from`; expected `since`, `step`"),
        ("/api/v1/circuit_breaker/paymnt/history", 404, "did you mean `payment`?"),
        ("/api/v1/advice?all=1", 400, "there are none here"),
    ] {
        let answer = get(at, path);
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        assert!(answer.problem().contains(expected), "{path}: {answer:?}");
    }
    let none = listen(&scope, History::NONE);
    let answer = get(none.address(), "/api/v1/circuit_breaker/payment/history");
    assert_eq!(answer.status, 404);
    assert!(answer.problem().contains("`History::NONE`"), "{answer:?}");
}

#[test]
fn advice_is_told_with_what_to_write() {
    let scope = Scope::new();
    {
        let _entered = scope.enter();
        let keyed = CircuitBreaker::builder("stock").consecutive_failures(1).max_keys(2).register().unwrap();
        for shelf in 0..3 {
            keyed.keyed(shelf).try_acquire().unwrap().failure();
        }
        assert!(registry().circuit_breaker("stock").is_some());
    }
    let listening = listen(&scope, History::DEFAULT);
    let advice = get_json(listening.address(), "/api/v1/advice");
    let expected = serde_json::json!([{
        "rule": "keys_overflow",
        "kind": "circuit_breaker",
        "name": "stock",
        "text": "1 call had a key for which circuit breaker `stock` has no instance of its own; `max_keys` is 2, and 2 are held",
        "help": "write a larger `max_keys`, such as `max_keys = 4`, or a `key` with fewer values",
    }]);
    assert_eq!(advice["advice"], expected);
}
