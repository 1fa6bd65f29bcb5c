//! The listener, as curl and a scraper see it: also while the program's only thread is busy.
//!
//! Sockets and a busy thread are real, and so is the time.

#![cfg(feature = "listen")]

use resilience_observe::{Listening, Observer};
use resilience_runtime::testing::Scope;
use resilience_runtime::{CircuitBreaker, HealthCheck};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

fn ask(address: SocketAddr, head: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(format!("{head}\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn get(address: SocketAddr, path: &str) -> String {
    ask(address, &format!("GET {path} HTTP/1.1"))
}

fn listen(scope: &Scope) -> Listening {
    let _entered = scope.enter();
    CircuitBreaker::builder("listened").register().unwrap();
    Observer::new(scope.registry()).listen("127.0.0.1:0").unwrap()
}

#[test]
fn metrics_are_answered_in_the_format_that_is_asked_for() {
    let listening = listen(&Scope::new());
    let at = listening.address();
    let classic = get(at, "/metrics");
    assert!(classic.starts_with("HTTP/1.1 200 OK\r\n"), "{classic}");
    assert!(classic.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"), "{classic}");
    assert!(classic.contains("\ncircuit_breaker_state{service=\"listened\"} 0\n"), "{classic}");
    let open = ask(at, "GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5");
    assert!(open.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"), "{open}");
    assert!(open.ends_with("# EOF\n"), "{open}");
    assert!(get(at, "/metrics?format=openmetrics").ends_with("# EOF\n"));
    assert!(get(at, "/metrics?format=xml").starts_with("HTTP/1.1 400"));
    assert!(ask(at, "POST /metrics HTTP/1.1").starts_with("HTTP/1.1 405"));
    assert!(get(at, "/metric").starts_with("HTTP/1.1 404"));
    assert!(get(at, "/").contains("/health/ready"));
}

#[test]
fn health_is_what_the_registry_says() {
    let scope = Scope::new();
    let listening = listen(&scope);
    let at = listening.address();
    assert!(get(at, "/health/ready").ends_with("\r\n\r\nup"));
    scope.registry().circuit_breaker("listened").unwrap().force_open();
    let health = get(at, "/health");
    assert!(health.starts_with("HTTP/1.1 200 OK\r\n") && health.contains("\"status\":\"degraded\""), "{health}");
    let check = async || Err::<(), _>(std::io::Error::other("connection refused"));
    scope.registry().health_check(HealthCheck::new("database", Duration::from_secs(1), check)).unwrap();
    let health = get(at, "/health");
    assert!(health.starts_with("HTTP/1.1 503") && health.contains("connection refused"), "{health}");
    let ready = get(at, "/health/ready");
    assert!(ready.starts_with("HTTP/1.1 503") && ready.ends_with("\r\n\r\ndown"), "{ready}");
    assert!(get(at, "/health/live").starts_with("HTTP/1.1 200"));
}

#[test]
fn it_answers_while_the_programs_only_thread_is_busy() {
    let listening = listen(&Scope::new());
    let at = listening.address();
    let asking = std::thread::spawn(move || {
        // By then the runtime below is stuck.
        std::thread::sleep(Duration::from_millis(300));
        let began = Instant::now();
        let fastest = (0..5).map(|_| {
            let began = Instant::now();
            assert!(get(at, "/metrics").contains("circuit_breaker_state"));
            began.elapsed()
        });
        (fastest.min().unwrap(), began.elapsed())
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { std::thread::sleep(Duration::from_secs(3)) });
    let (fastest, all) = asking.join().unwrap();
    assert!(all < Duration::from_millis(2500), "the runtime was stuck for as long as it was asked: {all:?}");
    // The fastest of five, since the machine may be busy as well.
    assert!(fastest < Duration::from_millis(100), "{fastest:?}");
}

#[test]
fn a_port_in_use_is_an_error_and_a_stopped_one_is_free_again() {
    let scope = Scope::new();
    let listening = listen(&scope);
    let at = listening.address();
    let observer = Observer::new(scope.registry());
    assert_eq!(observer.listen(at).unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
    listening.stop();
    let deadline = Instant::now() + Duration::from_secs(10);
    let again = loop {
        match observer.listen(at) {
            Ok(listening) => break listening,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    drop(again);
    assert!(get(at, "/health/live").ends_with("up"), "dropping it stops nothing");
}
