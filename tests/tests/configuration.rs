//! Configuration from outside: what goes before what, what is refused and where, and what a program keeps when it is reconfigured.
//!
//! Each test has a registry of its own.

use proptest::prelude::*;
use resilience_runtime::testing::{Entered, Scope};
use resilience_runtime::{
    Bulkhead, BulkheadSnapshot, CircuitBreaker, CircuitBreakerConfig, ConfigWarning, ConfigureError, ConfigureReport,
    Event, Jitter, Kind, Rate, RateLimiter, Rejection, Retry, RetryConfig, Setting, Source, State, Timeout, bulkhead,
    circuit_breaker, rate_limit, registry, retry, timeout,
};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A registry of the test's own, of which nothing is said outside.
fn alone() -> Entered {
    Scope::new().enter()
}

#[derive(Debug, PartialEq, thiserror::Error)]
enum Error {
    #[error("it failed")]
    Failed,
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

fn configure(text: &str) -> ConfigureReport {
    registry().configure_from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn refused(text: &str) -> String {
    registry().configure_from_str(text).expect_err("it has a mistake").to_string()
}

fn environment(variables: &[(&str, &str)]) -> Result<ConfigureReport, ConfigureError> {
    registry().configure_from_environment(variables.iter().map(|(name, value)| ((*name).into(), (*value).into())))
}

/// Value and source of a breaker's key.
fn of_breaker(name: &str, key: &str) -> (String, String) {
    found(registry().circuit_breaker(name).expect("it was called").snapshot().settings, key)
}

fn found(settings: Vec<Setting>, key: &str) -> (String, String) {
    let setting = settings.into_iter().find(|setting| setting.key == key).expect("each key is listed");
    (setting.value, setting.source.to_string())
}

fn is(value: &str, source: &str) -> (String, String) {
    (value.to_owned(), source.to_owned())
}

#[circuit_breaker("layered", failure_rate = 60, half_open_calls = 4)]
async fn layered(fails: bool) -> Result<(), Error> {
    if fails { Err(Error::Failed) } else { Ok(()) }
}

fn attribute(of: &str) -> String {
    let operation = registry().operations().find(|operation| operation.function() == of).unwrap();
    format!("attribute {}", operation.location())
}

#[tokio::test]
async fn the_first_that_is_written_of_environment_file_attribute_and_defaults_holds() {
    let _alone = alone();
    layered(false).await.unwrap();
    let at_attribute = attribute("layered");
    assert_eq!(of_breaker("layered", "failure_rate"), is("60", &at_attribute));
    assert_eq!(of_breaker("layered", "open_for"), is("30s", "default"));

    let defaults = "[defaults.circuit_breaker]\nfailure_rate = 10\nopen_for = \"7s\"\n";
    configure(defaults);
    assert_eq!(of_breaker("layered", "failure_rate"), is("60", &at_attribute), "defaults fill what is left open");
    assert_eq!(of_breaker("layered", "open_for"), is("7s", "defaults text:3"));

    let file = format!("{defaults}[circuit_breaker.layered]\nfailure_rate = 20\nwindow = 100\n");
    configure(&file);
    assert_eq!(of_breaker("layered", "failure_rate"), is("20", "text:5"));
    assert_eq!(of_breaker("layered", "window"), is("100", "text:6"));
    assert_eq!(of_breaker("layered", "consecutive_failures"), is("10", "default"), "whatever else is written");
    assert_eq!(of_breaker("layered", "half_open_calls"), is("4", &at_attribute));

    let variable = "RESILIENCE__CIRCUIT_BREAKER__LAYERED__FAILURE_RATE";
    environment(&[(variable, "30")]).unwrap();
    assert_eq!(of_breaker("layered", "failure_rate"), is("30", variable));
    assert_eq!(of_breaker("layered", "window"), is("100", "text:6"), "the file stays");

    configure("");
    assert_eq!(of_breaker("layered", "failure_rate"), is("30", variable), "the environment stays");
    environment(&[]).unwrap();
    assert_eq!(of_breaker("layered", "failure_rate"), is("60", &at_attribute));
    assert_eq!(of_breaker("layered", "window"), is("10s", "default"), "a key that is gone is as the attribute says");
    assert_eq!(of_breaker("layered", "open_for"), is("30s", "default"));
}

#[circuit_breaker("with a preset", preset = database, minimum_calls = 11)]
async fn with_a_preset() -> Result<(), Error> {
    Ok(())
}

#[tokio::test]
async fn a_preset_of_the_attribute_goes_before_the_defaults_and_after_whatever_is_written() {
    let _alone = alone();
    with_a_preset().await.unwrap();
    let name = "with a preset";
    configure("[defaults.circuit_breaker]\nfailure_rate = 10\nhalf_open_calls = 5");
    assert_eq!(of_breaker(name, "failure_rate"), is("40", "preset database"));
    assert_eq!(of_breaker(name, "minimum_calls"), is("11", &attribute("with_a_preset")));
    assert_eq!(of_breaker(name, "half_open_calls"), is("5", "defaults text:3"), "presets say nothing of it");

    configure("[circuit_breaker.\"with a preset\"]\npreset = \"external_api\"");
    assert_eq!(of_breaker(name, "failure_rate"), is("60", "preset external_api"));
    assert_eq!(of_breaker(name, "minimum_calls"), is("11", &attribute("with_a_preset")), "a written key wins");

    // Of a function that names none, the preset of the defaults.
    layered(false).await.unwrap();
    configure("[defaults.circuit_breaker]\npreset = \"internal_service\"");
    assert_eq!(of_breaker("layered", "open_for"), is("20s", "preset internal_service"));
    assert_eq!(of_breaker(name, "open_for"), is("15s", "preset database"));
}

#[circuit_breaker("pattern: one")]
async fn pattern_one() -> Result<(), Error> {
    Ok(())
}

#[circuit_breaker("pattern: two")]
async fn pattern_two() -> Result<(), Error> {
    Ok(())
}

#[tokio::test]
async fn a_name_goes_before_patterns_and_a_pattern_with_more_characters_before_one_with_fewer() {
    let _alone = alone();
    pattern_one().await.unwrap();
    pattern_two().await.unwrap();
    let report = configure(
        "[circuit_breaker.\"pattern: o*\"]\nfailure_rate = 2\nminimum_calls = 2\n\
         [circuit_breaker.\"pattern: one\"]\nfailure_rate = 3\n\
         [circuit_breaker.\"pattern*\"]\nfailure_rate = 1\nminimum_calls = 1\nhalf_open_calls = 1",
    );
    assert_eq!(report.warnings, [], "a pattern that matches some has its effect");
    let of = |name: &str| ["failure_rate", "minimum_calls", "half_open_calls"].map(|key| of_breaker(name, key).0);
    assert_eq!(of("pattern: one"), ["3", "2", "1"]);
    assert_eq!(of("pattern: two"), ["1", "1", "1"]);

    let error =
        refused("[circuit_breaker.\"pattern: *\"]\nmax_keys = 7\n[circuit_breaker.\"*attern: o*\"]\nmax_keys = 8");
    assert!(error.contains("both match `pattern: one`") && error.contains("neither is more specific"), "{error}");
    assert!(error.starts_with("text:2:12") || error.starts_with("text:4:12"), "{error}");
}

#[tokio::test]
async fn patterns_that_are_as_specific_as_each_other_are_refused_unless_something_else_has_the_word() {
    let _alone = alone();
    let pattern = |pattern: &str, key: &str| format!("[circuit_breaker.\"{pattern}\"]\n{key} = 7\n");
    let (one, other) = (pattern("pattern: on*", "max_keys"), pattern("*attern: one", "max_keys"));
    // One that says something else stands between them.
    let between = pattern("p*ttern: one", "half_open_calls");
    for text in [[&*one, &between, &other].concat(), [&*between, &other, &one].concat(), [&*other, &one].concat()] {
        let error = refused(&text);
        assert!(error.contains("both match `pattern: one` and set `max_keys`"), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
    let first = refused(&[&*one, "half_open_calls = 6\n", &other, "half_open_calls = 6\n"].concat());
    assert!(first.contains("set `half_open_calls`") && first.lines().count() == 1, "one key is enough: {first}");
    configure(&[&*one, &between].concat());
    // By its name, or by a pattern that says more.
    configure(&[&*one, &other, &pattern("pattern: one", "max_keys")].concat());
    configure(&[&*one, &other, &pattern("pattern: one*", "max_keys")].concat());
    refused(&[&*one, &other, &pattern("pattern: one", "half_open_calls")].concat());
    environment(&[("RESILIENCE__CIRCUIT_BREAKER__PATTERN__ONE__MAX_KEYS", "9")]).unwrap();
    configure(&[&*one, &other].concat());
}

#[circuit_breaker("disabled", consecutive_failures = 1)]
async fn disabled() -> Result<(), Error> {
    Err(Error::Failed)
}

#[tokio::test]
async fn a_breaker_that_is_not_enabled_is_off() {
    let _alone = alone();
    let off = "[circuit_breaker.\"disabl*\"]\nenabled = false\n";
    configure(off);
    disabled().await.unwrap_err();
    let breaker = registry().circuit_breaker("disabled").unwrap();
    assert_eq!((breaker.state(), breaker.totals().failures), (State::Disabled, 0));
    assert_eq!(of_breaker("disabled", "mode"), is("off", "text:2"));

    configure(&format!("{off}[circuit_breaker.disabled]\nenabled = true\nmode = \"monitor\""));
    assert_eq!(breaker.state(), State::Monitoring, "the exact name goes before the pattern");
    configure("");
    disabled().await.unwrap_err();
    assert_eq!(breaker.state(), State::Open);
}

#[retry(name = "disabled", attempts = 3, delay = "1ms", budget = 10)]
async fn retried(attempts: &std::cell::Cell<u32>) -> Result<(), Error> {
    attempts.set(attempts.get() + 1);
    Err(Error::Failed)
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_is_not_enabled_makes_one_attempt_and_counts_nothing() {
    let _alone = alone();
    configure("[retry.disabled]\nenabled = false");
    let mut events = registry().subscribe();
    let attempts = std::cell::Cell::new(0);
    retried(&attempts).await.unwrap_err();
    assert_eq!(attempts.get(), 1);
    let snapshot = registry().retry("disabled").unwrap().snapshot();
    assert_eq!((snapshot.retries, snapshot.gave_up.attempts, snapshot.attempts), (0, 0, 3));
    assert_eq!(found(snapshot.settings, "enabled"), is("false", "text:2"));
    assert!(!std::iter::from_fn(|| events.try_recv()).any(|event| matches!(event, Event::RetriesEnded { .. })));

    configure("");
    retried(&attempts).await.unwrap_err();
    assert_eq!(attempts.get(), 4);
}

#[timeout(name = "disabled", after = "10ms")]
async fn timed() -> Result<(), Error> {
    tokio::time::sleep(Duration::from_secs(1)).await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_timeout_that_is_not_enabled_limits_no_call_that_began_so() {
    let _alone = alone();
    configure("[timeout.disabled]\nenabled = false");
    assert_eq!(timed().await, Ok(()));
    assert_eq!(registry().timeout("disabled").unwrap().snapshot().after, Duration::from_millis(10));
    let (first, ()) = tokio::join!(timed(), async {
        tokio::time::sleep(Duration::from_millis(5)).await;
        configure("");
    });
    assert_eq!(first, Ok(()), "it began without a limit");
    assert!(timed().await.is_err());
}

#[bulkhead(name = "disabled", max_concurrent = 1, max_queue = 5)]
async fn inside() -> Result<(), Error> {
    tokio::time::sleep(Duration::from_millis(10)).await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_bulkhead_that_is_not_enabled_lets_in_everybody_and_those_who_wait() {
    let _alone = alone();
    inside().await.unwrap();
    let bulkhead = registry().bulkhead("disabled").unwrap();
    let held = bulkhead.try_acquire().unwrap();
    let waiting = tokio::spawn(async { registry().bulkhead("disabled").unwrap().acquire().await.map(drop) });
    tokio::task::yield_now().await;
    assert_eq!(bulkhead.snapshot().waiting, 1);

    configure("[bulkhead.disabled]\nenabled = false");
    waiting.await.unwrap().unwrap();
    let before = bulkhead.snapshot();
    assert_eq!((before.inside, before.waiting, before.max_concurrent), (1, 0, 1));
    let passing: Vec<_> = (0..100).map(|_| bulkhead.try_acquire().unwrap()).collect();
    let (a, b) = tokio::join!(inside(), inside());
    assert_eq!((a, b), (Ok(()), Ok(())));
    let after = bulkhead.snapshot();
    let counted = |of: &BulkheadSnapshot| (of.inside, of.waiting, of.admitted, of.rejected, of.timed_out);
    assert_eq!(counted(&after), counted(&before), "nothing is counted");

    configure("");
    assert!(bulkhead.try_acquire().is_err(), "who was counted before still is");
    drop(passing);
    assert_eq!(bulkhead.snapshot().inside, 1, "who passed by leaves nothing behind");
    drop(held);
    drop(bulkhead.try_acquire().unwrap());
}

#[rate_limit(name = "disabled", rate = "1/h", max_wait = "30m")]
async fn limited() -> Result<(), Error> {
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_that_is_not_enabled_lets_everybody_pass_and_those_who_wait() {
    let _alone = alone();
    limited().await.unwrap();
    let limiter = registry().rate_limiter("disabled").unwrap();
    configure("[rate_limit.disabled]\nmax_wait = \"1h\"");
    let waiting = tokio::spawn(limited());
    tokio::task::yield_now().await;
    assert_eq!(limiter.snapshot().waiting, 1);
    configure("[rate_limit.disabled]\nenabled = false");
    waiting.await.unwrap().unwrap();
    let before = limiter.snapshot();
    for _ in 0..100 {
        limiter.try_acquire().unwrap();
        limited().await.unwrap();
    }
    assert_eq!(limiter.snapshot().allowed, before.allowed);
    configure("");
    assert!(limiter.try_acquire().is_ok(), "what passed meanwhile used up nothing");
    assert!(limiter.try_acquire().is_err());
}

#[tokio::test]
async fn unknown_names_are_told_with_the_nearest_and_hold_for_what_is_built_later() {
    let _alone = alone();
    let text = "[circuit_breaker.layerd]\nfailure_rate = 1\n\n[retry.\"nothing like it*\"]\nattempts = 9\n\
                [retry.zebra]\n[retry.ant]\n\n\n[retry.bee]";
    let report = configure(text);
    let told: Vec<_> = report.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "text:1:18: unknown circuit_breaker `layerd`; did you mean `layered`?",
            "text:4:8: unknown retry `nothing like it*`",
            "text:6:8: unknown retry `zebra`",
            "text:7:8: unknown retry `ant`",
            "text:10:8: unknown retry `bee`",
        ]
    );
    let late = CircuitBreaker::builder("layerd").failure_rate(50.0).register().unwrap();
    assert_eq!(found(late.snapshot().settings, "failure_rate"), is("1", "text:2"));
    let late = Retry::builder("nothing like it, or is it").delay(Duration::ZERO).register().unwrap().snapshot();
    assert_eq!((late.attempts, found(late.settings, "delay")), (9, is("0s", "builder")));
    assert_eq!(configure("[circuit_breaker.layerd]").warnings, [], "by now it is known");
}

#[test]
fn every_mistake_is_told_with_its_line_and_column_and_the_words_of_the_macros() {
    let _alone = alone();
    let error = refused(
        r#"[circuit_breaker.layered]
failure_rat = 30
failure_rate = 300
window = 30
minimum_calls = 31
open_for = "5"
mode = "monitr"
failure_if = "always"
slow_call_rate = 50
key.a = 1

[retry.reserve]
retry_rejections = ["timed_out", "circuit_opn"]
jitter = "ful"
attempts = -1

[bulkheads.x]

[defaults.timeout]
after = 5
force_open = true

[rate_limit]
rate = "5/d"
"ü" = { rate = "5/d", burst = 99999999999 }
"#,
    );
    let expected = [
        "text:2:1: unknown key `failure_rat` for `circuit_breaker`; did you mean `failure_rate`?",
        "text:3:16: `failure_rate` must be greater than 0 and at most 100",
        "text:5:17: `minimum_calls` must not be larger than a count `window`, which never holds more calls than its size",
        "text:6:12: missing unit after `5`; write `\"5ms\"`, `\"5s\"` or `\"5m\"`",
        "text:7:8: unknown value `monitr` for `mode`; did you mean `monitor`?",
        "text:8:1: `failure_if` can only be set in the program",
        "text:10:5: `a` must be a table; write `[circuit_breaker.NAME.key.\"a\"]`",
        "text:13:20: unknown value `circuit_opn` for `retry_rejections`; did you mean `circuit_open`?",
        "text:14:10: unknown value `ful` for `jitter`; did you mean `full`?",
        "text:15:12: `attempts` must not be negative",
        "text:17:2: unknown kind of policy `bulkheads`; did you mean `bulkhead`?",
        "text:20:9: `after` needs a unit: write `\"5ms\"` or `\"5s\"`",
        "text:21:1: unknown key `force_open` for `timeout`; expected `after`, `between`, `enabled` or `preset`",
        "text:24:1: `rate` must be in the table of a policy; write `[rate_limit.NAME]` above it, or `[defaults.rate_limit]` to set a default",
        "text:25:16: expected a rate such as `\"100/s\"`, `\"10/min\"` or `\"1/30s\"`",
        "text:25:31: `burst` must be between 1 and 1000000000",
    ];
    assert_eq!(error.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn force_open_is_not_for_everything_that_leaves_it_open() {
    let _alone = alone();
    let error = refused("[defaults.circuit_breaker]\nforce_open = false");
    assert_eq!(
        error,
        "text:2:14: `force_open` is not allowed in defaults; write it under a name or a pattern, such as `[circuit_breaker.\"*\"]`"
    );
}

#[test]
fn what_is_no_toml_is_told_with_its_line_and_column() {
    let _alone = alone();
    for (text, at) in [
        ("[circuit_breaker.a]\nfailure_rate = ", "text:2:"),
        ("[circuit_breaker.a]\nmode = 1\nmode = 2", "text:3:"),
        ("[circuit_breaker.a]\n[circuit_breaker.a]", "text:2:"),
        ("[circuit_breaker.shop::charge]", "text:1:"),
        ("\u{0}", "text:1:"),
    ] {
        let error = refused(text);
        assert!(error.starts_with(at), "{text:?}: {error}");
    }
}

#[retry(name = "never called at all", delay = "3s")]
async fn never_called_at_all() -> Result<(), Error> {
    Ok(())
}

#[timeout(name = "never called", after = "2s")]
#[retry(name = "never called", delay = "2s")]
async fn never_called() -> Result<(), Error> {
    Ok(())
}

#[tokio::test]
async fn policies_that_were_never_called_are_checked_with_what_their_attributes_say() {
    let _alone = alone();
    let rule = "`delay` (default `\"100ms\"`) must not be longer than `max_delay` (default `\"10s\"`)";
    let whose = "(retry `never called at all`, together with the values set in the program)";
    let error = refused("[retry.\"never called at all\"]\n  max_delay = \"1s\"");
    assert_eq!(error, format!("text:2:15: {rule} {whose}"));
    // The defaults are under everything, and have to go with it all the same.
    let error = refused("[defaults.retry]\nmax_delay = \"1s\"");
    assert!(error.starts_with(&format!("text:2:13: {rule} (retry `")), "{error}");
    assert!(registry().retry("never called at all").is_none(), "looking makes none");
}

#[circuit_breaker("written in the program", window = 20, half_open_calls = 2, open_for = "5s", max_open_for = "10s")]
#[retry(name = "written in the program", delay = "1s", max_delay = "5s")]
async fn written_in_the_program() -> Result<(), Error> {
    Ok(())
}

/// Whichever of two keys the rule is about, what is wrong is what is written outside.
#[test]
fn of_two_keys_that_do_not_go_together_the_one_outside_is_blamed() {
    let _alone = alone();
    for (kind, written, at) in [
        ("retry", "delay = \"6s\"", "text:2:9"),
        ("retry", "max_delay = \"500ms\"", "text:2:13"),
        ("circuit_breaker", "minimum_calls = 21", "text:2:17"),
        ("circuit_breaker", "half_open_successes = 3", "text:2:23"),
        ("circuit_breaker", "open_for = \"11s\"", "text:2:12"),
        ("circuit_breaker", "max_open_for = \"4s\"", "text:2:16"),
    ] {
        let error = refused(&format!("[{kind}.\"written in the program\"]\n{written}"));
        assert!(error.starts_with(&format!("{at}: ")) && error.lines().count() == 1, "{written}: {error}");
    }
    // What the defaults say of a key is not heard where the program has written it, and so it is not what is wrong.
    for (default, written, at) in [
        ("delay = \"50ms\"", "max_delay = \"500ms\"", "text:4:13"),
        ("max_delay = \"1h\"", "delay = \"6s\"", "text:4:9"),
    ] {
        let error = refused(&format!("[defaults.retry]\n{default}\n[retry.\"written in the program\"]\n{written}"));
        assert!(error.starts_with(&format!("{at}: ")) && error.lines().count() == 1, "{written}: {error}");
    }
    // And a table that says something else of it changes nothing.
    let error = refused("[retry.\"written*\"]\nattempts = 4\n[retry.\"written in the program\"]\ndelay = \"6s\"");
    assert!(error.starts_with("text:4:9: "), "{error}");
}

/// Where both are of the program, and a third key makes them go together no longer, it is the table that has the third one.
#[test]
fn a_key_that_parts_two_of_the_programs_is_told_once_where_its_table_begins() {
    let _alone = alone();
    let millis = Duration::from_millis;
    let config = RetryConfig::new().delay(millis(100)).max_elapsed(millis(60)).jitter(Jitter::Equal);
    for name in ["parted", "parted too"] {
        Retry::builder(name).config(config).register().unwrap();
    }
    for (text, at) in [
        ("[retry.parted]\njitter = \"none\"", "text:1:8"),
        ("[retry.\"part*\"]\nattempts = 4\n[retry.parted]\njitter = \"none\"", "text:3:8"),
        ("[retry.\"part*\"]\njitter = \"none\"", "text:1:8"),
    ] {
        let error = refused(text);
        assert!(error.starts_with(&format!("{at}: `max_elapsed` must be longer than `delay`")), "{text}: {error}");
        assert!(error.ends_with("(retry `parted`, together with the values set in the program)"), "{text}: {error}");
        assert_eq!(error.lines().count(), 1, "one policy is enough: {error}");
    }
}

#[test]
fn what_has_changed_is_told_by_name() {
    let _alone = alone();
    let names: Vec<String> = (0..20).map(|nth| format!("changed {nth:02}")).collect();
    for name in names.iter().rev() {
        Retry::builder(name.clone()).register().unwrap();
    }
    let changes = configure("[retry.\"changed*\"]\nattempts = 7").changes;
    assert!(changes.iter().all(|change| change.kind == Kind::Retry && change.keys == ["attempts"]), "{changes:?}");
    assert_eq!(changes.iter().map(|change| change.name.to_string()).collect::<Vec<_>>(), names);
}

/// The policies are looked at kind by kind, and told of line by line.
#[test]
fn what_is_wrong_with_two_kinds_is_told_in_the_order_of_the_file() {
    let _alone = alone();
    let name = "\"written in the program\"";
    let error = refused(&format!("[retry.{name}]\ndelay = \"6s\"\n[circuit_breaker.{name}]\nopen_for = \"11s\"\n"));
    let places: Vec<_> = error.lines().map(|line| line.split_once(": ").unwrap().0).collect();
    assert_eq!(places, ["text:2:9", "text:4:12"], "{error}");
}

#[test]
fn a_mistake_says_which_key_it_is_about() {
    let _alone = alone();
    let (large, small) = ("9".repeat(50), format!("-{}", "9".repeat(50)));
    let whole = |number: &str| format!("[retry.a]\nattempts = {number}");
    for (text, key, message) in [
        ("causes = 3".to_owned(), Some("causes"), "`causes` must be `true` or `false`"),
        ("retrys = 3".to_owned(), Some("retrys"), "unknown kind of policy `retrys`; did you mean `retry`?"),
        ("defaults = 3".to_owned(), Some("defaults"), "`defaults` must be a table; write `[defaults.NAME]`"),
        ("[defaults.retrys]".to_owned(), Some("retrys"), "unknown kind of policy `retrys`; did you mean `retry`?"),
        ("defaults.retry = 3".to_owned(), Some("retry"), "`defaults.retry` must be a table; write `[defaults.retry]`"),
        ("retry = 3".to_owned(), Some("retry"), "`retry` must be a table; write `[retry.NAME]`"),
        ("[retry]\nattempts = 3".to_owned(), Some("attempts"), "`attempts` must be in the table of a policy"),
        ("[retry.\"\"]".to_owned(), Some(""), ""),
        ("[retry.a.b]".to_owned(), Some("b"), "unknown key `b` for `retry`"),
        ("[defaults.bulkhead.key.\"3\"]".to_owned(), Some("key"), "`key` is not allowed in defaults"),
        ("[bulkhead.a]\nkey.b = 1".to_owned(), Some("b"), "`b` must be a table"),
        ("[bulkhead.a.key.b]\nmax_keys = 3".to_owned(), Some("max_keys"), "`max_keys` is not allowed for a single key"),
        ("[bulkhead.a.key.b.key.c]".to_owned(), Some("key"), "`key` is not allowed in the table of a key"),
        (whole(&large), Some("attempts"), "`attempts` must be between 1 and 100"),
        (whole(&small), Some("attempts"), "`attempts` must not be negative"),
        ("[retry.a".to_owned(), None, ""),
    ] {
        let error = registry().configure_from_str(&text).expect_err(&text);
        let [mistake] = error.mistakes() else { panic!("{text}: {error}") };
        assert_eq!(mistake.key.as_deref(), key, "{text}: {error}");
        assert!(mistake.message.starts_with(message), "{text}: {error}");
    }
}

/// Neither has a line or a column, and still they are two places.
#[test]
fn what_is_wrong_with_each_of_two_variables_is_told() {
    let _alone = alone();
    let variable = |of: &str| format!("RESILIENCE__{of}__WRITTEN_IN_THE_PROGRAM__");
    let (delay, open_for) = (variable("RETRY") + "DELAY", variable("CIRCUIT_BREAKER") + "OPEN_FOR");
    let error = environment(&[(&delay, "6s"), (&open_for, "11s")]).unwrap_err().to_string();
    let told = |variable: &String| error.lines().filter(|line| line.starts_with(&format!("{variable}: "))).count();
    assert_eq!((told(&delay), told(&open_for), error.lines().count()), (1, 1, 2), "{error}");
}

#[tokio::test]
async fn a_file_with_a_mistake_changes_nothing() {
    let _alone = alone();
    layered(false).await.unwrap();
    configure("[circuit_breaker.layered]\nfailure_rate = 33");
    let before = settings();
    let mut events = registry().subscribe();
    let good = "[circuit_breaker.layered]\nfailure_rate = 44\nmode = \"off\"\nforce_open = true\n";
    for bad in ["[retry.reserve]\nattempts = 101", "[retry.\"never called\"]\nmax_delay = \"1s\"", "[", "[nonsense]"] {
        refused(&format!("{good}{bad}"));
        assert_eq!(settings(), before);
        let told: Vec<_> = std::iter::from_fn(|| events.try_recv()).collect();
        assert!(
            matches!(&told[..], [Event::ConfigRefused { source, error, .. }] if source == "text" && error.starts_with("text:")),
            "{told:?}"
        );
    }
    let late = CircuitBreaker::builder("after a mistake").register().unwrap();
    assert_eq!(found(late.snapshot().settings, "failure_rate"), is("50", "default"));
}

fn settings() -> Vec<(String, Vec<Setting>)> {
    let snapshot = registry().snapshot();
    let breakers =
        snapshot.circuit_breakers.into_iter().map(|one| (format!("{} {}", one.name, one.state), one.settings));
    let retries = snapshot.retries.into_iter().map(|one| (one.name.to_string(), one.settings));
    let timeouts = snapshot.timeouts.into_iter().map(|one| (one.name.to_string(), one.settings));
    let bulkheads = snapshot.bulkheads.into_iter().map(|one| (one.name.to_string(), one.settings));
    let limiters = snapshot.rate_limiters.into_iter().map(|one| (one.name.to_string(), one.settings));
    breakers.chain(retries).chain(timeouts).chain(bulkheads).chain(limiters).collect()
}

#[circuit_breaker("keeps", minimum_calls = 10)]
async fn keeps(fails: bool) -> Result<(), Error> {
    if fails { Err(Error::Failed) } else { Ok(()) }
}

#[tokio::test(start_paused = true)]
async fn a_reload_keeps_the_window_the_state_and_the_totals() {
    let _alone = alone();
    for call in 0..8 {
        let _ = keeps(call % 2 == 0).await;
    }
    let breaker = registry().circuit_breaker("keeps").unwrap();
    let before = breaker.snapshot();
    let mut events = registry().subscribe();
    let report = configure("[circuit_breaker.keeps]\nminimum_calls = 9\nopen_for = \"30s\"");
    let [change] = &report.changes[..] else { panic!("{report:?}") };
    assert_eq!((change.kind, &*change.name, &change.keys[..]), (Kind::CircuitBreaker, "keeps", &["minimum_calls"][..]));
    assert!(
        matches!(events.try_recv(), Some(Event::Reconfigured { kind: Kind::CircuitBreaker, name, keys, source: Some(source), .. })
        if &*name == "keeps" && keys == ["minimum_calls"] && source == "text")
    );
    let kept = breaker.recent_events();
    assert!(
        matches!(&kept[..], [Event::Reconfigured { keys, source: Some(source), .. }] if keys == &["minimum_calls"] && source == "text"),
        "{kept:?}"
    );
    let after = breaker.snapshot();
    assert_eq!((after.window, after.totals, after.state), (before.window, before.totals, State::Closed));

    keeps(true).await.unwrap_err();
    assert_eq!(breaker.state(), State::Open, "5 of 9 by the new rule");
    configure("[circuit_breaker.keeps]\nminimum_calls = 9\nopen_for = \"60s\"");
    assert_eq!(breaker.snapshot().probe_due_in, Some(Duration::from_secs(60)), "open still, by the new time");
    let report = configure("");
    assert_eq!(report.changes[0].keys, ["minimum_calls", "open_for"]);
    assert_eq!((breaker.state(), breaker.totals().failures), (State::Open, 5));
}

#[circuit_breaker("by hand", open_for = "5s")]
async fn by_hand() -> Result<(), Error> {
    Ok(())
}

#[tokio::test]
async fn what_a_call_has_set_is_told_and_holds_until_something_else_of_the_policy_changes() {
    let _alone = alone();
    by_hand().await.unwrap();
    let breaker = registry().circuit_breaker("by hand").unwrap();
    breaker.reconfigure(CircuitBreakerConfig::new().failure_rate(12.0).open_for(Duration::from_secs(5))).unwrap();
    assert_eq!(of_breaker("by hand", "failure_rate"), is("12", "call"));
    assert_eq!(of_breaker("by hand", "open_for"), is("5s", &attribute("by_hand")));
    configure("[circuit_breaker.layered]\nhalf_open_calls = 9");
    assert_eq!(of_breaker("by hand", "failure_rate"), is("12", "call"));
    configure("[circuit_breaker.\"by hand\"]\nhalf_open_calls = 9");
    assert_eq!(of_breaker("by hand", "failure_rate"), is("50", "default"));

    let snapshot = registry().snapshot();
    let of_all = snapshot.circuit_breakers.iter().find(|one| &*one.name == "by hand").unwrap();
    assert_eq!(of_all.settings, breaker.snapshot().settings);
    let half_open = of_all.settings.iter().find(|setting| setting.key == "half_open_calls").unwrap();
    assert!(matches!(&half_open.source, Source::File { path, line: 2 } if &**path == "text"));
    let json = serde_json::to_value(half_open).unwrap();
    assert_eq!(
        json,
        serde_json::json!({"key": "half_open_calls", "value": "9", "source": {"type": "file", "path": "text", "line": 2}})
    );
}

#[tokio::test]
async fn settings_are_shown_as_they_were_written() {
    let _alone = alone();
    let exact = CircuitBreaker::builder("exact").open_for(Duration::from_micros(1500)).failure_rate(100.0 / 3.0);
    let exact = exact.register().unwrap().snapshot();
    assert_eq!(found(exact.settings.clone(), "open_for"), is("1ms500us", "builder"));
    assert_eq!(found(exact.settings, "failure_rate"), is("33.333333333333336", "builder"));
}

#[test]
fn a_policy_in_no_registry_says_what_its_builder_has_said() {
    let _alone = alone();
    configure("[timeout.alone]\nafter = \"1s\"");
    let timeout = Timeout::builder("alone").after(Duration::from_secs(3)).build().unwrap();
    assert_eq!(found(timeout.snapshot().settings, "after"), is("3s", "builder"));
    let bulkhead = Bulkhead::builder("alone").max_queue(2).build().unwrap().snapshot();
    assert_eq!(found(bulkhead.settings.clone(), "max_queue"), is("2", "builder"));
    assert_eq!(found(bulkhead.settings, "max_concurrent"), is("25", "default"));
    let limiter = RateLimiter::builder("alone").rate(Rate::per_minute(7)).build().unwrap().snapshot();
    assert_eq!(found(limiter.settings, "rate"), is("7/min", "builder"));
}

#[test]
fn a_breaker_and_those_of_its_keys_have_its_own_settings_whoever_is_called_alike() {
    let _alone = alone();
    let builder = |rate| CircuitBreaker::builder("called alike").failure_rate(rate);
    let (registered, apart) = (builder(10.0).register().unwrap(), builder(20.0).build().unwrap());
    for (breaker, rate) in [(&*registered, "10"), (&apart, "20")] {
        breaker.keyed(7).try_acquire().unwrap().success();
        for snapshot in [breaker.snapshot(), breaker.of_key(7).unwrap().snapshot()] {
            assert_eq!(found(snapshot.settings, "failure_rate"), is(rate, "builder"), "{:?}", snapshot.key);
        }
    }
}

#[circuit_breaker("forced", failure_rate = 70)]
async fn forced() -> Result<(), Error> {
    Ok(())
}

#[tokio::test]
async fn force_open_holds_while_it_is_written() {
    let _alone = alone();
    let text = "[circuit_breaker.forced]\nforce_open = true\n";
    configure(text);
    let mut events = registry().subscribe();
    assert!(matches!(forced().await, Err(Error::Rejected(_))), "also where it is built later");
    assert_eq!(of_breaker("forced", "force_open"), is("true", "text:2"));
    let breaker = registry().circuit_breaker("forced").unwrap();
    let rejection = breaker.try_acquire().unwrap_err().to_string();
    assert!(rejection.contains("forced"), "{rejection}");

    assert!(breaker.keyed("of a key").try_acquire().is_err());
    let report = configure("");
    assert_eq!(report.changes[0].keys, ["force_open"]);
    assert_eq!(breaker.state(), State::Closed);
    breaker.keyed("of a key").try_acquire().unwrap().success();
    forced().await.unwrap();
    configure(text);
    assert_eq!(breaker.state(), State::ForcedOpen);
    breaker.enforce();
    configure(&format!("{text}failure_rate = 71"));
    assert_eq!(breaker.state(), State::Closed, "what was done by hand holds until the key changes");
    configure("[circuit_breaker.forced]\nmode = \"monitor\"");
    assert_eq!(breaker.state(), State::Monitoring);
    configure("[circuit_breaker.forced]\nmode = \"monitor\"\nforce_open = true");
    assert_eq!(breaker.state(), State::ForcedOpen);
    configure("[circuit_breaker.forced]\nmode = \"monitor\"");
    assert_eq!(breaker.state(), State::Monitoring, "as its mode says");
    assert!(std::iter::from_fn(|| events.try_recv()).any(|event| matches!(event, Event::Transition(_))));
}

#[circuit_breaker("each key", key = key, consecutive_failures = 1)]
async fn each_key(key: u8) -> Result<(), Error> {
    Err(Error::Failed)
}

#[tokio::test]
async fn the_breakers_of_keys_follow_their_name() {
    let _alone = alone();
    each_key(1).await.unwrap_err();
    configure("[circuit_breaker.\"each key\"]\nhalf_open_calls = 8");
    each_key(2).await.unwrap_err();
    let family = registry().circuit_breaker("each key").unwrap();
    for key in ["1", "2"] {
        let settings = family.of_key(key).unwrap().snapshot().settings;
        assert_eq!(found(settings.clone(), "half_open_calls"), is("8", "text:2"));
        assert_eq!(found(settings, "consecutive_failures"), is("1", &attribute("each_key")));
    }
}

#[circuit_breaker("twin name")]
async fn twin_name() -> Result<(), Error> {
    Ok(())
}

#[circuit_breaker("Twin-Name")]
async fn other_twin_name() -> Result<(), Error> {
    Ok(())
}

#[circuit_breaker(half_open_calls = 6)]
async fn unnamed() -> Result<(), Error> {
    Ok(())
}

#[tokio::test]
async fn variables_name_kind_name_and_key() {
    let _alone = alone();
    unnamed().await.unwrap();
    twin_name().await.unwrap();
    other_twin_name().await.unwrap();
    environment(&[
        ("RESILIENCE__CIRCUIT_BREAKER__CONFIGURATION__UNNAMED__WINDOW", "100"),
        ("RESILIENCE__CIRCUIT_BREAKER__CONFIGURATION__UNNAMED__SLOW_CALL", "250ms"),
        ("RESILIENCE__CIRCUIT_BREAKER__CONFIGURATION__UNNAMED__SLOW_CALL_RATE", "12.5"),
        ("RESILIENCE__CIRCUIT_BREAKER__CONFIGURATION__UNNAMED__MODE", "monitor"),
        ("RESILIENCE__RETRY__NEVER_CALLED__RETRY_REJECTIONS", "[circuit_open, timed_out]"),
        ("RESILIENCE__RETRY__NEVER_CALLED__ENABLED", "false"),
        ("RESILIENCE_CONFIG", "elsewhere.toml"),
        ("PATH", "/bin"),
    ])
    .unwrap();
    let of = |key| of_breaker("configuration::unnamed", key).0;
    assert_eq!([of("window"), of("slow_call"), of("slow_call_rate"), of("mode")], ["100", "250ms", "12.5", "monitor"]);
    never_called().await.unwrap();
    let retry = registry().retry("never called").unwrap().snapshot().settings;
    assert_eq!(found(retry, "retry_rejections").0, "[circuit_open, timed_out]");

    let error = environment(&[("RESILIENCE__CIRCUIT_BREAKER__TWIN_NAME__WINDOW", "100")]).unwrap_err().to_string();
    assert_eq!(
        error,
        "RESILIENCE__CIRCUIT_BREAKER__TWIN_NAME__WINDOW: ambiguous name: it stands for the circuit_breaker `Twin-Name` and for `twin name`; configure them in a file"
    );
    let error = environment(&[
        ("RESILIENCE__CIRCUIT_BREAKER__LAYERED__WINDOW", "0"),
        ("RESILIENCE__RETRY__X__ATTEMPTS", "many"),
    ]);
    assert_eq!(
        error.unwrap_err().to_string(),
        "RESILIENCE__CIRCUIT_BREAKER__LAYERED__WINDOW: `window` must be between `\"10ms\"` and `\"24h\"`, or between 1 and 65535 calls\n\
         RESILIENCE__RETRY__X__ATTEMPTS: `attempts` must be a whole number"
    );
    assert_eq!(of("window"), "100", "nothing has changed");

    let report = environment(&[
        ("RESILIENCE__CIRCUIT_BRAKER__LAYERED__WINDOW", "100"),
        ("RESILIENCE__CIRCUIT_BREAKER__LAYEREDD__WINDOW", "100"),
        ("RESILIENCE__CIRCUIT_BREAKER__LAYERED__WINDW", "100"),
        ("RESILIENCE__RETRY", "1"),
        ("RESILIENCE__RETRY__ATTEMPTS", "1"),
        ("RESILIENCE__RETRY____ATTEMPTS", "1"),
        ("RESILIENCE__RETRY__LAYERED__FORCE_OPEN", "true"),
        ("RESILIENCE__circuit_breaker__LAYERED__WINDOW", "100"),
        ("RESILIENCE__CIRCUIT_BREAKER__layered__WINDOW", "100"),
        ("RESILIENCE__CIRCUIT_BREAKER__LAYER*__WINDOW", "100"),
        ("RESILIENCE__DEFAULTS__RETRY__ATTEMPTS", "1"),
    ]);
    let told: Vec<_> = report.unwrap().warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "RESILIENCE__CIRCUIT_BRAKER__LAYERED__WINDOW: unknown kind of policy `CIRCUIT_BRAKER`; did you mean `CIRCUIT_BREAKER`?",
            "RESILIENCE__CIRCUIT_BREAKER__LAYER*__WINDOW: patterns are not allowed in a variable; write the pattern in a file",
            "RESILIENCE__CIRCUIT_BREAKER__LAYERED__WINDW: unknown key `windw` for `circuit_breaker`; did you mean `window`?",
            "RESILIENCE__DEFAULTS__RETRY__ATTEMPTS: defaults cannot be set by a variable; write `[defaults.KIND]` in a file",
            "RESILIENCE__RETRY: expected `RESILIENCE__RETRY__NAME__KEY`",
            "RESILIENCE__RETRY__ATTEMPTS: expected `RESILIENCE__RETRY__NAME__KEY`",
            "RESILIENCE__RETRY__LAYERED__FORCE_OPEN: unknown key `force_open` for `retry`; expected `attempts`, `delay`, `backoff`, `factor`, `max_delay`, `jitter`, `max_elapsed`, `retry_rejections`, `budget` or `enabled`",
            "RESILIENCE__RETRY____ATTEMPTS: expected `RESILIENCE__RETRY__NAME__KEY`",
            "RESILIENCE__circuit_breaker__LAYERED__WINDOW: unknown kind of policy `circuit_breaker`; did you mean `CIRCUIT_BREAKER`?",
            "RESILIENCE__CIRCUIT_BREAKER__LAYEREDD__WINDOW: unknown circuit_breaker `LAYEREDD`; did you mean `LAYERED`?",
            "RESILIENCE__CIRCUIT_BREAKER__layered__WINDOW: unknown circuit_breaker `layered`; did you mean `LAYERED`?",
        ]
    );
}

/// The last by name, which is the one in small letters.
#[test]
fn of_two_variables_for_one_key_the_one_that_has_the_word_is_told_to_have_it() {
    let _alone = alone();
    let retry = Retry::builder("twice").register().unwrap();
    let [capitals, small] = ["ATTEMPTS", "attempts"].map(|key| format!("RESILIENCE__RETRY__TWICE__{key}"));
    environment(&[(&small, "4"), (&capitals, "5")]).unwrap();
    assert_eq!(found(retry.snapshot().settings, "attempts"), is("4", &small));
}

#[test]
fn a_variable_with_what_is_no_name_is_told_and_says_nothing() {
    let _alone = alone();
    let long = "X".repeat(129);
    for (name, problem) in [
        ("A\u{1b}B", "`name` must not contain control characters"),
        (&long, "`name` must have between 1 and 128 characters"),
    ] {
        let variable = format!("RESILIENCE__RETRY__{name}__ATTEMPTS");
        let warnings = environment(&[(&variable, "3")]).unwrap().warnings;
        let told = matches!(&warnings[..], [ConfigWarning::UnknownVariable { variable: told, problem: said }]
            if *told == *variable && said == problem);
        assert!(told, "{warnings:?}");
    }
    assert_eq!(
        environment(&[(&format!("RESILIENCE__RETRY__{}__ATTEMPTS", &long[1..]), "3")]).unwrap().warnings.len(),
        1,
        "it is only unknown"
    );
}

#[test]
fn unknown_names_are_told_in_the_order_of_the_file_and_the_nearest_to_the_first_hundred() {
    let _alone = alone();
    Retry::builder("payment").register().unwrap();
    let lines = (0..103).map(|nth| format!("[retry.payment{nth:03}]\nattempts = 2\n"));
    let report = configure(&lines.collect::<String>());
    for (nth, warning) in report.warnings.iter().enumerate() {
        let nearest = if nth < 100 { "; did you mean `payment`?" } else { "" };
        let expected = format!("text:{}:8: unknown retry `payment{nth:03}`{nearest}", 2 * nth + 1);
        assert_eq!(warning.to_string(), expected);
    }
    assert_eq!(report.warnings.len(), 103);

    // Of variables, in the order of their names.
    configure("");
    let variables: Vec<String> = (10..30).map(|nth| format!("RESILIENCE__RETRY__UNKNOWN_{nth}__ATTEMPTS")).collect();
    let values: Vec<(&str, &str)> = variables.iter().map(|variable| (&**variable, "3")).collect();
    let told: Vec<String> = environment(&values).unwrap().warnings.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 20);
    assert!(told.iter().zip(&variables).all(|(told, variable)| told.starts_with(variable)), "{told:?}");
}

#[bulkhead(name = "never waits", max_concurrent = 1)]
async fn never_waits() -> Result<(), Error> {
    Ok(())
}

#[test]
fn a_queue_for_a_function_that_was_compiled_without_one_is_told() {
    let _alone = alone();
    let report = configure("[bulkhead.\"never waits\"]\nmax_queue = 3");
    assert!(
        matches!(&report.warnings[..], [ConfigWarning::NeverWaits { location, key: "max_queue", function }]
            if location == "text:2:13" && function.contains("configuration.rs:")),
        "{report:?}"
    );
    assert_eq!(configure("[bulkhead.disabled]\nmax_queue = 3").warnings, []);
    assert_eq!(configure("[bulkhead.\"never waits\"]\nmax_queue = 0").warnings, [], "as it is");

    // One without a name that writes nothing as well, and wherever it is said.
    let report = configure("[bulkhead.\"configuration::nor_does_this\"]\nmax_queue = 3");
    assert!(matches!(&report.warnings[..], [ConfigWarning::NeverWaits { .. }]), "{report:?}");
    let report = configure("[defaults.bulkhead]\nmax_queue = 3");
    let told = report.warnings.iter().map(|warning| match warning {
        ConfigWarning::NeverWaits { location, key: "max_queue", function } if location == "text:2:13" => {
            function.clone()
        }
        other => panic!("{other}"),
    });
    let place =
        |function: &str| registry().operations().find(|operation| operation.function() == function).unwrap().location();
    let told: Vec<_> = told.collect();
    assert!(["never_waits", "nor_does_this"].iter().all(|function| told.contains(&place(function))), "{told:?}");
    assert!(!told.contains(&place("may_wait")));
}

#[bulkhead]
async fn nor_does_this() -> Result<(), Error> {
    Ok(())
}

#[bulkhead(name = "may wait")]
async fn may_wait() -> Result<(), Error> {
    tokio::time::sleep(Duration::from_millis(10)).await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_function_that_only_names_its_bulkhead_waits_where_the_file_says_so() {
    let _alone = alone();
    let report = configure("[bulkhead.\"may wait\"]\nmax_concurrent = 1\nmax_queue = 1");
    assert_eq!(report.warnings, []);
    let (one, other) = tokio::join!(may_wait(), may_wait());
    assert_eq!((one, other), (Ok(()), Ok(())));
}

#[tokio::test]
async fn a_builder_that_does_not_go_with_the_file_runs_as_it_says_itself() {
    let _alone = alone();
    configure("[retry.\"late and odd\"]\nmax_delay = \"1s\"");
    let mut events = registry().subscribe();
    let retry = Retry::builder("late and odd").config(RetryConfig::new().delay(Duration::from_secs(5))).register();
    let settings = retry.unwrap().snapshot().settings;
    assert_eq!(found(settings.clone(), "delay").0, "5s");
    assert_eq!(found(settings, "max_delay"), is("10s", "call"));
    let told = std::iter::from_fn(|| events.try_recv()).any(
        |event| matches!(event, Event::ConfigRefused { source, error, .. } if source == "registration" && error.contains("late and odd")),
    );
    assert!(told);
}

/// A directory of its own, gone with it.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("resilience-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_file_that_cannot_be_read_is_refused_by_its_name() {
    let _alone = alone();
    let directory = Directory::new("unreadable");
    let path = directory.file("resilience.toml");
    let refused = || registry().configure_from_file(&path).unwrap_err().to_string();
    let says = |what: &str| assert!(refused().starts_with(&format!("{}:", path.display())) && refused().contains(what));
    says("");
    std::fs::write(&path, b"[circuit_breaker.layered]\nmode = \"\xff\"").unwrap();
    says("utf-8");
    std::fs::write(&path, " ".repeat((1 << 20) + 1)).unwrap();
    says("larger than 1048576");
    std::fs::write(&path, "[circuit_breaker.layered]\n\n\tmode = 1").unwrap();
    says(":3:9: `mode` must be `enforce`, `monitor` or `off`");
}

/// Read whole, it would take all the memory there is.
#[cfg(unix)]
#[test]
fn no_more_of_a_file_is_read_than_there_may_be() {
    let _alone = alone();
    let error = registry().configure_from_str(&"#".repeat((1 << 20) + 1)).unwrap_err();
    assert_eq!(error.to_string(), "text: the configuration is larger than 1048576 bytes");
    configure(&"#".repeat(1 << 20));
    let directory = Directory::new("largest");
    let path = directory.file("resilience.toml");
    std::fs::write(&path, "#".repeat(1 << 20)).unwrap();
    registry().configure_from_file(&path).unwrap();
    std::fs::write(&path, "#".repeat((1 << 20) + 1)).unwrap();
    let error = registry().configure_from_file(&path).unwrap_err();
    assert!(error.to_string().ends_with("resilience.toml: the configuration is larger than 1048576 bytes"), "{error}");
    let error = registry().configure_from_file("/dev/zero").unwrap_err();
    assert_eq!(error.to_string(), "/dev/zero: the configuration is larger than 1048576 bytes");
}

/// Sleeps for real: a file's changes are found by looking, on a thread that no test's clock moves.
#[tokio::test]
async fn a_watched_file_is_followed_and_a_mistake_in_it_keeps_what_ran_before() {
    let _alone = alone();
    layered(false).await.unwrap();
    let directory = Directory::new("watch");
    let (path, beside) = (directory.file("resilience.toml"), directory.file("resilience.toml~"));
    // As editors do it: another file takes its name. So nobody reads one that is empty yet, however long this thread is held up.
    let write_failure_rate = |rate: u8| {
        std::fs::write(&beside, format!("[circuit_breaker.layered]\nfailure_rate = {rate}\n")).unwrap();
        std::fs::rename(&beside, &path).unwrap();
    };
    write_failure_rate(11);
    let (sender, reloads) = std::sync::mpsc::channel();
    let watcher = registry().watcher(&path).every(Duration::from_millis(20)).on_reload(move |done| {
        sender.send(done.as_ref().map(|_| ()).map_err(ToString::to_string)).unwrap();
        panic!("a listener's panic ends nothing");
    });
    let watch = watcher.start().unwrap();
    let rate = || of_breaker("layered", "failure_rate").0;
    assert_eq!((rate(), watch.report().warnings.len()), ("11".to_owned(), 0));
    let next = || reloads.recv_timeout(Duration::from_secs(20)).expect("it looks again every 20 ms");

    write_failure_rate(12);
    assert_eq!((next(), rate()), (Ok(()), "12".to_owned()));

    write_failure_rate(200);
    let error = next().unwrap_err();
    assert_eq!(error, format!("{}:2:16: `failure_rate` must be greater than 0 and at most 100", path.display()));
    assert_eq!((rate(), watch.last_error().map(|error| error.to_string())), ("12".to_owned(), Some(error)));

    write_failure_rate(13);
    assert_eq!((next(), rate(), watch.last_error()), (Ok(()), "13".to_owned(), None));

    std::fs::remove_file(&path).unwrap();
    assert!(next().is_err());
    assert_eq!(rate(), "13", "a file that is gone takes nothing back");
    write_failure_rate(14);
    assert_eq!((next(), rate()), (Ok(()), "14".to_owned()));

    drop(watch);
    write_failure_rate(15);
    assert!(reloads.recv_timeout(Duration::from_secs(20)).is_err(), "its thread has ended, and its listener with it");
    assert_eq!(rate(), "14");
}

/// Sleeps for real, as above.
#[test]
fn a_watched_file_that_is_removed_is_told_of_once() {
    let _alone = alone();
    let directory = Directory::new("removed");
    let path = directory.file("resilience.toml");
    std::fs::write(&path, "").unwrap();
    let (sender, reloads) = std::sync::mpsc::channel();
    let watcher = registry().watcher(&path).every(Duration::from_millis(10));
    let tells = move |done: &Result<_, _>| {
        assert_eq!(std::thread::current().name(), Some("resilience-watch"));
        sender.send(done.is_ok()).unwrap();
    };
    let watch = watcher.on_reload(tells).start().unwrap();
    for _ in 0..2 {
        std::fs::remove_file(&path).unwrap();
        assert_eq!(reloads.recv_timeout(Duration::from_secs(20)), Ok(false));
        assert!(
            reloads.recv_timeout(Duration::from_millis(300)).is_err(),
            "it is looked at 30 times, and nothing is new"
        );
        assert!(watch.last_error().is_some());
        std::fs::write(&path, "").unwrap();
        assert_eq!(reloads.recv_timeout(Duration::from_secs(20)), Ok(true));
        assert!(watch.last_error().is_none());
    }
    drop(watch);
}

/// Sleeps for real, as above.
#[test]
fn a_file_that_is_just_being_written_is_not_taken() {
    let _alone = alone();
    let directory = Directory::new("half-written");
    let path = directory.file("resilience.toml");
    std::fs::write(&path, "").unwrap();
    let (sender, reloads) = std::sync::mpsc::channel();
    let watcher = registry().watcher(&path).every(Duration::from_millis(400));
    let watch = watcher.on_reload(move |done| sender.send(done.is_ok()).unwrap()).start().unwrap();
    // Each half is a whole file, so only the pause between the readings tells.
    let write_for_a_while = |round: u32| {
        let (mut text, mut before, mut longest) = (String::new(), Instant::now(), Duration::ZERO);
        for line in 0..40 {
            text += &format!("[circuit_breaker.\"half written {round} {line}\"]\nfailure_rate = 1\n");
            std::fs::write(&path, &text).unwrap();
            longest = longest.max(before.elapsed());
            before = Instant::now();
            std::thread::sleep(Duration::from_millis(20));
        }
        longest
    };
    // The two readings are 100 ms apart. Where this thread was held up for nearly as long, the file was at rest, and taking it was right.
    let reloaded = (0..50).find_map(|round| {
        let longest = write_for_a_while(round);
        assert_eq!(reloads.recv_timeout(Duration::from_secs(20)), Ok(true));
        let again = reloads.recv_timeout(Duration::from_millis(900));
        (longest < Duration::from_millis(80)).then_some(again)
    });
    assert!(reloaded.expect("once it is not held up").is_err(), "once, when it had come to rest");
    drop(watch);
}

const VALID: &str = r#"
[defaults.circuit_breaker]
window = "30s"
preset = "internal_service"

[circuit_breaker.layered]
failure_rate = 30
minimum_calls = 5
mode = "monitor" # careful
force_open = false

[circuit_breaker."pattern*"]
enabled = false
open_for = "1m30s"

[retry.disabled]
attempts = 4
backoff = "linear"
jitter = 0.5
retry_rejections = ["timed_out"]

[timeout.disabled]
after = "1s"

[bulkhead.disabled]
max_concurrent = 7
max_wait = "2s"

[rate_limit.disabled]
rate = "100/s"
burst = 3
"#;

/// One of each kind, of those that `VALID` is about.
fn register() {
    CircuitBreaker::builder("layered").register().unwrap();
    Retry::builder("disabled").register().unwrap();
    Timeout::builder("disabled").after(Duration::from_millis(10)).register().unwrap();
    Bulkhead::builder("disabled").register().unwrap();
    let limiter = RateLimiter::builder("disabled").rate(Rate::per_hour(1)).max_wait(Duration::from_secs(1800));
    limiter.register().unwrap();
}

/// Nothing has changed and something is said; or each value that is written is in force, and comes from its line.
fn in_full_or_not_at_all(text: &str) -> Result<(), TestCaseError> {
    register();
    configure(VALID);
    let before = settings();
    match registry().configure_from_str(text) {
        Err(error) => {
            prop_assert!(!error.to_string().is_empty());
            prop_assert!(error.mistakes().iter().all(|mistake| mistake.position.is_some()), "{error:?}");
            prop_assert_eq!(settings(), before);
        }
        Ok(_) => {
            let document: toml::Table = text.parse().expect("it was read");
            let snapshot = registry().snapshot();
            let breakers = snapshot.circuit_breakers.into_iter().map(|one| ("circuit_breaker", one.name, one.settings));
            let retries = snapshot.retries.into_iter().map(|one| ("retry", one.name, one.settings));
            let timeouts = snapshot.timeouts.into_iter().map(|one| ("timeout", one.name, one.settings));
            let bulkheads = snapshot.bulkheads.into_iter().map(|one| ("bulkhead", one.name, one.settings));
            let limiters = snapshot.rate_limiters.into_iter().map(|one| ("rate_limit", one.name, one.settings));
            let others = retries.chain(timeouts).chain(bulkheads).chain(limiters);
            for (kind, name, settings) in breakers.chain(others) {
                let table = document.get(kind).and_then(|names| names.get(&*name)).and_then(toml::Value::as_table);
                for key in table.into_iter().flat_map(toml::Table::keys) {
                    let Some(setting) = settings.iter().find(|setting| setting.key == key) else { continue };
                    let Source::File { line, .. } = setting.source else { panic!("{setting:?}\n{text}") };
                    let line = text.lines().nth(line - 1).unwrap();
                    // `enabled = false` has the last word on `mode`.
                    let decides = line.contains(key) || key == "mode" && line.contains("enabled");
                    prop_assert!(decides || line.contains("\\u"), "{line} {setting:?}");
                }
            }
            prop_assert_eq!(registry().configure_from_str(text).map(|report| report.changes), Ok(vec![]));
        }
    }
    Ok(())
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn any_bytes_apply_in_full_or_change_nothing(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _alone = alone();
        in_full_or_not_at_all(&String::from_utf8_lossy(&bytes))?;
        let directory = Directory::new("bytes");
        let path = directory.file("resilience.toml");
        std::fs::write(&path, &bytes).unwrap();
        if std::str::from_utf8(&bytes).is_err() {
            prop_assert!(registry().configure_from_file(&path).is_err());
        }
    }

    #[test]
    fn any_text_of_the_environment_applies_or_changes_nothing(
        parts in prop::collection::vec("(RESILIENCE|CIRCUIT_BREAKER|RETRY|LAYERED|WINDOW|ATTEMPTS|__|_|[a-z=.ü])", 0..8),
        value in "(none|true|[0-9]{1,30}|[0-9]{1,3}(ms|s|/s)|\\[.{0,5}\\]|.{0,10})",
    ) {
        let _alone = alone();
        register();
        let before = settings();
        prop_assert_eq!(before.len(), 5);
        let variables = [(format!("RESILIENCE__{}", parts.concat()), value.clone()),
            ("RESILIENCE__CIRCUIT_BREAKER__LAYERED__WINDOW".to_owned(), value.clone()),
            ("RESILIENCE__RETRY__DISABLED__RETRY_REJECTIONS".to_owned(), value)];
        if registry().configure_from_environment(variables).is_err() {
            prop_assert_eq!(settings(), before);
        }
    }
}

/// Another piece of text for a place in a valid file.
fn piece() -> impl Strategy<Value = String> {
    let words = [
        "true",
        "false",
        "0",
        "-1",
        "101",
        "99999999999999999999",
        "nan",
        "\"1s\"",
        "\"0s\"",
        "\"none\"",
        "none",
        "[]",
        "[circuit_breaker.layered]\n",
        "[retry.disabled]\n",
        "window = 10\n",
        "attempts = 2\n",
        "max_delay = \"1ms\"\n",
        "\"",
        "\n",
        "#",
        "=",
        ".",
        "*",
        "{",
        "é",
        "\\u0041",
    ];
    prop_oneof![prop::sample::select(words.to_vec()).prop_map(str::to_owned), ".{0,3}"]
}

proptest! {
    #![proptest_config(cases(1500))]

    #[test]
    fn a_changed_file_applies_in_full_or_changes_nothing(
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..12_usize, piece()), 1..4),
    ) {
        let _alone = alone();
        let mut text: Vec<char> = VALID.chars().collect();
        for (at, length, piece) in changes {
            let at = at.index(text.len() + 1);
            let end = (at + length).min(text.len());
            text.splice(at..end, piece.chars());
        }
        in_full_or_not_at_all(&text.into_iter().collect::<String>())?;
    }
}
