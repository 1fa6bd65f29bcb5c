//! The storefront as its user sees it: a short run of each kind of outage, and what it says to bad flags.
//!
//! The time is real, since the services are real servers and the breakers are those of another process. So one runs at a time, at a quarter of its usual rate: a machine
//! that cannot keep up is an outage as well.

mod serving;

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A run takes five seconds, and what was queued may take thirty more to drain.
const LIMIT: Duration = Duration::from_secs(60);

struct Ended {
    status: ExitStatus,
    stdout: String,
    stderr: String,
}

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn storefront(flags: &[&str]) -> Ended {
    storefront_beside(flags, || {})
}

/// With something that is done while it runs.
fn storefront_beside(flags: &[&str], meanwhile: impl FnOnce() + Send) -> Ended {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    std::thread::scope(|scope| {
        scope.spawn(meanwhile);
        run_storefront(flags)
    })
}

fn run_storefront(flags: &[&str]) -> Ended {
    let mut child = Command::new(env!("CARGO_BIN_EXE_storefront"))
        .args(flags)
        // Where there is no file that it would follow.
        .current_dir(std::env::temp_dir())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the storefront was built for this test");
    let deadline = Instant::now() + LIMIT;
    // What it writes fits into the pipes' buffers.
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("{flags:?} has not ended within {LIMIT:?}");
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let (mut stdout, mut stderr) = (String::new(), String::new());
    child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    Ended { status, stdout, stderr }
}

/// Five seconds with an outage from 1.5 s to 3 s, and what the report says of them.
fn run(outage: &str) -> Value {
    let Ended { status, stdout, stderr } =
        storefront(&["--duration", "5s", "--rate", "50", "--seed", "7", "--json", "--outage", outage]);
    assert!(status.success(), "{status}\n{stdout}\n{stderr}");
    serde_json::from_str(&stdout).expect("one JSON object and nothing else")
}

fn breaker<'a>(report: &'a Value, name: &str) -> &'a Value {
    report["breakers"].as_array().unwrap().iter().find(|breaker| breaker["name"] == name).expect("a breaker a service")
}

/// The states that a breaker went through, the first and the last included.
fn states(breaker: &Value) -> Vec<&str> {
    let mut states = vec!["closed"];
    let mut last = 0;
    for transition in breaker["transitions"].as_array().unwrap() {
        assert_eq!(transition["from"], states[states.len() - 1], "{breaker}");
        let at = transition["at_ms"].as_u64().unwrap();
        assert!(at >= last, "{breaker}");
        last = at;
        states.push(transition["to"].as_str().unwrap());
    }
    assert_eq!(breaker["state"], states[states.len() - 1], "{breaker}");
    states
}

/// Closed, open, half-open and closed at the end, with any number of failed or lucky probes in between.
fn opened_and_recovered(breaker: &Value) {
    let states = states(breaker);
    assert_eq!(states[..3], ["closed", "open", "half_open"], "{breaker}");
    assert_eq!(states[states.len() - 2..], ["half_open", "closed"], "{breaker}");
    let legal =
        HashSet::from([["closed", "open"], ["open", "half_open"], ["half_open", "open"], ["half_open", "closed"]]);
    assert!(states.windows(2).all(|pair| legal.contains(pair)), "{breaker}");
    assert!(breaker["rejected"].as_u64().unwrap() > 0, "{breaker}");
}

fn payment_outage(fault: &str) {
    let report = run(&format!("payment={fault}"));
    assert_eq!(report["orders"], 250, "{report}");
    assert_eq!(report["failed"], 0, "{report}");
    let answered = ["completed", "degraded", "gave_up"].map(|count| report[count].as_u64().unwrap());
    assert_eq!(answered.iter().sum::<u64>(), 250, "{report}");
    if fault == "hang" {
        // One customer in five leaves before the shop gives up on the payment service, until its breaker is open.
        let abandoned = breaker(&report, "payment")["abandoned"].as_u64().unwrap();
        assert!(abandoned > 0 && answered[2] >= abandoned, "{report}");
    }
    assert!(report["queued_payments"].as_u64().unwrap() > 0, "{report}");
    assert_eq!(report["queued_payments_drained"], report["queued_payments"], "{report}");

    let payment = breaker(&report, "payment");
    opened_and_recovered(payment);
    // The client's error and the one behind it, which is the system's. On a busy machine calls may time out besides, and be why it opened first.
    let is_refused = |transition: &Value| {
        let cause = transition["cause"].as_str().unwrap_or_default();
        cause.starts_with("no answer: error sending request") && cause.contains("refused")
    };
    if fault == "refuse" {
        assert!(payment["transitions"].as_array().unwrap().iter().any(is_refused), "{report}");
    }
    assert_eq!(payment["fallbacks"], report["queued_payments"], "{report}");

    // How long they are says more about the machine than about the shop.
    for when in ["before", "during", "after"] {
        assert!(report["p99_ms"][when].is_f64(), "no order {when} the outage: {report}");
    }
}

#[test]
fn survives_errors() {
    payment_outage("errors");
}

#[test]
fn survives_slowness() {
    payment_outage("slow");
}

#[test]
fn survives_hanging() {
    payment_outage("hang");
}

#[test]
fn survives_refusal() {
    payment_outage("refuse");
}

/// Without a fallback the orders fail, but at once and with an answer; and the breaker lets the shop recover.
#[test]
fn an_outage_of_the_inventory_loses_no_order() {
    let report = run("inventory=refuse");
    opened_and_recovered(breaker(&report, "inventory"));
    let count = |what: &str| report[what].as_u64().unwrap();
    assert!(count("failed") > 0, "{report}");
    assert_eq!(
        count("orders"),
        count("completed") + count("degraded") + count("failed") + count("gave_up"),
        "{report}"
    );
}

/// A breaker is forced open by a line of the file, a mistake in the file changes nothing, and without the line it is as before.
#[test]
fn is_steered_by_its_file_while_it_runs() {
    let path = std::env::temp_dir().join(format!("storefront-{}.toml", std::process::id()));
    let written = |text: &str| std::fs::write(&path, text).unwrap();
    written(include_str!("../resilience.toml"));
    let flags = ["--duration", "5s", "--rate", "50", "--json", "--outage", "inventory=errors", "--config"];
    let steer = || {
        for text in [
            "[circuit_breaker.emial]\n",
            "[circuit_breaker.\"recom*\"]\nforce_open = true\n",
            "[circuit_breaker.\"recom*\"]\nforce_opn = false\n",
            "",
        ] {
            std::thread::sleep(Duration::from_millis(900));
            written(text);
        }
    };
    let Ended { status, stdout, stderr } = storefront_beside(&[&flags[..], &[path.to_str().unwrap()]].concat(), steer);
    let _ = std::fs::remove_file(&path);
    assert!(status.success(), "{status}\n{stdout}\n{stderr}");
    let report: Value = serde_json::from_str(&stdout).expect("one JSON object and nothing else");
    // On a busy machine its calls may take too long besides, and open it.
    let states = states(breaker(&report, "recommendations"));
    let forced: Vec<_> = states.iter().filter(|state| **state == "forced_open").collect();
    assert_eq!(forced.len(), 1, "{report}");
    assert_ne!(states.last(), Some(&"forced_open"), "{report}");
    let second = stderr.lines().nth(1).unwrap_or_default();
    assert!(second.contains(" orders, "), "the example says nothing that the storefront does not know: {second}");
    let file = path.display();
    for told in [
        format!("{file}:1:18: unknown circuit_breaker `emial`; did you mean `email`?"),
        format!("{file} is in force\n  circuit_breaker recommendations: force_open"),
        format!("{file}:2:1: unknown key `force_opn` for `circuit_breaker`; did you mean `force_open`?"),
    ] {
        assert!(stderr.contains(&told), "{told}\n\n{stderr}");
    }
}

#[test]
fn shows_its_metrics_and_health_while_it_runs() {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let (mut child, mut told, address) = serving::storefront(&["--duration", "5s"]);
    let get = |path: &str| {
        let mut stream = TcpStream::connect(&address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let metrics = get("/metrics");
    for service in ["inventory", "payment", "email", "recommendations"] {
        assert!(metrics.contains(&format!("circuit_breaker_requests_total{{service=\"{service}\"}} ")), "{metrics}");
    }
    let health = get("/health");
    assert!(health.contains("\"status\":"), "{health}");
    let mut rest = String::new();
    told.read_to_string(&mut rest).unwrap();
    assert!(child.wait().unwrap().success(), "{rest}");
}

#[test]
fn bad_flags_are_told_what_is_allowed() {
    for (flag, value, allowed) in [
        ("--duration", "1s", "5s to 10m"),
        ("--duration", "20", "such as 20s"),
        ("--rate", "0", "20 to 1000"),
        ("--rate", "many", "20 to 1000"),
        ("--seed", "-1", "a whole number from 0"),
        ("--admin", "localhost", "such as 127.0.0.1:9911"),
        ("--outage", "payment", "such as payment=hang"),
        ("--outage", "paymnt=hang", "inventory, payment, email, recommendations"),
        ("--outage", "payment=fire", "errors, slow, hang, refuse"),
    ] {
        let Ended { status, stdout, stderr } = storefront(&[flag, value]);
        assert_eq!(status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(flag) && stderr.contains(allowed), "{flag} {value}: {stderr}");
        assert_eq!(stdout, "");
    }
}
