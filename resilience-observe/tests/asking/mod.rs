//! A client of the listener that speaks plain HTTP/1.1, so that what goes over the socket is what a test says.

#![allow(dead_code, reason = "each test uses some of it")]

use serde_json::Value;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In lower case, without the first line.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The sentence of a problem, which this is.
    pub(crate) fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let problem = self.json();
        assert_eq!((&problem["type"], &problem["status"]), (&"about:blank".into(), &self.status.into()));
        problem["title"].as_str().unwrap().to_owned()
    }
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

/// Sends exactly these bytes and reads to the end.
pub(crate) fn send(address: SocketAddr, request: &str) -> Answer {
    let mut stream = connect(address);
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // Whoever refuses a body may hang up before it has read it.
    if let Err(error) = stream.read_to_end(&mut answer) {
        assert!(!answer.is_empty(), "{error}");
    }
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}"));
    let (first, head) = head.split_once("\r\n").unwrap();
    let status = first.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.replace("\r\n", "\n"), body: body.to_owned() }
}

/// A request line, with any headers of its own.
pub(crate) fn ask(address: SocketAddr, request: &str, headers: &[&str]) -> Answer {
    let host = if headers.iter().any(|header| header.to_lowercase().starts_with("host:")) {
        ""
    } else {
        "Host: localhost\r\n"
    };
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    send(address, &format!("{request} HTTP/1.1\r\n{host}{headers}Connection: close\r\n\r\n"))
}

pub(crate) fn get(address: SocketAddr, path: &str) -> Answer {
    ask(address, &format!("GET {path}"), &[])
}

/// The JSON of an answer that is one.
pub(crate) fn get_json(address: SocketAddr, path: &str) -> Value {
    let answer = get(address, path);
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")), "{path}: {answer:?}");
    answer.json()
}

pub(crate) fn post(address: SocketAddr, path: &str, headers: &[&str], body: &str) -> Answer {
    let length = format!("Content-Length: {}", body.len());
    let headers: String = headers.iter().copied().chain([&*length]).map(|header| format!("{header}\r\n")).collect();
    let host = if headers.to_lowercase().contains("host:") { "" } else { "Host: localhost\r\n" };
    send(address, &format!("POST {path} HTTP/1.1\r\n{host}{headers}Connection: close\r\n\r\n{body}"))
}

/// As the file in `tests/answers` has it, but for what a clock or a counter says.
pub(crate) fn recorded(file: &str, answer: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/answers").join(format!("{file}.json"));
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, format!("{answer:#}\n")).unwrap();
    }
    let recorded: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(form(answer), form(&recorded), "{file}: UPDATE=1 writes it anew");
}

/// With one value for all of a kind, and lists as what may be in them.
fn form(value: &Value) -> Value {
    match value {
        Value::Null => Value::Null,
        Value::Bool(_) => "bool".into(),
        Value::Number(_) => "number".into(),
        Value::String(_) => "text".into(),
        Value::Array(items) => {
            let mut forms: Vec<Value> = items.iter().map(form).collect();
            forms.sort_by_key(Value::to_string);
            forms.dedup();
            forms.into()
        }
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), form(value))).collect(),
    }
}
