//! `?` and `return` leave the body; items, macros, labels and inner attributes in it mean what they meant.

use resilience_runtime::{Rejection, circuit_breaker};

#[derive(Debug, PartialEq)]
enum Error {
    Parse,
    Rejected,
}

impl From<std::num::ParseIntError> for Error {
    fn from(_: std::num::ParseIntError) -> Self {
        Self::Parse
    }
}

impl From<Rejection> for Error {
    fn from(_: Rejection) -> Self {
        Self::Rejected
    }
}

#[circuit_breaker]
async fn parse(text: &str) -> Result<u32, Error> {
    #![allow(unused_variables)]
    use std::str::FromStr as _;
    const LIMIT: u32 = 1000;
    fn double(number: u32) -> u32 {
        2 * number
    }
    let unused = 1;
    if text.is_empty() {
        return Ok(0);
    }
    let number = 'found: loop {
        for word in text.split(' ') {
            if word != "-" {
                break 'found u32::from_str(word)?;
            }
        }
        return Err(Error::Parse);
    };
    tokio::task::yield_now().await;
    Ok(double(number).min(LIMIT))
}

#[circuit_breaker]
async fn never_returns_by_itself(text: &str) -> Result<u32, Error> {
    loop {
        return Ok(text.parse()?);
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(parse("").await, Ok(0));
    assert_eq!(parse("- 21").await, Ok(42));
    assert_eq!(parse("- -").await, Err(Error::Parse));
    assert_eq!(parse("x").await, Err(Error::Parse));
    assert_eq!(never_returns_by_itself("7").await, Ok(7));
}
