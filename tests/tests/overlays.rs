//! Several sources of configuration at once: which of them is heard, where each value came from, and that each can be replaced or taken away alone.

use resilience_runtime::testing::Scope;
use resilience_runtime::{
    CircuitBreaker, ConfigureError, Event, EventFilter, MAX_OVERLAYS, Registry, Retry, State, Topic, registry,
};
use std::sync::Arc;
use std::time::Duration;

/// The values of some keys of the breaker `shop`, and where each came from.
fn told<const N: usize>(keys: [&str; N]) -> [String; N] {
    let settings = registry().circuit_breaker("shop").unwrap().snapshot().settings;
    keys.map(|key| {
        let setting = settings.iter().find(|setting| setting.key == key).unwrap();
        format!("{} {}", setting.value, setting.source)
    })
}

fn shop() -> Arc<CircuitBreaker> {
    CircuitBreaker::builder("shop").failure_rate(50.0).register().unwrap()
}

fn environment(value: &str) {
    let variable = ("RESILIENCE__CIRCUIT_BREAKER__SHOP__FAILURE_RATE".to_owned(), value.to_owned());
    registry().configure_from_environment([variable]).unwrap();
}

fn overlay(name: &'static str, text: &str) -> Vec<&'static str> {
    registry().overlay(name, text).unwrap().changes.into_iter().flat_map(|change| change.keys).collect()
}

#[test]
fn the_environment_goes_before_the_last_overlay_and_so_on_down_to_the_file_and_the_program() {
    let scope = Scope::new();
    let _entered = scope.enter();
    shop();
    let rate = || told(["failure_rate"])[0].clone();
    assert_eq!(rate(), "50 builder");
    registry().configure_from_str("[circuit_breaker.shop]\nfailure_rate = 41").unwrap();
    assert_eq!(rate(), "41 text:2");
    assert_eq!(overlay("base", "[circuit_breaker.shop]\n\nfailure_rate = 42"), ["failure_rate"]);
    assert_eq!(rate(), "42 base:3");
    overlay("database", "[circuit_breaker.shop]\nfailure_rate = 43");
    assert_eq!(rate(), "43 database:2");
    environment("44");
    assert_eq!(rate(), "44 RESILIENCE__CIRCUIT_BREAKER__SHOP__FAILURE_RATE");
    assert_eq!(registry().overlays(), ["base", "database"]);

    // Replacing one that is not heard changes nothing, and leaves it where it was.
    assert!(overlay("base", "[circuit_breaker.shop]\nfailure_rate = 47").is_empty());
    registry().configure_from_environment([]).unwrap();
    assert_eq!(rate(), "43 database:2");
    let removed = registry().remove_overlay("database").unwrap().unwrap();
    assert_eq!(removed.changes[0].keys, ["failure_rate"]);
    assert_eq!(rate(), "47 base:2");
    assert_eq!(registry().remove_overlay("database"), Ok(None));
    registry().remove_overlay("base").unwrap();
    assert_eq!(rate(), "41 text:2");
    registry().configure_from_str("").unwrap();
    assert_eq!(rate(), "50 builder");
}

#[test]
fn which_source_is_heard_does_not_depend_on_which_came_first() {
    let arrivals = [
        ["file", "overlay", "environment"],
        ["file", "environment", "overlay"],
        ["overlay", "file", "environment"],
        ["overlay", "environment", "file"],
        ["environment", "file", "overlay"],
        ["environment", "overlay", "file"],
    ];
    let file = "[circuit_breaker.shop]\nfailure_rate = 41\nminimum_calls = 5\nopen_for = \"5s\"";
    let text = "[circuit_breaker.shop]\nfailure_rate = 42\nminimum_calls = 6";
    for arrival in arrivals {
        let scope = Scope::new();
        let _entered = scope.enter();
        shop();
        for source in arrival {
            match source {
                "file" => drop(registry().configure_from_str(file).unwrap()),
                "overlay" => drop(overlay("now", text)),
                _ => environment("43"),
            }
        }
        let of_environment = "43 RESILIENCE__CIRCUIT_BREAKER__SHOP__FAILURE_RATE";
        let told = told(["failure_rate", "minimum_calls", "open_for"]);
        assert_eq!(told, [of_environment, "6 now:3", "5s text:4"], "{arrival:?}");
    }
}

#[test]
fn each_source_lies_over_those_below_it_as_a_whole() {
    let scope = Scope::new();
    let _entered = scope.enter();
    let breaker = shop();
    registry()
        .configure_from_str("[circuit_breaker.shop]\nfailure_rate = 30\nopen_for = \"5s\"\nforce_open = true")
        .unwrap();
    assert_eq!(breaker.state(), State::ForcedOpen);
    overlay("now", "[circuit_breaker.\"*\"]\nfailure_rate = 60\nforce_open = false");
    assert_eq!(told(["failure_rate", "open_for"]), ["60 now:2", "5s text:3"]);
    assert_eq!(breaker.state(), State::Closed);
    overlay("key", "[circuit_breaker.shop.key.\"7\"]\nfailure_rate = 99");
    breaker.keyed(7).try_acquire().unwrap().success();
    let of_key = breaker.of_key(7).unwrap().snapshot();
    assert_eq!((of_key.settings[0].value.as_str(), of_key.settings[0].source.to_string()), ("99", "key:2".into()));
    // As specific as each other, in two sources: the upper one is heard.
    overlay("a", "[retry.\"s*p\"]\nattempts = 5");
    overlay("b", "[retry.\"sh*\"]\nattempts = 6");
    assert_eq!(Retry::builder("shop").register().unwrap().snapshot().attempts, 6);
    let error = registry().overlay("c", "[retry.\"s*p\"]\nattempts = 5\n[retry.\"sh*\"]\nattempts = 6").unwrap_err();
    assert!(error.to_string().contains("neither is more specific"), "{error}");
}

#[test]
fn defaults_are_looked_for_in_the_same_order_once_the_program_has_nothing_to_say() {
    let scope = Scope::new();
    let _entered = scope.enter();
    shop();
    let keys = ["failure_rate", "minimum_calls", "open_for", "window"];
    registry()
        .configure_from_str(
            "[defaults.circuit_breaker]\nfailure_rate = 10\nopen_for = \"7s\"\nwindow = 12\nminimum_calls = 3",
        )
        .unwrap();
    overlay("upper", "[defaults.circuit_breaker]\npreset = \"database\"");
    assert_eq!(
        told(keys),
        ["50 builder", "10 preset database", "15s preset database", "12 defaults text:4"],
        "a preset of the upper one goes before what the lower one writes"
    );
    registry().overlay("upper", "[defaults.circuit_breaker]\nopen_for = \"9s\"").unwrap();
    assert_eq!(told(keys), ["50 builder", "3 defaults text:5", "9s defaults upper:2", "12 defaults text:4"]);
    // Together they are one, which yields to the program as one.
    registry().overlay("upper", "[defaults.circuit_breaker]\nminimum_calls = 20").unwrap();
    assert_eq!(told(["minimum_calls", "window"]), ["12 defaults upper:2", "12 defaults text:4"]);
    registry().configure_from_str("[defaults.circuit_breaker]\nminimum_calls = 20").unwrap();
    let small = CircuitBreaker::builder("small").window(resilience_runtime::Window::Count(5)).register().unwrap();
    assert_eq!(small.snapshot().settings[1].value, "5");
}

#[test]
fn a_mistake_leaves_every_source_as_it_was() {
    let scope = Scope::new();
    let _entered = scope.enter();
    let retry = Retry::builder("shop").register().unwrap();
    let delays = || registry().retry("shop").unwrap().snapshot().settings[1].clone();
    registry().overlay("upper", "[retry.shop]\nmax_delay = \"1m\"").unwrap();
    registry().overlay("lower", "[retry.shop]\ndelay = \"30s\"").unwrap();
    assert_eq!((delays().value.as_str(), delays().source.to_string()), ("30s", "lower:2".into()));
    let mut events = registry().subscribe_with(EventFilter::of([Topic::ConfigRefused, Topic::Reconfigured]));

    let error = registry().overlay("lower", "[retry.shop]\ndelay = \"2m\"\nattempts = 0").unwrap_err();
    assert_eq!(error.to_string().lines().count(), 1, "what is wrong by itself comes first: {error}");
    assert!(error.to_string().starts_with("lower:3:12: `attempts` must be"), "{error}");
    let error = registry().overlay("lower", "[retry.shop]\ndelay = \"2m\"").unwrap_err();
    assert!(error.to_string().contains("must not be longer than `max_delay`"), "{error}");
    let error = registry().remove_overlay("upper").unwrap_err();
    assert!(error.to_string().starts_with("lower:2:9: `delay`"), "the other one wants it: {error}");
    assert_eq!(registry().overlays(), ["upper", "lower"]);
    assert_eq!(retry.snapshot().settings[1], delays());
    assert_eq!(delays().value, "30s");

    let refused = |name: &'static str| registry().overlay(name, "").unwrap_err();
    assert!(matches!(refused("a\nb"), ConfigureError::Name { .. }), "{}", refused("a\nb"));
    assert_eq!(refused("").to_string(), "overlay \"\": `name` must have between 1 and 128 characters");
    let told: Vec<_> = std::iter::from_fn(|| events.try_recv()).collect();
    assert!(told.iter().all(|event| matches!(event, Event::ConfigRefused { .. })) && told.len() >= 5, "{told:?}");
}

#[test]
fn there_are_no_more_than_so_many() {
    let scope = Scope::new();
    let _entered = scope.enter();
    for nth in 0..MAX_OVERLAYS {
        registry().overlay(nth.to_string(), "").unwrap();
    }
    let error = registry().overlay("one more", "").unwrap_err();
    assert_eq!(error.to_string(), "there are 64 overlays already, and there is no place for `one more`");
    registry().overlay("7", "causes = false").unwrap();
    assert_eq!(registry().overlays().len(), MAX_OVERLAYS);
    registry().remove_overlay("7").unwrap();
    registry().overlay("one more", "").unwrap();
}

#[test]
fn whether_causes_are_told_is_said_by_the_uppermost_that_says_so() {
    let scope = Scope::new();
    let _entered = scope.enter();
    let cause_is_told = || {
        let breaker = CircuitBreaker::builder("causes").build().unwrap();
        breaker.try_acquire().unwrap().failure_because(&"a secret");
        breaker.snapshot().last_error.is_some()
    };
    registry().configure_from_str("causes = true").unwrap();
    registry().overlay("strict", "causes = false").unwrap();
    assert!(!cause_is_told());
    registry().overlay("lenient", "").unwrap();
    assert!(!cause_is_told());
    registry().remove_overlay("strict").unwrap();
    assert!(cause_is_told());
}

#[test]
fn a_file_is_an_overlay_once_or_for_as_long_as_it_is_followed() {
    let scope = Scope::new();
    let _entered = scope.enter();
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    std::fs::write(path("base.toml"), "[circuit_breaker.shop]\nfailure_rate = 10\nopen_for = \"1s\"").unwrap();
    std::fs::write(path("production.toml"), "[circuit_breaker.shop]\nfailure_rate = 20").unwrap();
    let breaker = shop();
    registry().configure_from_file(path("base.toml")).unwrap();
    let report = registry().overlay_from_file("environment", path("production.toml")).unwrap();
    assert_eq!(report.changes.len(), 1);
    let [rate, open_for] = told(["failure_rate", "open_for"]);
    assert!(rate.starts_with("20 ") && rate.ends_with("production.toml:2"), "{rate}");
    assert!(open_for.ends_with("base.toml:3"), "{open_for}");
    assert!(registry().overlay_from_file("environment", path("missing")).is_err());

    let (sender, reloaded) = std::sync::mpsc::channel();
    let watch = registry()
        .watcher(path("production.toml"))
        .as_overlay("environment")
        .every(Duration::from_millis(10))
        .on_reload(move |done| sender.send(done.is_ok()).unwrap())
        .start()
        .unwrap();
    std::fs::write(path("new"), "[circuit_breaker.shop]\nfailure_rate = 30").unwrap();
    std::fs::rename(path("new"), path("production.toml")).unwrap();
    assert!(reloaded.recv_timeout(Duration::from_secs(60)).unwrap());
    assert_eq!(breaker.snapshot().settings[0].value, "30");
    assert_eq!(told(["open_for"]), [open_for]);
    drop(watch);
    assert_eq!(Registry::overlays(&registry()), ["environment"]);
    assert!(registry().watcher(path("production.toml")).as_overlay("").start().is_err());
}

#[test]
fn who_is_built_later_is_built_as_all_sources_say() {
    let scope = Scope::new();
    let _entered = scope.enter();
    registry().overlay("database", "[circuit_breaker.shop]\nfailure_rate = 5").unwrap();
    assert_eq!(shop().snapshot().settings[0].value, "5");
    assert!(Arc::ptr_eq(&shop(), &registry().circuit_breaker("shop").unwrap()), "as it was registered");
}
