//! The listener, as curl and a scraper see it: also while the program's only thread is busy.
//!
//! Sockets and a busy thread are real, and so is the time.

#![cfg(feature = "listen")]

mod asking;

use asking::{ask, get};
use resilience_observe::{Access, Listening, Observer};
use resilience_runtime::testing::Scope;
use resilience_runtime::{CircuitBreaker, HealthCheck};
use std::collections::HashSet;
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

fn listen(scope: &Scope) -> Listening {
    let _entered = scope.enter();
    CircuitBreaker::builder("listened").register().unwrap();
    Observer::new(scope.registry()).listen("127.0.0.1:0", Access::read_only()).unwrap()
}

#[test]
fn metrics_are_answered_in_the_format_that_is_asked_for() {
    let listening = listen(&Scope::new());
    let at = listening.address();
    let classic = get(at, "/metrics");
    assert_eq!(classic.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert!(classic.body.contains("\ncircuit_breaker_state{service=\"listened\"} 0\n"), "{classic:?}");
    let accept = "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5";
    let open = ask(at, "GET /metrics", &[accept]);
    assert_eq!(open.header("content-type"), Some("application/openmetrics-text; version=1.0.0; charset=utf-8"));
    assert!(open.body.ends_with("# EOF\n"), "{open:?}");
    assert!(get(at, "/metrics?format=openmetrics").body.ends_with("# EOF\n"));
    let apart = ask(at, "GET /metrics", &["Accept: text/plain;q=0.5", "Accept: application/openmetrics-text"]);
    assert!(apart.body.ends_with("# EOF\n"), "one header or several are the same");
    let head = ask(at, "HEAD /metrics", &[accept]);
    assert_eq!((head.status, head.header("content-type"), &*head.body), (200, open.header("content-type"), ""));
    let unknown = get(at, "/metrics?format=xml");
    assert_eq!((unknown.status, &*unknown.problem()), (400, "expected format=classic or format=openmetrics"));
    let posted = ask(at, "POST /metrics", &[]);
    assert_eq!((posted.status, &*posted.problem()), (405, "this path is not for that method"));
    assert_eq!(get(at, "/metric").status, 404);
    assert!(get(at, "/").body.contains("/health/ready"));
}

#[test]
fn ten_who_scrape_at_once_while_somebody_steers_have_a_whole_text_each() {
    let scope = Scope::new();
    let breaker = {
        let _entered = scope.enter();
        CircuitBreaker::builder("steered").register().unwrap()
    };
    let listening = listen(&scope);
    std::thread::scope(|threads| {
        let scraped: Vec<_> = (0..10)
            .map(|nth| {
                let at = listening.address();
                let path = ["/metrics", "/metrics?format=openmetrics"][nth % 2];
                threads.spawn(move || (0..5).map(|_| get(at, path)).collect::<Vec<_>>())
            })
            .collect();
        while !scraped.iter().all(ScopedJoinHandle::is_finished) {
            breaker.force_open();
            drop(breaker.try_acquire());
            breaker.reset();
        }
        for answer in scraped.into_iter().flat_map(|scraper| scraper.join().unwrap()) {
            assert_eq!(answer.status, 200);
            let samples: Vec<_> = answer.body.lines().filter(|line| !line.starts_with('#')).collect();
            let series = |line: &&str| line.rsplit_once(' ').unwrap().0.to_owned();
            assert_eq!(samples.iter().map(series).collect::<HashSet<_>>().len(), samples.len());
            let states =
                samples.iter().filter(|line| line.starts_with("circuit_breaker_current_state{service=\"steered\""));
            let there: Vec<_> = states.map(|line| line.rsplit_once(' ').unwrap().1).collect();
            assert_eq!((there.len(), there.iter().filter(|value| **value == "1").count()), (6, 1), "{there:?}");
        }
    });
}

#[test]
fn health_is_what_the_registry_says() {
    let scope = Scope::new();
    let listening = listen(&scope);
    let at = listening.address();
    assert_eq!(get(at, "/health/ready").body, "up");
    scope.registry().circuit_breaker("listened").unwrap().force_open();
    let health = get(at, "/health");
    assert_eq!((health.status, &health.json()["status"]), (200, &"degraded".into()));
    let check = async || Err::<(), _>(std::io::Error::other("connection refused"));
    scope.registry().health_check(HealthCheck::new("database", Duration::from_secs(1), check)).unwrap();
    let health = get(at, "/health");
    assert_eq!((health.status, &health.json()["reasons"][0]["name"]), (503, &"database".into()));
    let ready = get(at, "/health/ready");
    assert_eq!((ready.status, &*ready.body), (503, "down"));
    assert_eq!(get(at, "/health/live").status, 200);
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
            assert!(get(at, "/metrics").body.contains("circuit_breaker_state"));
            began.elapsed()
        });
        (fastest.min().unwrap(), began.elapsed())
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { std::thread::sleep(Duration::from_secs(5)) });
    let (fastest, all) = asking.join().unwrap();
    assert!(all < Duration::from_millis(4500), "the runtime was stuck for as long as it was asked: {all:?}");
    // The fastest of five, since the machine may be busy as well.
    assert!(fastest < Duration::from_millis(100), "{fastest:?}");
}

#[test]
fn a_port_in_use_is_an_error_and_a_stopped_one_is_free_again() {
    let scope = Scope::new();
    let listening = listen(&scope);
    let at = listening.address();
    let observer = Observer::new(scope.registry());
    assert_eq!(observer.listen(at, Access::read_only()).unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
    listening.stop();
    let deadline = Instant::now() + Duration::from_secs(10);
    let again = loop {
        match observer.listen(at, Access::read_only()) {
            Ok(listening) => break listening,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    drop(again);
    assert!(get(at, "/health/live").body == "up", "dropping it stops nothing");
}
