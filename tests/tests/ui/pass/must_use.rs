//! `#[must_use]` above and below still warns who drops the result: the expectations would not be fulfilled otherwise.
#![deny(warnings)]

use resilience_runtime::{Rejection, circuit_breaker};

type Answer = Result<u8, Rejection>;

#[must_use = "above"]
#[circuit_breaker]
fn above() -> Answer {
    Ok(1)
}

#[circuit_breaker]
#[must_use = "below"]
async fn below() -> Answer {
    Ok(2)
}

#[expect(unused_must_use)]
fn main() {
    above();
    below();
}
