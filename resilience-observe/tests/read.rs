//! What is read over HTTP: by whom, in which form, and what is not told.
//!
//! Sockets are real, and so is the time. `UPDATE=1 cargo test -p resilience-observe --test read` writes the recorded answers anew.

#![cfg(feature = "listen")]

mod asking;

use asking::{Answer, ask, get, get_json, recorded};
use resilience_observe::{Access, Listening, Observer, Token};
use resilience_runtime::testing::Scope;
use resilience_runtime::{
    Bulkhead, CircuitBreaker, HealthCheck, Rate, RateLimiter, Rejection, Retry, Timeout, circuit_breaker, fallback,
    retry, timeout,
};
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

const TOKEN: &str = "correct-horse-battery-staple";
const BEARER: &str = "Authorization: Bearer correct-horse-battery-staple";

#[derive(Debug, thiserror::Error)]
enum Charging {
    #[error("https://user:hunter2@gateway: connection refused")]
    Refused,
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

async fn queued() -> Result<u32, Charging> {
    Ok(0)
}

#[fallback(queued)]
#[retry(name = "payment", attempts = 2, delay = "1ms")]
#[circuit_breaker("payment", consecutive_failures = 2)]
#[timeout("2s", name = "payment")]
async fn charge() -> Result<u32, Charging> {
    Err(Charging::Refused)
}

fn listen(scope: &Scope, access: Access) -> Listening {
    let observer = Observer::builder(scope.registry()).instance("shop-7f9c").build().unwrap();
    observer.listen("127.0.0.1:0", access).unwrap()
}

fn steering() -> Access {
    Access::steering(Token::new(TOKEN).unwrap())
}

/// A program of which something is open, something is full and something has keys.
fn program(scope: &Scope) {
    let _entered = scope.enter();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { assert_eq!(charge().await.unwrap(), 0) });
    let stock = CircuitBreaker::builder("stock").consecutive_failures(1).max_keys(8).register().unwrap();
    for (shelf, fails) in [("shelf 7", false), ("shelf 8", true), ("shelf 9", false)] {
        let permit = stock.keyed(shelf).try_acquire().unwrap();
        if fails { permit.failure_because(&Charging::Refused) } else { permit.success() }
    }
    let store = Bulkhead::builder("store").max_concurrent(1).register().unwrap();
    let inside = store.try_acquire().unwrap();
    store.try_acquire().unwrap_err();
    drop(inside);
    RateLimiter::builder("mail").rate("10/s".parse().unwrap()).register().unwrap().try_acquire().unwrap();
    Timeout::builder("a/b c?::d@7").after(Duration::from_secs(1)).register().unwrap();
    Retry::builder("<img src=x onerror=alert(1)>").attempts(3).register().unwrap();
    scope.registry().mark_critical("payment", true).unwrap();
}

fn names(policies: &Value) -> Vec<(&str, &str)> {
    let policies = policies["policies"].as_array().unwrap();
    policies.iter().map(|policy| (policy["kind"].as_str().unwrap(), policy["name"].as_str().unwrap())).collect()
}

fn named<'a>(policies: &'a Value, kind: &str, name: &str) -> &'a Value {
    let policies = policies["policies"].as_array().unwrap();
    policies.iter().find(|policy| policy["kind"] == kind && policy["name"] == name).unwrap()
}

#[test]
fn every_policy_is_a_row() {
    let scope = Scope::new();
    program(&scope);
    let listening = listen(&scope, Access::read_only());
    let policies = get_json(listening.address(), "/api/v1/policies");
    let expected = [
        ("circuit_breaker", "payment"),
        ("circuit_breaker", "stock"),
        ("retry", "<img src=x onerror=alert(1)>"),
        ("retry", "payment"),
        ("timeout", "a/b c?::d@7"),
        ("timeout", "payment"),
        ("bulkhead", "store"),
        ("rate_limit", "mail"),
    ];
    assert_eq!(names(&policies), expected);
    let payment = named(&policies, "circuit_breaker", "payment");
    assert_eq!((&payment["state"], &payment["critical"]), (&"open".into(), &true.into()));
    assert_eq!(payment["reason"]["type"], "consecutive_failures");
    assert_eq!(payment["reason_in_words"], "2 consecutive failures");
    assert_eq!((&payment["totals"]["failures"], &payment["window"]["failures"]), (&2.into(), &2.into()));
    assert_eq!(payment["functions"], serde_json::json!(["read::charge"]));
    assert!(payment["probe_due_in"].as_f64().unwrap() > 20.0 && payment["age"].as_f64().unwrap() < 10.0, "{payment}");
    let stock = named(&policies, "circuit_breaker", "stock");
    assert_eq!((&stock["keys"]["held"], &stock["keys"]["not_closed"]), (&3.into(), &1.into()));
    assert_eq!(policies["more"], 0);
    assert_eq!(policies["instance"], "shop-7f9c");
    for not_in_a_row in ["settings", "next", "history", "last_error"] {
        assert!(payment.get(not_in_a_row).is_none());
    }
}

#[test]
fn rows_are_chosen_by_kind_name_state_and_number() {
    let scope = Scope::new();
    program(&scope);
    let listening = listen(&scope, Access::read_only());
    let asked = |query: &str| get_json(listening.address(), &format!("/api/v1/policies?{query}"));
    assert_eq!(names(&asked("kind=timeout")), [("timeout", "a/b c?::d@7"), ("timeout", "payment")]);
    assert_eq!(names(&asked("name=sto*")), [("circuit_breaker", "stock"), ("bulkhead", "store")]);
    assert_eq!(names(&asked("name=a%2Fb+c%3F*")), [("timeout", "a/b c?::d@7")]);
    assert_eq!(names(&asked("state=open&kind=circuit_breaker&name=payment")), [("circuit_breaker", "payment")]);
    assert_eq!(names(&asked("state=half_open")), []);
    let limited = asked("limit=3");
    assert_eq!((names(&limited).len(), &limited["more"]), (3, &5.into()));
    let refused = |query: &str| {
        let answer = get(listening.address(), &format!("/api/v1/policies?{query}"));
        assert_eq!(answer.status, 400);
        answer.problem()
    };
    assert_eq!(refused("nme=x"), "unknown parameter `nme`; expected `kind`, `name`, `state`, `limit`");
    assert_eq!(refused("name=a&name=b"), "the parameter `name` is there twice");
    assert!(refused("kind=breaker").starts_with("the parameter `kind`: expected `circuit_breaker`"));
    assert!(refused("state=opne").contains("`half_open`"));
    for limit in ["limit=0", "limit=10001", "limit=-1", "limit=many"] {
        assert!(refused(limit).starts_with("the parameter `limit`"));
    }
    assert_eq!(names(&asked("limit=10000")).len(), 8);
    assert!(refused("name=").contains("between 1 and 128 characters"));
    assert_eq!(refused("name=%ff"), "the query is not UTF-8");
}

#[test]
fn a_policy_is_told_whole_by_its_name_in_the_path() {
    let scope = Scope::new();
    program(&scope);
    let listening = listen(&scope, Access::read_only());
    let policy = |path: &str| get_json(listening.address(), &format!("/api/v1/{path}"))["policy"].clone();
    let payment = policy("circuit_breaker/payment");
    let setting =
        payment["settings"].as_array().unwrap().iter().find(|setting| setting["key"] == "consecutive_failures");
    assert_eq!(setting.unwrap()["source"]["type"], "attribute");
    assert!(
        payment["next_in_words"].as_str().unwrap().starts_with("it is rejected: circuit breaker `payment` is open")
    );
    assert_eq!(policy("timeout/a%2Fb%20c%3F%3A%3Ad%407")["after"], 1.0);
    assert_eq!(policy("retry/%3Cimg%20src=x%20onerror=alert(1)%3E")["attempts"], 3);
    let missing = |path: &str| {
        let answer = get(listening.address(), &format!("/api/v1/{path}"));
        assert_eq!(answer.status, 404);
        answer.problem()
    };
    assert_eq!(missing("circuit_breaker/paymnt"), "no circuit_breaker is called `paymnt`; did you mean `payment`?");
    assert_eq!(missing("circuit_breaker/nothing_like_it"), "no circuit_breaker is called `nothing_like_it`");
    assert_eq!(missing("fallback/read::charge"), "a fallback is in no registry; see `operations`");
    assert!(missing("breaker/payment").starts_with("no such kind of policy: expected `circuit_breaker`"));
    assert!(scope.registry().circuit_breaker("paymnt").is_none(), "asking makes nothing");
}

#[test]
fn a_path_that_is_no_text_is_refused() {
    let listening = listen(&Scope::new(), Access::read_only());
    let answer = get(listening.address(), "/api/v1/circuit_breaker/%FF");
    assert_eq!((answer.status, &*answer.problem()), (400, "the path is not UTF-8"));
}

#[test]
fn a_state_is_asked_for_of_keys_that_have_one() {
    let scope = Scope::new();
    {
        let _entered = scope.enter();
        let store = Bulkhead::builder("store").max_concurrent(1).register().unwrap();
        drop(store.keyed(1).try_acquire().unwrap());
        let users = RateLimiter::builder("users").rate(Rate::per_second(1)).register().unwrap();
        users.keyed(1).try_acquire().unwrap();
        let stock = CircuitBreaker::builder("stock").register().unwrap();
        stock.keyed(1).try_acquire().unwrap().success();
    }
    let listening = listen(&scope, Access::read_only());
    for (policy, expected) in [
        ("circuit_breaker/stock", None),
        ("bulkhead/store", Some("a bulkhead has no `state`")),
        ("rate_limit/users", Some("a rate_limit has no `state`")),
    ] {
        let path = format!("/api/v1/{policy}/keys");
        assert_eq!(get_json(listening.address(), &path)["keys"].as_array().unwrap().len(), 1, "{policy}");
        let answer = get(listening.address(), &format!("{path}?state=closed"));
        let problem = (answer.status != 200).then(|| answer.problem());
        assert_eq!((answer.status == 400, problem.as_deref()), (expected.is_some(), expected), "{policy}");
    }
    let nobody = get(listening.address(), "/api/v1/circuit_breaker/store/keys");
    assert_eq!((nobody.status, &*nobody.problem()), (404, "no circuit_breaker is called `store`"));
}

#[test]
fn keys_that_are_not_closed_come_first() {
    let scope = Scope::new();
    program(&scope);
    let listening = listen(&scope, Access::read_only());
    let keys = |query: &str| get_json(listening.address(), &format!("/api/v1/circuit_breaker/stock/keys{query}"));
    let told = |answer: &Value| -> Vec<(String, String)> {
        let keys = answer["keys"].as_array().unwrap();
        keys.iter()
            .map(|key| (key["key"].as_str().unwrap().to_owned(), key["state"].as_str().unwrap().to_owned()))
            .collect()
    };
    let of = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<Vec<_>>();
    let all = keys("");
    assert_eq!(told(&all), of(&[("shelf 8", "open"), ("shelf 7", "closed"), ("shelf 9", "closed")]));
    assert_eq!(all["keys"][0]["name"], "stock", "a key is a field of its own");
    assert_eq!(told(&keys("?state=closed")), of(&[("shelf 7", "closed"), ("shelf 9", "closed")]));
    let limited = keys("?limit=1");
    assert_eq!((told(&limited), &limited["more"]), (of(&[("shelf 8", "open")]), &2.into()));
    {
        let _entered = scope.enter();
        let many = RateLimiter::builder("many").rate("1/h".parse().unwrap()).register().unwrap();
        (0..1001).for_each(|key| many.keyed(key).try_acquire().unwrap());
    }
    let many = get_json(listening.address(), "/api/v1/rate_limit/many/keys?limit=2000");
    assert_eq!((many["keys"].as_array().unwrap().len(), &many["more"]), (1000, &1.into()));
    assert_eq!(get_json(listening.address(), "/api/v1/bulkhead/store/keys")["keys"], serde_json::json!([]));
    assert_eq!(
        get(listening.address(), "/api/v1/bulkhead/store/keys?state=open").problem(),
        "a bulkhead has no `state`"
    );
    let answer = get(listening.address(), "/api/v1/timeout/payment/keys");
    assert_eq!((answer.status, answer.problem()), (404, "a timeout has no keys".to_owned()));
}

#[test]
fn functions_are_told_with_their_layers_from_the_outermost_in() {
    let scope = Scope::new();
    program(&scope);
    let listening = listen(&scope, Access::read_only());
    let operations = get_json(listening.address(), "/api/v1/operations");
    let charge = &operations["operations"].as_array().unwrap()[0];
    assert_eq!((&charge["name"], &charge["function"]), (&"read::charge".into(), &"charge".into()));
    let kinds: Vec<_> =
        charge["layers"].as_array().unwrap().iter().map(|layer| layer["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["fallback", "retry", "circuit_breaker", "timeout"]);
    assert_eq!((&charge["layers"][0]["policy"], &charge["layers"][2]["policy"]), (&Value::Null, &"payment".into()));
    assert_eq!(charge["layers"][2]["written"][0], serde_json::json!({ "key": "consecutive_failures", "value": "2" }));
    assert!(charge["fallbacks"]["asked"].as_u64() >= Some(1), "{charge}");
}

#[test]
fn the_journal_begins_with_what_every_policy_remembers() {
    let scope = Scope::new();
    program(&scope);
    let listening = listen(&scope, Access::read_only());
    let at = listening.address();
    let events = get_json(at, "/api/v1/events");
    let told = |events: &Value| -> Vec<(u64, String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let events = events["events"].as_array().unwrap().iter();
        events.map(|event| (event["id"].as_u64().unwrap(), text(&event["type"]), text(&event["name"]))).collect()
    };
    let opened = told(&events);
    let transitions: Vec<_> = opened.iter().filter(|(_, topic, _)| topic == "transition").collect();
    assert_eq!(transitions.iter().map(|(_, _, name)| &**name).collect::<Vec<_>>(), ["payment", "stock"]);
    assert!(opened.is_sorted_by_key(|(id, ..)| *id) && opened[0].0 == 1, "{opened:?}");
    let last = events["last"].as_u64().unwrap();
    // What happens afterwards comes after it, once.
    scope.registry().circuit_breaker("payment").unwrap().force_open();
    let later = get_json(at, &format!("/api/v1/events?after={last}"));
    let expected = [
        (last + 1, "steered".to_owned(), "payment".to_owned()),
        (last + 2, "transition".to_owned(), "payment".to_owned()),
    ];
    assert_eq!(told(&later), expected);
    assert_eq!(told(&get_json(at, &format!("/api/v1/events?after={}", last + 2))), []);
    let one = get_json(at, &format!("/api/v1/events?after={last}&limit=1"));
    assert_eq!((told(&one).len(), &one["reached"]), (1, &(last + 1).into()));
    let both = get_json(at, &format!("/api/v1/events?after={last}&limit=3"));
    assert_eq!((told(&both).len(), &both["reached"]), (2, &(last + 2).into()));
    assert_eq!(later["events"][1]["text"], "circuit_breaker `payment`: open -> forced_open (forced open by hand)");
    assert_eq!(later["events"][1]["kind"], "circuit_breaker");
    assert_eq!(told(&get_json(at, "/api/v1/events?topic=steered,conflict")), [expected[0].clone()]);
    assert_eq!(told(&get_json(at, "/api/v1/events?name=sto*&topic=transition")).len(), 1);
    // An open bulkhead's rejection is a sum.
    let store = scope.registry().bulkhead("store").unwrap();
    let _inside = store.try_acquire().unwrap();
    (0..5).for_each(|_| drop(store.try_acquire().unwrap_err()));
    std::thread::sleep(Duration::from_millis(1100));
    let repeated = get_json(at, &format!("/api/v1/events?after={}&name=store", last + 2));
    assert_eq!((told(&repeated).len(), &repeated["events"][0]["topic"]), (1, &"rejected".into()), "{repeated}");
    assert_eq!(repeated["events"][0]["count"], 5);
    // What a fallback was asked is not what it failed at.
    let reached = repeated["reached"].as_u64().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _entered = scope.enter();
    runtime.block_on(async { assert_eq!(charge().await.unwrap(), 0) });
    std::thread::sleep(Duration::from_millis(1100));
    let fallbacks = get_json(at, &format!("/api/v1/events?after={reached}&topic=fallback,fallback_failed"));
    let fallbacks = fallbacks["events"].as_array().unwrap();
    assert!(fallbacks.iter().all(|event| event["topic"] == "fallback"), "{fallbacks:?}");
    // The function is the process's, so other tests call it too.
    assert!(fallbacks.iter().map(|event| event["count"].as_u64().unwrap()).sum::<u64>() >= 1, "{fallbacks:?}");
}

/// Everything that is told of a program in which a failure has said a secret.
const TELLING: [&str; 9] = [
    "/health",
    "/metrics",
    "/api/v1/operations",
    "/api/v1/policies",
    "/api/v1/circuit_breaker/payment",
    "/api/v1/circuit_breaker/payment/events",
    "/api/v1/circuit_breaker/stock/keys",
    "/api/v1/events",
    "/api/v1/advice",
];

#[test]
fn what_a_failure_said_is_told_to_nobody_without_a_token() {
    let scope = Scope::new();
    program(&scope);
    let check = async || Err::<(), _>(std::io::Error::other("postgres://shop:hunter2@db is down"));
    scope.registry().health_check(HealthCheck::new("database", Duration::from_secs(1), check)).unwrap();
    for access in [Access::read_only(), steering()] {
        let listening = listen(&scope, access);
        // A configuration may hold one too, in a line that is wrong.
        scope.registry().configure_from_str("hunter2 = true").unwrap_err();
        let advice = get(listening.address(), "/api/v1/advice").body;
        assert!(advice.contains("configuration_refused") && advice.contains("whoever has the token"), "{advice}");
        let events = get(listening.address(), "/api/v1/events?topic=config_refused").body;
        assert!(events.contains("whoever has the token"), "{events}");
        for path in TELLING {
            let answer = get(listening.address(), path);
            assert!(answer.status == 200 || path == "/health", "{path}: {answer:?}");
            assert!(!answer.body.contains("hunter2"), "{path}: {}", answer.body);
        }
    }
    // The secret is where it is looked for: with the token it is told.
    let listening = listen(&scope, steering());
    scope.registry().configure_from_str("hunter2 = true").unwrap_err();
    let asked = |path: &&str| ask(listening.address(), &format!("GET {path}"), &[BEARER]);
    let telling: BTreeSet<_> = TELLING.into_iter().filter(|path| asked(path).body.contains("hunter2")).collect();
    let expected = ["/health", "/api/v1/circuit_breaker/payment", "/api/v1/circuit_breaker/payment/events"];
    let others = ["/api/v1/circuit_breaker/stock/keys", "/api/v1/events", "/api/v1/advice"];
    let expected = expected.into_iter().chain(others);
    assert_eq!(telling, expected.collect());
}

#[test]
fn every_answer_has_the_headers_that_keep_a_browser_from_doing_more_with_it() {
    let scope = Scope::new();
    let listening = listen(&scope, Access::read_only());
    let paths = ["/", "/metrics", "/health", "/health/live", "/api/v1/policies", "/nothing", "/api/v1/retry/nothing"];
    for path in paths {
        let answer = get(listening.address(), path);
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self';") && !policy.contains("unsafe"), "{policy}");
    }
}

#[test]
fn recorded_answers_are_current() {
    let scope = Scope::new();
    program(&scope);
    let listening = listen(&scope, Access::read_only());
    let at = listening.address();
    get_json(at, "/api/v1/events");
    // Long enough for rates.
    std::thread::sleep(Duration::from_millis(1100));
    get_json(at, "/api/v1/events");
    for (file, path) in [
        ("health", "/health"),
        ("operations", "/api/v1/operations"),
        ("policies", "/api/v1/policies"),
        ("circuit_breaker", "/api/v1/circuit_breaker/payment"),
        ("retry", "/api/v1/retry/payment"),
        ("timeout", "/api/v1/timeout/payment"),
        ("bulkhead", "/api/v1/bulkhead/store"),
        ("rate_limit", "/api/v1/rate_limit/mail"),
        ("keys", "/api/v1/circuit_breaker/stock/keys"),
        ("policy_events", "/api/v1/circuit_breaker/payment/events"),
        ("events", "/api/v1/events"),
        ("problem", "/api/v1/circuit_breaker/paymnt"),
    ] {
        recorded(file, &answer_of(at, path).json());
    }
}

fn answer_of(at: SocketAddr, path: &str) -> Answer {
    let answer = get(at, path);
    assert!([200, 404].contains(&answer.status) || path == "/health", "{path}: {answer:?}");
    answer
}
