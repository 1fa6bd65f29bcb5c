//! The stream of events as a browser reads it: nothing twice, nothing left out that is kept, and nobody held up by who does not read.
//!
//! Sockets are real, and so is the time.

#![cfg(feature = "listen")]

mod asking;

use asking::{ask, connect, get, get_json, recorded};
use resilience_observe::{Access, Listening, Observer, Token};
use resilience_runtime::testing::Scope;
use resilience_runtime::{Bulkhead, CircuitBreaker};
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

const BEARER: &str = "Authorization: Bearer correct-horse-battery-staple";

struct Program {
    scope: Scope,
    listening: Listening,
    payment: Arc<CircuitBreaker>,
}

impl Program {
    fn new() -> Self {
        let scope = Scope::new();
        let entered = scope.enter();
        let payment = CircuitBreaker::builder("payment").consecutive_failures(1).register().unwrap();
        CircuitBreaker::builder("stock").register().unwrap();
        drop(entered);
        let access = Access::steering(Token::new("correct-horse-battery-staple").unwrap());
        let observer = Observer::builder(scope.registry()).instance("shop-7f9c").build().unwrap();
        let listening = observer.listen("127.0.0.1:0", access).unwrap();
        Self { scope, listening, payment }
    }

    fn at(&self) -> SocketAddr {
        self.listening.address()
    }

    fn read(&self, query: &str) -> Reading {
        Reading::of(self.at(), query, &[])
    }

    /// Two events.
    fn act(&self, nth: usize) {
        let steer = self.payment.steer().by("ada").why(nth.to_string());
        if nth.is_multiple_of(2) { steer.force_open().unwrap() } else { steer.reset().unwrap() }
    }
}

/// One who reads.
struct Reading(BufReader<TcpStream>);

/// One message.
#[derive(Debug)]
struct Message {
    id: Option<u64>,
    event: String,
    data: Value,
}

impl Reading {
    fn of(at: SocketAddr, query: &str, headers: &[&str]) -> Self {
        let mut stream = connect(at);
        let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
        write!(stream, "GET /api/v1/stream?{query} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n").unwrap();
        let mut reading = Self(BufReader::new(stream));
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            reading.0.read_line(&mut head).unwrap();
        }
        assert!(
            head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("content-type: text/event-stream\r\n"),
            "{head}"
        );
        // The last keeps a proxy from holding messages back.
        for header in ["cache-control: no-store", "x-content-type-options: nosniff", "x-accel-buffering: no"] {
            assert!(head.contains(&format!("\r\n{header}\r\n")), "{header} in {head}");
        }
        reading
    }

    /// A line of the body, which comes in chunks; nothing of their sizes.
    fn line(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            // A chunk is whole messages, and begins behind its size.
            if !line.ends_with("\r\n") {
                return Some(line.trim_end_matches('\n').to_owned());
            }
        }
    }

    /// The next message, comments left out.
    fn next(&mut self) -> Option<Message> {
        let mut message = Message { id: None, event: String::new(), data: Value::Null };
        loop {
            let line = self.line()?;
            match line.split_once(": ") {
                Some(("id", id)) => message.id = Some(id.parse().unwrap()),
                Some(("event", event)) => message.event = event.to_owned(),
                Some(("data", data)) => message.data = serde_json::from_str(data).unwrap(),
                _ if line.is_empty() && !message.event.is_empty() => return Some(message),
                _ => assert!(line.is_empty() || line == "retry: 2000" || line.starts_with(": "), "{line}"),
            }
        }
    }

    fn expect(&mut self, event: &str) -> Message {
        let message = self.next().expect("the stream goes on");
        assert_eq!(message.event, event, "{message:?}");
        message
    }
}

#[test]
fn a_stream_says_who_speaks_and_then_what_happens() {
    let program = Program::new();
    program.act(0);
    let mut reading = program.read("");
    let hello = reading.expect("hello").data;
    assert_eq!((&hello["instance"], &hello["first"], &hello["last"]), (&"shop-7f9c".into(), &1.into(), &2.into()));
    assert_eq!(hello["columns"]["circuit_breaker"][1], "state");
    assert_eq!(hello["steering"], true, "who has the token may");
    program.act(1);
    let (steered, transition) = (reading.expect("steered"), reading.expect("transition"));
    assert_eq!((steered.id, transition.id), (Some(3), Some(4)));
    assert_eq!((&steered.data["id"], &steered.data["by"]["why"]), (&3.into(), &"1".into()));
    assert_eq!(transition.data["text"], "circuit_breaker `payment`: forced_open -> closed");
}

#[test]
fn what_happens_is_told_at_once() {
    let program = Program::new();
    let mut reading = program.read("");
    reading.expect("hello");
    // Not at the next look, a second later. A busy machine may be late, and not always.
    let at_once = (0..20).any(|nth| {
        let began = Instant::now();
        program.act(nth);
        reading.expect("steered");
        reading.expect("transition");
        began.elapsed() < Duration::from_millis(200)
    });
    assert!(at_once);
}

#[test]
fn nobody_steers_where_steering_is_off() {
    let scope = Scope::new();
    let observer = Observer::new(scope.registry());
    let listening = observer.listen("127.0.0.1:0", Access::read_only()).unwrap();
    let mut reading = Reading::of(listening.address(), "", &[]);
    assert_eq!(reading.expect("hello").data["steering"], false);
}

#[test]
fn whoever_comes_back_goes_on_where_they_were() {
    const EVENTS: u64 = 1000;
    let program = Program::new();
    let last_event_id = |id: u64| format!("Last-Event-ID: {id}");
    let mut reached = 0;
    let mut seen = Vec::new();
    // Each hangs up in the middle of what goes on.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            (0..EVENTS as usize / 2).for_each(|nth| {
                program.act(nth);
                if nth.is_multiple_of(50) {
                    std::thread::sleep(Duration::from_millis(5));
                }
            });
        });
        let mut by_header = true;
        while reached < EVENTS {
            let mut reading = match by_header {
                true => Reading::of(program.at(), "", &[&last_event_id(reached)]),
                false => program.read(&format!("after={reached}")),
            };
            by_header = !by_header;
            reading.expect("hello");
            for _ in 0..97.min(EVENTS - reached) {
                let message = reading.next().unwrap();
                assert!(["steered", "transition"].contains(&&*message.event), "{message:?}");
                reached = message.id.unwrap();
                seen.push(reached);
            }
        }
    });
    assert_eq!(seen, (1..=EVENTS).collect::<Vec<_>>());
}

#[test]
fn an_id_of_an_earlier_run_is_before_everything() {
    let program = Program::new();
    program.act(0);
    let mut reading = program.read("after=5121");
    reading.expect("hello");
    assert_eq!(reading.expect("steered").id, Some(1));
}

#[test]
fn what_is_kept_no_more_is_a_gap() {
    let program = Program::new();
    for nth in 0..3000 {
        program.act(nth);
        // The thread that writes it down is to keep up.
        if nth.is_multiple_of(100) {
            get_json(program.at(), "/api/v1/events?limit=1");
        }
    }
    let mut reading = program.read("after=10");
    let hello = reading.expect("hello").data;
    assert_eq!((&hello["first"], &hello["last"]), (&(6000 - 4095).into(), &6000.into()));
    assert_eq!(reading.expect("gap").data["missed"], 6000 - 4096 - 10);
    assert_eq!(reading.next().unwrap().id, Some(6000 - 4095));
    let events = get_json(program.at(), "/api/v1/events?after=10&limit=1");
    assert_eq!(events["missed"], 6000 - 4096 - 10);
}

#[test]
fn whoever_does_not_read_holds_nobody_up_and_is_told_what_they_have_missed() {
    let program = Program::new();
    let mut deaf = program.read("");
    let mut attentive = program.read("topic=transition");
    attentive.expect("hello");
    // More than all buffers between have room for.
    let why = "x".repeat(256);
    let acts = 16_000_u64;
    let mut slowest = Duration::ZERO;
    for nth in 0..acts {
        let began = Instant::now();
        let steer = program.payment.steer().by("ada").why(&*why);
        if nth.is_multiple_of(2) {
            steer.force_open().unwrap()
        } else {
            steer.reset().unwrap()
        }
        slowest = slowest.max(began.elapsed());
        assert_eq!(attentive.expect("transition").id, Some(2 * nth + 2));
    }
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    let (mut last, mut missed, mut gaps) = (0, 0, 0);
    deaf.expect("hello");
    while last < 2 * acts {
        let message = deaf.next().unwrap();
        if message.event == "gap" {
            missed += message.data["missed"].as_u64().unwrap();
            gaps += 1;
            continue;
        }
        let id = message.id.unwrap();
        assert_eq!(id, last + missed + 1, "what is missing was told");
        (last, missed) = (id, 0);
    }
    assert!(gaps > 0, "there was room for all of it");
}

#[test]
fn events_are_chosen_by_topic_and_name() {
    let program = Program::new();
    let mut transitions = program.read("topic=transition,conflict&name=pay*");
    let mut stock = program.read("name=stock");
    transitions.expect("hello");
    stock.expect("hello");
    program.act(0);
    program.scope.registry().circuit_breaker("stock").unwrap().force_open();
    program.act(1);
    assert_eq!([transitions.next().unwrap().id, transitions.next().unwrap().id], [Some(2), Some(6)]);
    assert_eq!([stock.next().unwrap().id, stock.next().unwrap().id], [Some(3), Some(4)]);
    for (query, says) in [
        ("topic=transitoin", "unknown topic `transitoin`; expected `transition`"),
        ("topic=outcome", "unknown topic `outcome`"),
        ("sample=2", "the parameter `sample` must be 0 or 1"),
        ("after=x", "the parameter `after`"),
        ("since=1", "unknown parameter `since`"),
    ] {
        let answer = get(program.at(), &format!("/api/v1/stream?{query}"));
        assert_eq!(answer.status, 400);
        assert!(answer.problem().contains(says), "{answer:?}");
    }
    let answer = ask(program.at(), "GET /api/v1/stream", &["Last-Event-ID: x"]);
    assert_eq!(answer.problem(), "the header `Last-Event-ID` must be the id of an event");
}

#[test]
fn what_comes_with_every_call_is_one_event_a_second() {
    let program = Program::new();
    let entered = program.scope.enter();
    let store = Bulkhead::builder("store").max_concurrent(1).register().unwrap();
    drop(entered);
    let mut reading = program.read("topic=rejected");
    reading.expect("hello");
    let _inside = store.try_acquire().unwrap();
    (0..10_000).for_each(|_| drop(store.try_acquire().unwrap_err()));
    let (mut count, mut events) = (0, 0);
    while count < 10_000 {
        let repeated = reading.expect("repeated").data;
        assert_eq!(
            (&repeated["kind"], &repeated["name"], &repeated["topic"]),
            (&"bulkhead".into(), &"store".into(), &"rejected".into())
        );
        count += repeated["count"].as_u64().unwrap();
        events += 1;
    }
    assert!(count == 10_000 && events <= 2, "{count} in {events}");
}

#[test]
fn a_sample_comes_every_second_and_has_what_has_changed() {
    let program = Program::new();
    let mut reading = program.read("sample=1&topic=conflict");
    let hello = reading.expect("hello").data;
    let columns: Vec<_> =
        hello["columns"]["circuit_breaker"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    let column = |row: &Value, name: &str| row[columns.iter().position(|column| *column == name).unwrap()].clone();
    let first = reading.expect("sample").data;
    assert_eq!(first["all"], true);
    let rows = first["rows"]["circuit_breaker"].as_array().unwrap();
    assert_eq!([column(&rows[0], "name"), column(&rows[1], "name")], ["payment", "stock"]);
    // The rates of the first samples may be there or not.
    let mut quiet = reading.expect("sample").data;
    while quiet["rows"] != serde_json::json!({}) {
        quiet = reading.expect("sample").data;
    }
    assert_eq!(quiet["all"], false);
    program.payment.try_acquire().unwrap().failure();
    (0..50).for_each(|_| drop(program.payment.try_acquire().unwrap_err()));
    let changed = reading.expect("sample").data;
    let rows = changed["rows"]["circuit_breaker"].as_array().unwrap();
    assert_eq!((rows.len(), column(&rows[0], "name"), column(&rows[0], "state")), (1, "payment".into(), "open".into()));
    let rate = column(&rows[0], "rate.rejected").as_f64().unwrap();
    assert!(rate > 10.0 && rate <= 51.0, "{rate}");
    assert!(column(&rows[0], "probe_due_in").as_f64().unwrap() > 20.0);
    let mut stock = program.read("sample=1&name=stock");
    stock.expect("hello");
    let mut sample = stock.expect("sample").data;
    while sample["all"] == false {
        sample = stock.expect("sample").data;
    }
    assert_eq!(sample["rows"]["circuit_breaker"].as_array().unwrap().len(), 1);
    assert!(column(&rows[0], "latency.p50").is_null(), "it is not measured");
    // So many a second is told to whoever asks once, too.
    let policies = get_json(program.at(), "/api/v1/policies?name=payment");
    assert!(policies["policies"][0]["rate"]["calls"].as_f64().is_some(), "{policies}");
}

#[test]
fn a_comment_comes_every_ten_seconds() {
    let program = Program::new();
    let mut reading = program.read("");
    reading.expect("hello");
    let began = Instant::now();
    assert_eq!(reading.line().unwrap(), ": still here");
    let elapsed = began.elapsed();
    assert!((Duration::from_secs(9)..Duration::from_secs(15)).contains(&elapsed), "{elapsed:?}");
}

#[test]
#[ignore = "takes more than a minute"]
fn a_stream_outlasts_every_other_connection() {
    let program = Program::new();
    let mut reading = program.read("");
    reading.expect("hello");
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(85) {
        assert!(reading.line().is_some(), "it ended after {:?}", began.elapsed());
    }
    program.act(0);
    reading.expect("steered");
}

#[test]
fn the_seventeenth_stream_is_refused_until_one_ends() {
    let program = Program::new();
    let mut readings: Vec<_> = (0..16).map(|_| program.read("")).collect();
    readings.iter_mut().for_each(|reading| _ = reading.expect("hello"));
    let answer = get(program.at(), "/api/v1/stream");
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")));
    assert_eq!(answer.problem(), "too many streams are read; try again later");
    drop(readings.pop());
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let mut stream = connect(program.at());
        stream.write_all(b"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let mut first = String::new();
        BufReader::new(stream).read_line(&mut first).unwrap();
        if first.starts_with("HTTP/1.1 200") {
            break;
        }
        assert!(Instant::now() < deadline, "{first}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn what_a_failure_said_is_in_nobodys_stream_without_a_token() {
    let program = Program::new();
    let mut stranger = program.read("topic=transition");
    let mut trusted = Reading::of(program.at(), "topic=transition", &[BEARER]);
    stranger.expect("hello");
    trusted.expect("hello");
    program.payment.try_acquire().unwrap().failure_because(&"https://user:hunter2@gateway is down");
    let told = trusted.expect("transition").data.to_string();
    assert_eq!(told.matches("hunter2").count(), 2, "as a field and in the text: {told}");
    let told = stranger.expect("transition").data;
    assert!(!told.to_string().contains("hunter2") && told["cause"].is_null(), "{told}");
}

#[test]
fn recorded_messages_are_current() {
    let program = Program::new();
    program.act(0);
    let mut reading = program.read("sample=1&after=0");
    recorded("hello", &reading.expect("hello").data);
    recorded("steered", &reading.expect("steered").data);
    recorded("transition", &reading.expect("transition").data);
    let mut sample = reading.expect("sample").data;
    // One with rates, which are there from the second on.
    while sample["rows"] == serde_json::json!({}) || sample["all"] == true {
        (0..50).for_each(|_| drop(program.payment.try_acquire().unwrap_err()));
        let message = reading.next().unwrap();
        if message.event == "sample" {
            sample = message.data;
        }
    }
    recorded("sample", &sample);
}

#[test]
fn a_stream_that_is_let_go_of_ends() {
    let program = Program::new();
    let mut reading = program.read("");
    reading.expect("hello");
    program.listening.stop();
    assert!(reading.next().is_none());
}
