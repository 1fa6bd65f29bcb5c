//! `Registry::configure` reads the directory and the environment of the process: each test starts this program again in others.

use resilience_runtime::{CircuitBreaker, EventFilter, Failure, Rejection, Topic, fallback, registry};
use std::ffi::OsStr;
use std::process::Command;

/// What a test starts: it configures itself and says what has come of it.
#[test]
#[ignore = "started by the others"]
fn child() {
    let payment = CircuitBreaker::builder("payment").failure_rate(50.0).register().unwrap();
    match registry().configure() {
        Ok(report) => report.warnings.iter().for_each(|warning| println!("said: {warning}")),
        Err(error) => error.to_string().lines().for_each(|line| println!("said: {line}")),
    }
    let settings = payment.snapshot().settings;
    let rate = settings.iter().find(|setting| setting.key == "failure_rate").unwrap();
    println!("said: {} by {}", rate.value, rate.source);
    if std::env::var_os("RESILIENCE__CAUSES").is_some() {
        let mut events = registry().subscribe_with(EventFilter::of([Topic::Fallback]));
        answered().unwrap();
        println!("said: {}", events.try_recv().unwrap().cause().map_or("nothing", |cause| cause.as_str()));
    }
}

#[fallback(|_: Failure<Rejection>| Ok(()))]
fn answered() -> Result<(), Rejection> {
    Err(Rejection::BulkheadFull { name: "elsewhere".into(), key: None })
}

/// In a directory with a `resilience.toml` that says 31, an `other.toml` that says 32 and a `wrong.toml`.
fn said(variables: &[(impl AsRef<OsStr>, impl AsRef<OsStr>)]) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    for (file, rate) in [("resilience.toml", "31"), ("other.toml", "32"), ("wrong.toml", "\"33\"")] {
        let text = format!("[circuit_breaker.payment]\nfailure_rate = {rate}");
        std::fs::write(directory.path().join(file), text).unwrap();
    }
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--ignored", "--exact", "child", "--nocapture"]).current_dir(&directory);
    for (variable, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("RESILIENCE")) {
        child.env_remove(variable);
    }
    for (variable, value) in variables {
        child.env(variable, value);
    }
    let output = child.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let output = String::from_utf8(output.stdout).unwrap();
    output.lines().filter_map(|line| Some(line.split_once("said: ")?.1.to_owned())).collect()
}

const RATE: &str = "RESILIENCE__CIRCUIT_BREAKER__PAYMENT__FAILURE_RATE";

#[test]
fn the_file_is_the_one_that_a_variable_names_or_else_resilience_toml() {
    assert_eq!(said(&[("NOTHING", "")]), ["31 by resilience.toml:2"]);
    assert_eq!(said(&[("RESILIENCE_CONFIG", "other.toml")]), ["32 by other.toml:2"]);
    assert_eq!(said(&[("RESILIENCE_CONFIG", "")]), ["31 by resilience.toml:2"], "an empty one names none");
    let [error, rate] = &said(&[("RESILIENCE_CONFIG", "third.toml"), (RATE, "33")])[..] else { panic!("two lines") };
    assert!(error.starts_with("third.toml: "), "{error}");
    assert_eq!(rate, "50 by builder", "nothing has changed, by variables neither");
}

#[test]
fn variables_go_over_the_file() {
    for text in ["33", " 33\t", "33\n"] {
        assert_eq!(said(&[(RATE, text)]), [format!("33 by {RATE}")], "{text:?}");
    }
    let wrong = format!("{RATE}: `failure_rate` must be greater than 0 and at most 100");
    assert_eq!(said(&[(RATE, "0")]), [&*wrong, "50 by builder"]);
    let both = said(&[("RESILIENCE_CONFIG", "wrong.toml"), (RATE, "0")]);
    assert_eq!(both, ["wrong.toml:2:16: `failure_rate` must be a number, without quotes", &*wrong, "50 by builder"]);
}

#[test]
fn whether_causes_are_told_is_said_by_a_variable() {
    for (told, cause) in [("true", "bulkhead `elsewhere` is full"), ("false", "nothing")] {
        assert_eq!(said(&[("RESILIENCE__CAUSES", told)]), ["31 by resilience.toml:2", cause]);
    }
}

#[cfg(unix)]
#[test]
fn what_is_no_text_is_told_as_what_it_is_not() {
    use std::os::unix::ffi::OsStrExt;
    let name = OsStr::from_bytes(b"RESILIENCE__CIRCUIT_BREAKER__PAY\xffMENT__FAILURE_RATE");
    let told = "RESILIENCE__CIRCUIT_BREAKER__PAY\u{fffd}MENT__FAILURE_RATE: unknown circuit_breaker `PAY\u{fffd}MENT`; did you mean `PAYMENT`?";
    assert_eq!(said(&[(name, "33")]), [told, "31 by resilience.toml:2"]);
    let [error, rate] = &said(&[(RATE, OsStr::from_bytes(b"3\xff"))])[..] else { panic!("two lines") };
    assert_eq!(
        (&**error, &**rate),
        (&*format!("{RATE}: `failure_rate` must be a number, without quotes"), "50 by builder")
    );
}
