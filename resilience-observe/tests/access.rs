//! Every refusal, by name: who may not read, who may not steer, and what a browser must not be made to do.
//!
//! Sockets are real, and so is the time. That the comparison of tokens takes the same time wherever they differ is a unit test beside it.

#![cfg(feature = "listen")]

mod asking;

use asking::{Answer, ask, get, post, send};
use resilience_observe::{Access, InvalidToken, Listening, Observer, Refused, Token, Who};
use resilience_runtime::testing::Scope;
use resilience_runtime::{CircuitBreaker, State};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const TOKEN: &str = "correct-horse-battery-staple";
const BEARER: &str = "Authorization: Bearer correct-horse-battery-staple";
const JSON: &str = "Content-Type: application/json";
const FORCE_OPEN: &str = r#"{"match": "payment", "act": "force_open", "by": "ada", "why": "incident 12"}"#;

struct Program {
    scope: Scope,
    listening: Listening,
}

impl Program {
    fn new(access: Access) -> Self {
        let scope = Scope::new();
        let entered = scope.enter();
        CircuitBreaker::builder("payment").register().unwrap();
        drop(entered);
        let listening = Observer::new(scope.registry()).listen("127.0.0.1:0", access).unwrap();
        Self { scope, listening }
    }

    fn at(&self) -> SocketAddr {
        self.listening.address()
    }

    fn state(&self) -> State {
        self.scope.registry().circuit_breaker("payment").unwrap().state()
    }

    /// That this steers nobody: with which status, and in which words.
    fn refuses(&self, headers: &[&str], body: &str) -> (u16, String) {
        let answer = post(self.at(), "/api/v1/steer", headers, body);
        assert_eq!(self.state(), State::Closed, "{answer:?}");
        (answer.status, answer.problem())
    }
}

fn token() -> Token {
    Token::new(TOKEN).unwrap()
}

fn steering() -> Program {
    Program::new(Access::steering(token()))
}

/// The status of a refusal that says what is wanted.
fn told(answer: &Answer) -> (u16, String) {
    (answer.status, answer.problem())
}

fn of(status: u16, title: &str) -> (u16, String) {
    (status, title.to_owned())
}

#[test]
fn whoever_has_the_token_steers() {
    let program = steering();
    let answer = post(program.at(), "/api/v1/steer", &[BEARER, JSON], FORCE_OPEN);
    assert_eq!((answer.status, program.state()), (200, State::ForcedOpen), "{answer:?}");
}

#[test]
fn nobody_steers_where_everybody_only_reads() {
    let program = Program::new(Access::read_only());
    let refused = of(403, "steering is off; give the router a token");
    assert_eq!(program.refuses(&[JSON], FORCE_OPEN), refused);
    assert_eq!(program.refuses(&[JSON, BEARER], FORCE_OPEN), refused);
    assert_eq!(get(program.at(), "/api/v1/policies").status, 200);
}

#[test]
fn nobody_steers_without_a_token() {
    let program = steering();
    let wanted = of(401, "a token is wanted, in the header `Authorization: Bearer …`");
    assert_eq!(program.refuses(&[JSON], FORCE_OPEN), wanted);
    let answer = post(program.at(), "/api/v1/steer", &[JSON], FORCE_OPEN);
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    assert_eq!(get(program.at(), "/api/v1/policies").status, 200);
}

#[test]
fn nothing_that_is_private_is_read_without_a_token() {
    let program = Program::new(Access::private(token()));
    let paths =
        ["/", "/metrics", "/health", "/health/ready", "/health/live", "/api/v1/policies", "/api/v1/stream", "/no"];
    for path in paths {
        let answer = get(program.at(), path);
        assert_eq!(told(&answer), of(401, "a token is wanted, in the header `Authorization: Bearer …`"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
    assert_eq!(ask(program.at(), "GET /api/v1/policies", &[BEARER]).status, 200);
    assert_eq!(
        ask(program.at(), "GET /health/live", &["authorization: bearer correct-horse-battery-staple"]).body,
        "up"
    );
}

#[test]
fn a_wrong_token_is_told_so_after_a_tenth_of_a_second() {
    let program = steering();
    for wrong in ["Bearer correct-horse-battery-stable", "Bearer ", "Bearer x", "Basic YWRhOnBhc3N3b3Jk", TOKEN] {
        let began = Instant::now();
        let refused = program.refuses(&[JSON, &format!("Authorization: {wrong}")], FORCE_OPEN);
        assert_eq!(refused, of(401, "this is not the token"), "{wrong}");
        assert!(began.elapsed() >= Duration::from_millis(100), "{wrong}: {:?}", began.elapsed());
    }
    // Who shows one that is wrong is not taken for one who shows none.
    let answer = ask(program.at(), "GET /api/v1/policies", &["Authorization: Bearer wrong"]);
    assert_eq!(answer.status, 401);
}

#[test]
fn more_than_ten_wrong_tokens_in_a_second_are_not_looked_at() {
    let program = steering();
    let at = program.at();
    let wrong = move || ask(at, "GET /api/v1/policies", &["Authorization: Bearer wrong"]).status;
    // All at once, since each of them takes a while.
    let asking: Vec<_> = (0..20).map(|_| std::thread::spawn(wrong)).collect();
    let statuses: Vec<u16> = asking.into_iter().map(|asking| asking.join().unwrap()).collect();
    let count = |status| statuses.iter().filter(|other| **other == status).count();
    // A busy machine may take more than a second for them.
    assert!(count(401) >= 10 && count(429) > 0 && count(401) + count(429) == 20, "{statuses:?}");
    let deadline = Instant::now() + Duration::from_secs(10);
    while ask(at, "GET /api/v1/policies", &[BEARER]).status != 200 {
        assert!(Instant::now() < deadline, "the right token is taken again a second later");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(get(at, "/api/v1/policies").status, 200, "who shows none is not concerned");
}

#[test]
fn a_token_of_fifteen_bytes_is_refused() {
    assert_eq!(Token::new("0123456789abcde").unwrap_err(), InvalidToken::TooShort);
    assert_eq!(Token::new("").unwrap_err(), InvalidToken::TooShort);
    assert!(Token::new("0123456789abcdef").is_ok());
}

#[test]
fn a_token_of_one_character_is_refused() {
    assert_eq!(Token::new("x".repeat(64)).unwrap_err(), InvalidToken::OneCharacter);
}

#[test]
fn a_token_that_no_header_carries_is_refused() {
    for text in ["correct horse battery staple", "correct-horse-battery\nstaple", "pferd-akku-heftklammer-ü"] {
        assert_eq!(Token::new(text).unwrap_err(), InvalidToken::NotVisible);
    }
}

#[test]
fn a_token_comes_from_the_environment() {
    let missing = Token::from_env("RESILIENCE_OBSERVE_TEST_NO_SUCH_VARIABLE").unwrap_err();
    assert_eq!(missing.to_string(), "the environment variable `RESILIENCE_OBSERVE_TEST_NO_SUCH_VARIABLE` is not set");
    // Cargo sets it for every test.
    assert!(Token::from_env("CARGO_PKG_NAME").is_ok());
}

#[test]
fn a_listener_beyond_loopback_is_refused_unless_it_is_private() {
    let scope = Scope::new();
    let observer = Observer::new(scope.registry());
    for address in ["0.0.0.0:0", "[::]:0"] {
        for access in [Access::read_only(), Access::steering(token())] {
            let refused = observer.listen(address, access).unwrap_err();
            assert_eq!(refused.kind(), std::io::ErrorKind::InvalidInput);
            let told = format!("other machines can reach {address}; use `Access::private`, or bind to 127.0.0.1");
            assert_eq!(refused.to_string(), told);
        }
    }
    // It is this machine all the same.
    let listening = observer.listen("0.0.0.0:0", Access::private(token())).unwrap();
    let at = SocketAddr::from(([127, 0, 0, 1], listening.address().port()));
    assert_eq!(ask(at, "GET /health/live", &[BEARER]).status, 200);
    assert_eq!(ask(at, "GET /health/live", &[BEARER, "Host: 192.0.2.7:9911"]).status, 200);
    assert_eq!(ask(at, "GET /health/live", &[BEARER, "Host: rebound.example"]).status, 421);
    listening.stop();
    let own = Access::authorize(|_| Err(Refused::forbidden("nobody")));
    observer.listen("0.0.0.0:0", own).unwrap().stop();
}

#[test]
fn a_foreign_host_is_refused() {
    let program = steering();
    for host in
        ["rebound.example", "rebound.example:9911", "localhost.rebound.example", "192.0.2.7:9911", "", "127.0.0.1.x"]
    {
        let answer = ask(program.at(), "GET /api/v1/policies", &[&format!("Host: {host}")]);
        assert_eq!(answer.status, 421, "{host}: {answer:?}");
        assert!(answer.problem().starts_with("this listener does not answer to the name `"));
        let refused = program.refuses(&[BEARER, JSON, &format!("Host: {host}")], FORCE_OPEN);
        assert_eq!(refused.0, 421);
    }
    let answer = ask(program.at(), "GET http://rebound.example/api/v1/policies", &[]);
    assert_eq!(answer.status, 421, "the name in the request line counts");
    for host in ["localhost", "LOCALHOST:9911", "127.0.0.1:9911", "127.9.9.9", "[::1]:9911", "[::1]"] {
        assert_eq!(ask(program.at(), "GET /health/live", &[&format!("Host: {host}")]).status, 200, "{host}");
    }
    let named = Program::new(Access::read_only().hosts(["admin.shop.internal"]));
    assert_eq!(ask(named.at(), "GET /health/live", &["Host: admin.shop.internal:9911"]).status, 200);
    assert_eq!(ask(named.at(), "GET /health/live", &["Host: shop.internal"]).status, 421);
}

#[test]
fn a_foreign_origin_may_not_steer() {
    let program = steering();
    for origin in ["http://evil.example", "null", "http://localhost:9912", "https://localhost.evil.example", ""] {
        let headers = [BEARER, JSON, "Host: localhost:9911", &format!("Origin: {origin}")];
        assert_eq!(
            program.refuses(&headers, FORCE_OPEN),
            of(403, "a page of another origin may not steer"),
            "{origin}"
        );
    }
    let own = [BEARER, JSON, "Host: localhost:9911", "Origin: http://localhost:9911"];
    assert_eq!(post(program.at(), "/api/v1/steer", &own, FORCE_OPEN).status, 200);
}

#[test]
fn no_answer_lets_another_origin_read_it() {
    let program = steering();
    let preflight = ["Origin: http://evil.example", "Access-Control-Request-Method: POST"];
    for request in ["OPTIONS /api/v1/steer", "OPTIONS /api/v1/policies", "GET /api/v1/policies", "GET /nothing"] {
        let answer = ask(program.at(), request, &preflight);
        assert!(!answer.head.contains("access-control"), "{request}: {answer:?}");
    }
}

#[test]
fn a_form_may_not_steer() {
    let program = steering();
    let forms =
        ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "", "application/jsonx"];
    for form in forms {
        let refused = program.refuses(&[BEARER, &format!("Content-Type: {form}")], FORCE_OPEN);
        assert_eq!(refused, of(415, "expected `Content-Type: application/json`"), "{form}");
    }
    assert_eq!(program.refuses(&[BEARER], FORCE_OPEN).0, 415);
    let json = [BEARER, "Content-Type: application/json; charset=utf-8"];
    assert_eq!(post(program.at(), "/api/v1/steer", &json, FORCE_OPEN).status, 200);
}

#[test]
fn a_get_does_nothing_to_anybody() {
    let program = steering();
    for path in ["/api/v1/steer", "/api/v1/steer?match=payment&act=force_open&by=ada&why=x"] {
        let answer = ask(program.at(), &format!("GET {path}"), &[BEARER]);
        assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")));
        assert_eq!(program.state(), State::Closed);
    }
    for method in ["PUT", "DELETE", "PATCH"] {
        assert_eq!(ask(program.at(), &format!("{method} /api/v1/steer"), &[BEARER]).status, 405);
    }
    assert_eq!(post(program.at(), "/api/v1/policies", &[BEARER, JSON], "{}").status, 405);
}

#[test]
fn a_body_above_sixteen_kibibytes_is_refused() {
    let program = steering();
    let padded = |length: usize| format!("{FORCE_OPEN}{}", " ".repeat(length - FORCE_OPEN.len()));
    let refused = of(413, "the body must not be larger than 16 KiB");
    assert_eq!(program.refuses(&[BEARER, JSON], &padded(16 * 1024 + 1)), refused);
    // One that says so, and then sends nothing, is not waited for.
    let head = format!("POST /api/v1/steer HTTP/1.1\r\nHost: localhost\r\n{BEARER}\r\n{JSON}\r\n");
    assert_eq!(told(&send(program.at(), &format!("{head}Content-Length: 16385\r\n\r\n"))), refused);
    // One that does not say how long it is.
    let chunk = " ".repeat(4096);
    let chunks = format!("1000\r\n{chunk}\r\n").repeat(5);
    let head = format!("POST /api/v1/steer HTTP/1.1\r\nHost: localhost\r\n{BEARER}\r\n{JSON}\r\nConnection: close\r\n");
    let answer = send(program.at(), &format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n"));
    assert_eq!(told(&answer), refused);
    assert_eq!(program.state(), State::Closed);
    assert_eq!(post(program.at(), "/api/v1/steer", &[BEARER, JSON], &padded(16 * 1024)).status, 200);
}

#[test]
fn what_is_no_json_is_refused() {
    let program = steering();
    for body in ["", "{", "payment", "{\"match\": \"payment\",}", "[", "\u{1}", &format!("{FORCE_OPEN}{FORCE_OPEN}")] {
        let (status, title) = program.refuses(&[BEARER, JSON], body);
        assert_eq!(status, 400, "{body}");
        assert!(title.starts_with("the body is not JSON: "), "{title}");
    }
}

#[test]
fn what_is_unknown_missing_or_out_of_bounds_is_refused() {
    let program = steering();
    let long = "x".repeat(257);
    let by_long = format!(r#""by": "{long}", "why": "x""#);
    let why_long = format!(r#""by": "x", "why": "{long}""#);
    let reset = r#""match": "payment", "act": "reset""#;
    for (body, says) in [
        (format!(r#"{{{reset}, "by": "a", "why": "b", "wy": 1}}"#), "unknown field `wy`, expected one of `match`"),
        (format!(r#"{{{reset}, "by": "a", "by": "a", "why": "b"}}"#), "duplicate field `by`"),
        (r#"{"act": "reset", "by": "a", "why": "b"}"#.to_owned(), "missing field `match`"),
        (r#"{"match": "payment", "by": "a", "why": "b"}"#.to_owned(), "missing field `act`"),
        (format!(r#"{{{reset}, "why": "b"}}"#), "`by` must say something"),
        (format!(r#"{{{reset}, "by": "", "why": "b"}}"#), "`by` must say something"),
        (format!(r#"{{{reset}, "by": " ", "why": "b"}}"#), "`by` must say something"),
        (format!(r#"{{{reset}, "by": "a"}}"#), "`why` must say something"),
        (format!(r#"{{{reset}, "by": "a", "why": ""}}"#), "`why` must say something"),
        (format!(r#"{{{reset}, {by_long}}}"#), "`by` takes at most 256 bytes"),
        (format!(r#"{{{reset}, {why_long}}}"#), "`why` takes at most 256 bytes"),
        (format!(r#"{{{reset}, "by": 1, "why": "b"}}"#), "invalid type: integer `1`, expected a string"),
        (format!(r#"{{{reset}, "by": "a", "why": "b", "dry_run": "yes"}}"#), "expected a boolean"),
        (
            format!(r#"{{{reset}, "by": "a", "why": "b", "only_if": "opne"}}"#),
            "unknown state `opne`; expected `closed`",
        ),
        (format!(r#"{{{reset}, "by": "a", "why": "b", "percent": 5}}"#), "`percent` belongs to `enforce_share`"),
        (format!(r#"{{{reset}, "by": "a", "why": "b", "open_for": 5}}"#), "`open_for` belongs to `force_open_for`"),
        (act(r#""explode""#), "unknown act `explode`; expected `force_open`"),
        (act(r#""enforce_share""#), "`percent` belongs to `enforce_share`"),
        (act(r#""enforce_share", "percent": 101"#), "`percent` must be between 0 and 100, not 101"),
        (act(r#""enforce_share", "percent": -1"#), "invalid value: integer `-1`, expected u64"),
        (act(r#""enforce_share", "percent": 1.5"#), "expected u64"),
        (act(r#""force_open_for""#), "`open_for` belongs to `force_open_for`"),
        (act(r#""force_open_for", "open_for": 0"#), "`open_for` must be between 0.001 and 31536000 seconds"),
        (act(r#""force_open_for", "open_for": -5"#), "`open_for` must be between 0.001 and 31536000 seconds"),
        (act(r#""force_open_for", "open_for": 1e300"#), "`open_for` must be between 0.001 and 31536000 seconds"),
        (
            r#"{"match": "", "act": "reset", "by": "a", "why": "b"}"#.to_owned(),
            "a name or a pattern must have between 1",
        ),
        (
            r#"{"match": "payment", "keys": "", "act": "reset", "by": "a", "why": "b"}"#.to_owned(),
            "a name or a pattern",
        ),
        ("[]".to_owned(), "invalid length 0, expected struct"),
        ("7".to_owned(), "invalid type: integer `7`, expected struct"),
    ] {
        let (status, title) = program.refuses(&[BEARER, JSON], &body);
        assert_eq!(status, 422, "{body}: {title}");
        assert!(title.contains(says), "{body}: {title}");
    }
}

fn act(act: &str) -> String {
    format!(r#"{{"match": "payment", "act": {act}, "by": "a", "why": "b"}}"#)
}

#[test]
fn a_function_of_the_programs_own_says_who_it_is() {
    let access = Access::authorize(|request| match request.headers.get("x-user").map(|user| user.as_bytes()) {
        Some(b"ada") => Ok(Who::named("ada")),
        Some(_) => Err(Refused::forbidden("only ada may")),
        None => Err(Refused::unauthorized("sign in first")),
    });
    let program = Program::new(access);
    assert_eq!(told(&get(program.at(), "/api/v1/policies")), of(401, "sign in first"));
    assert_eq!(program.refuses(&[JSON], FORCE_OPEN), of(401, "sign in first"));
    assert_eq!(program.refuses(&[JSON, "X-User: bob"], FORCE_OPEN), of(403, "only ada may"));
    assert_eq!(ask(program.at(), "GET /api/v1/policies", &["X-User: ada"]).status, 200);
    let body = r#"{"match": "payment", "act": "force_open", "by": "mallory", "why": "incident 12"}"#;
    assert_eq!(post(program.at(), "/api/v1/steer", &[JSON, "X-User: ada"], body).status, 200);
    let unnamed = r#"{"match": "payment", "act": "reset", "why": "over"}"#;
    assert_eq!(post(program.at(), "/api/v1/steer", &[JSON, "X-User: ada"], unnamed).status, 200);
    let events = ask(program.at(), "GET /api/v1/events?topic=steered", &["X-User: ada"]).json();
    let by: Vec<_> = events["events"].as_array().unwrap().iter().map(|event| event["by"]["by"].clone()).collect();
    assert_eq!(by, ["ada", "ada"], "whoever is known is who did it");
}

#[test]
fn a_path_that_there_is_not_is_a_problem() {
    let program = steering();
    for path in ["/nothing", "/api", "/api/v1", "/api/v1/retry/payment/nothing", "/api/v2/policies"] {
        let answer = get(program.at(), path);
        assert_eq!(told(&answer), of(404, "there is no such path; `/` lists those there are"), "{path}");
    }
}
