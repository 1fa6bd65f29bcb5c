//! A fallback that answers for everything needs no error that a rejection can become.

use resilience_runtime::{Failure, circuit_breaker};

#[derive(Debug, PartialEq)]
struct Plain;

#[circuit_breaker]
#[fallback = answer]
async fn fails() -> Result<u8, Plain> {
    Err(Plain)
}

fn answer(failure: Failure<Plain>) -> Result<u8, Plain> {
    match failure {
        Failure::Call(error) => Err(error),
        _ => Ok(1),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(fails().await, Err(Plain));
}
