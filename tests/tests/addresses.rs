//! A key is addressed wherever a name is: looked up, steered, told of, configured in a file, and seen in what is said of its policy.

use resilience_runtime::testing::Scope;
use resilience_runtime::{
    Bulkhead, CircuitBreaker, Event, HealthStatus, Instance, Kind, Rate, RateLimiter, Source, State, SteerError,
    Timeout, Topic, registry,
};
use std::sync::Arc;
use std::time::Duration;

fn stock() -> Arc<CircuitBreaker> {
    CircuitBreaker::builder("stock").consecutive_failures(1).max_keys(3).register().unwrap()
}

fn succeed(breaker: &CircuitBreaker, key: &str) {
    breaker.keyed(key).try_acquire().unwrap().success();
}

fn value(settings: &[resilience_runtime::Setting], key: &str) -> (String, Source) {
    let setting = settings.iter().find(|setting| setting.key == key).unwrap();
    (setting.value.clone(), setting.source.clone())
}

#[tokio::test(start_paused = true)]
async fn one_key_is_steered_and_all_that_match() {
    let _entered = Scope::new().enter();
    let stock = stock();
    ["eu, 1", "eu, 2", "us"].into_iter().for_each(|key| succeed(&stock, key));
    let mut events = registry().subscribe();
    let reached = registry().steer("st*").key("us").by("ops").why("incident 12").force_open().unwrap();
    assert_eq!(reached.iter().map(ToString::to_string).collect::<Vec<_>>(), ["circuit_breaker `stock[us]`"]);
    let states = || ["eu, 1", "eu, 2", "us"].map(|key| stock.of_key(key).unwrap().state());
    assert_eq!(states(), [State::Closed, State::Closed, State::ForcedOpen]);
    assert_eq!(stock.state(), State::Closed);
    let told: Vec<_> = std::iter::from_fn(|| events.try_recv()).map(|event| event.to_string()).collect();
    assert_eq!(
        told,
        [
            "circuit_breaker `stock[us]`: force_open by ops: incident 12",
            "circuit_breaker `stock[us]`: closed -> forced_open (forced open by hand)",
        ]
    );

    // A comma in a key is shown with a backslash.
    let reached = registry().steer("stock").keys(r"eu\, *").force_open().unwrap();
    assert_eq!(reached.iter().map(|reached| reached.key.clone().unwrap()).collect::<Vec<_>>(), ["eu, 1", "eu, 2"]);
    registry().steer("stock").keys("*").reset().unwrap();
    assert_eq!(states(), [State::Closed; 3]);

    let none = registry().steer("stock").key(("us", 1)).reset().unwrap_err();
    assert_eq!(none.to_string(), "no circuit_breaker matches `stock[us, 1]`");
    assert!(matches!(registry().steer("stock").keys("").reset(), Err(SteerError::Pattern(_))));
}

#[tokio::test(start_paused = true)]
async fn the_events_of_one_key_are_found_whether_it_is_there_or_not() {
    let _entered = Scope::new().enter();
    let stock = stock();
    ["a", "b"].into_iter().for_each(|key| stock.keyed(key).try_acquire().unwrap().failure());
    let topics = |key: &str| {
        let events = registry().recent_events_of_key(Kind::CircuitBreaker, "stock", key);
        assert!(events.iter().all(|event| event.key().unwrap() == key));
        events.iter().map(Event::topic).collect::<Vec<_>>()
    };
    assert_eq!((topics("a"), topics("c")), (vec![Topic::Transition], vec![]));
    assert_eq!(stock.of_key("b").unwrap().recent_events().len(), 1);
    stock.of_key("a").unwrap().reset();
    for key in ["c", "d"] {
        tokio::time::advance(Duration::from_secs(2)).await;
        succeed(&stock, key);
    }
    assert!(stock.of_key("a").is_none());
    assert_eq!(topics("a"), [Topic::Transition, Topic::Steered, Topic::Transition]);
}

#[tokio::test(start_paused = true)]
async fn nothing_says_closed_while_a_key_is_open() {
    let _entered = Scope::new().enter();
    let stock = stock();
    succeed(&stock, "well");
    let seen = || (stock.snapshot().state, stock.snapshot().decided);
    assert_eq!(seen(), (State::Closed, State::Closed));
    stock.keyed("bad").try_acquire().unwrap().failure();
    assert_eq!(seen(), (State::Open, State::Open));
    assert_eq!(registry().snapshot().circuit_breakers[0].state, State::Open);
    assert_eq!(registry().health().await.status, HealthStatus::Degraded);
    stock.monitor();
    assert_eq!(seen(), (State::Monitoring, State::Open));
    stock.enforce();
    tokio::time::advance(Duration::from_secs(30)).await;
    let probe = stock.keyed("bad").try_acquire().unwrap();
    assert_eq!(seen(), (State::HalfOpen, State::HalfOpen));
    drop(probe);
    stock.of_key("well").unwrap().force_open();
    assert_eq!(seen(), (State::ForcedOpen, State::ForcedOpen));
    stock.reset();
    assert_eq!(seen(), (State::Closed, State::Closed));
    let critical = registry().mark_critical(Instance::of_key("stock", "bad"), true);
    assert_eq!(critical, Ok(()));
    for _ in 0..3 {
        let _ = stock.keyed("bad").try_acquire().map(|permit| permit.failure());
    }
    assert_eq!(registry().health().await.status, HealthStatus::Down);
}

const LINES: &str = r#"
[circuit_breaker.stock]
open_for = "1m"

[circuit_breaker.stock.key."3"]
consecutive_failures = 5

[circuit_breaker.stock.key.'eu\, 1']
force_open = true
"#;

#[tokio::test(start_paused = true)]
async fn the_lines_of_a_key_hold_whenever_it_is_there() {
    let _entered = Scope::new().enter();
    let stock = stock();
    ["3", "4"].into_iter().for_each(|key| succeed(&stock, key));
    let mut events = registry().subscribe();
    let report = registry().configure_from_str(LINES).unwrap();
    let changed: Vec<_> = report.changes.iter().map(|change| (change.key.as_deref(), change.keys.clone())).collect();
    assert_eq!(changed, [(None, vec!["open_for"]), (Some("3"), vec![]), (Some(r"eu\, 1"), vec![])]);
    let told: Vec<_> = std::iter::from_fn(|| events.try_recv()).map(|event| event.to_string()).collect();
    assert!(told.contains(&"circuit_breaker `stock[3]`: consecutive_failures by text".to_owned()), "{told:?}");

    let settings = |key: &str| stock.of_key(key).unwrap().snapshot().settings;
    let file = |line| Source::File { path: "text".into(), line };
    assert_eq!(value(&settings("3"), "consecutive_failures"), ("5".to_owned(), file(6)));
    assert_eq!(value(&settings("3"), "open_for"), ("1m".to_owned(), file(3)));
    assert_eq!(value(&settings("4"), "consecutive_failures"), ("1".to_owned(), Source::Builder));
    // One that comes later.
    assert!(stock.keyed("eu, 1").try_acquire().is_err());
    assert_eq!(value(&settings("eu, 1"), "force_open"), ("true".to_owned(), file(9)));

    // Evicted, and there again.
    for key in ["5", "6", "7", "8"] {
        tokio::time::advance(Duration::from_secs(20)).await;
        succeed(&stock, key);
    }
    assert!(stock.of_key("3").is_none() && stock.of_key("eu, 1").is_some());
    tokio::time::advance(Duration::from_secs(20)).await;
    succeed(&stock, "3");
    assert_eq!(value(&settings("3"), "consecutive_failures").0, "5");
    // And whoever has its slot next has what all have.
    for key in ["9", "10", "11"] {
        tokio::time::advance(Duration::from_secs(20)).await;
        succeed(&stock, key);
        assert_eq!(value(&settings(key), "consecutive_failures").0, "1");
    }

    // Another configuration by hand is one for all keys but those of which a file says more.
    tokio::time::advance(Duration::from_secs(20)).await;
    succeed(&stock, "3");
    stock.reconfigure(resilience_runtime::CircuitBreakerConfig::new().consecutive_failures(2).max_keys(3)).unwrap();
    assert_eq!(value(&settings("3"), "consecutive_failures").0, "5");
    assert_eq!(value(&settings("11"), "consecutive_failures").0, "2");

    // It says more of a key, which is not what was said by hand any more. Of one of which it says what it said before, nothing is told.
    let told = |text: &str| -> Vec<_> {
        let mut events = registry().subscribe();
        registry().configure_from_str(text).unwrap();
        std::iter::from_fn(|| events.try_recv()).map(|event| event.to_string()).collect()
    };
    let more = format!("{LINES}\n[circuit_breaker.stock.key.11]\nforce_open = true\n");
    let of_one = [
        "circuit_breaker `stock[11]`: consecutive_failures, open_for, force_open by text",
        "circuit_breaker `stock[11]`: closed -> forced_open (forced open by hand)",
    ];
    assert_eq!(told(&more), of_one);
    assert_eq!(told(&more), [""; 0]);

    registry().configure_from_str("").unwrap();
    assert_eq!(value(&settings("3"), "consecutive_failures").0, "1");
    assert!(stock.keyed("eu, 1").try_acquire().is_ok(), "it is not forced open any more");
}

/// What the lines of a key say of `force_open` before and after, and what becomes of a breaker that is forced open and of one that is not.
#[tokio::test(start_paused = true)]
async fn a_key_stays_forced_open_for_as_long_as_its_lines_say_so() {
    let lines = |forced: Option<bool>, failures: u32| {
        let forced = forced.map_or_else(String::new, |forced| format!("force_open = {forced}\n"));
        format!("[circuit_breaker.stock.key.3]\nconsecutive_failures = {failures}\n{forced}")
    };
    for (before, after, state) in [
        (Some(true), Some(true), State::ForcedOpen),
        (Some(true), Some(false), State::Closed),
        (Some(true), None, State::Closed),
        (Some(false), Some(true), State::ForcedOpen),
        (Some(false), Some(false), State::Closed),
        (Some(false), None, State::Closed),
        (None, Some(true), State::ForcedOpen),
        (None, None, State::Closed),
    ] {
        let _entered = Scope::new().enter();
        let stock = stock();
        succeed(&stock, "3");
        registry().configure_from_str(&lines(before, 5)).unwrap();
        registry().configure_from_str(&lines(after, 6)).unwrap();
        assert_eq!(stock.of_key("3").unwrap().state(), state, "{before:?}, then {after:?}");
    }
    // What somebody did by hand is not taken back by lines that never said so.
    for (before, after, state) in [(None, None, State::ForcedOpen), (Some(false), None, State::ForcedOpen)] {
        let _entered = Scope::new().enter();
        let stock = stock();
        succeed(&stock, "3");
        registry().configure_from_str(&lines(before, 5)).unwrap();
        stock.of_key("3").unwrap().force_open();
        registry().configure_from_str(&lines(after, 6)).unwrap();
        assert_eq!(stock.of_key("3").unwrap().state(), state, "{before:?}, then {after:?}, by hand between");
    }
}

#[tokio::test(start_paused = true)]
async fn keys_of_every_kind_have_lines_also_of_policies_that_are_built_later() {
    let _entered = Scope::new().enter();
    registry()
        .configure_from_str(
            "[bulkhead.'po*'.key.acme]\nmax_concurrent = 2\n[rate_limit.api.key.'acme, 7']\nburst = 3\n",
        )
        .unwrap();
    let pool = Bulkhead::builder("pool").max_concurrent(1).max_queue(1).register().unwrap();
    let places = ["acme", "acme", "globex"].map(|key| pool.keyed(key).try_acquire());
    assert!(places.iter().all(Result::is_ok));
    assert!(pool.keyed("globex").try_acquire().is_err());
    let api = RateLimiter::builder("api").rate(Rate::per_minute(1)).register().unwrap();
    let passed = |tenant: &str, times| (0..times).filter(|_| api.keyed((tenant, 7)).try_acquire().is_ok()).count();
    assert_eq!((passed("acme", 9), passed("globex", 9)), (3, 1));

    // Who waits goes on when a line makes room.
    let change = async {
        tokio::task::yield_now().await;
        registry().configure_from_str("[bulkhead.pool.key.globex]\nmax_concurrent = 2").unwrap();
    };
    let (entered, ()) = tokio::join!(pool.keyed("globex").acquire(), change);
    assert!(entered.is_ok());
    assert!(pool.keyed("acme").try_acquire().is_err(), "it has one again");
}

#[test]
fn a_variable_that_means_a_key_is_told_to_be_a_file() {
    let _entered = Scope::new().enter();
    let _stock = stock();
    Timeout::builder("stock").after(Duration::from_secs(1)).register().unwrap();
    let of_a_timeout = ("RESILIENCE__TIMEOUT__STOCK__KEY__3__AFTER".to_owned(), "1s".to_owned());
    let variable = |name: &str| (format!("RESILIENCE__CIRCUIT_BREAKER__{name}"), "1s".to_owned());
    let variables = [
        "STOCK__KEY__ACME_7__OPEN_FOR",
        "stock__key__acme_7__open_for",
        "SOCK__KEY__ACME__OPEN_FOR",
        "STOCK__KEY__A__KEY__B__OPEN_FOR",
    ];
    let variables = variables.map(variable).into_iter().chain([of_a_timeout]);
    let report = registry().configure_from_environment(variables).unwrap();
    let warnings: Vec<_> = report.warnings.iter().map(ToString::to_string).collect();
    let in_a_file = "keys cannot be configured by a variable, which does not say how `ACME_7` is written; \
        write `[circuit_breaker.\"stock\".key.\"...\"]` in a file";
    // Of nothing that is known, it may be the name of something else.
    let expected = [
        "RESILIENCE__CIRCUIT_BREAKER__SOCK__KEY__ACME__OPEN_FOR: unknown circuit_breaker `SOCK__KEY__ACME`".to_owned(),
        format!("RESILIENCE__CIRCUIT_BREAKER__STOCK__KEY__ACME_7__OPEN_FOR: {in_a_file}"),
        format!(
            "RESILIENCE__CIRCUIT_BREAKER__STOCK__KEY__A__KEY__B__OPEN_FOR: {}",
            in_a_file.replace("ACME_7", "A__KEY__B")
        ),
        format!("RESILIENCE__CIRCUIT_BREAKER__stock__key__acme_7__open_for: {in_a_file}"),
        // A timeout has no keys.
        "RESILIENCE__TIMEOUT__STOCK__KEY__3__AFTER: unknown timeout `STOCK__KEY__3`".to_owned(),
    ];
    assert_eq!(warnings, expected);
}

#[test]
fn mistakes_in_the_lines_of_a_key_are_told_where_they_are() {
    let _entered = Scope::new().enter();
    let _stock = stock();
    let error = |text: &str| registry().configure_from_str(text).unwrap_err().to_string();
    for (text, expected) in [
        (
            "[circuit_breaker.stock.key.3]\nfailure_rate = 300",
            "text:2:16: `failure_rate` must be greater than 0 and at most 100",
        ),
        (
            "[circuit_breaker.stock.key.3]\nmax_keys = 3",
            "text:2:12: `max_keys` is not allowed for a single key; write it under the name of the policy",
        ),
        (
            "[circuit_breaker.stock.key]\n3 = 4",
            "text:2:1: `3` must be a table; write `[circuit_breaker.NAME.key.\"3\"]`",
        ),
        (
            "[circuit_breaker.stock.key.3.key.4]\nopen_for = '1s'",
            "text:1:34: `key` is not allowed in the table of a key",
        ),
        (
            "[defaults.circuit_breaker.key.3]\nopen_for = '1s'",
            "text:1:31: `key` is not allowed in defaults; write it under a name or a pattern, such as `[circuit_breaker.\"*\".key]`",
        ),
    ] {
        assert_eq!(error(text), expected);
    }
    let of_key = error("[circuit_breaker.stock.key.3]\nslow_call_rate = 50");
    assert!(of_key.starts_with("text:2:") && of_key.contains("`slow_call_rate` requires `slow_call`"), "{of_key}");
    let none = error("[retry.stock.key.3]\nattempts = 3");
    assert!(none.contains("unknown key `key` for `retry`"), "{none}");
}
