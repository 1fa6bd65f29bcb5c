//! What can answer for a function that is not async.

use resilience_runtime::{Failure, Rejection, fallback};

#[fallback(first, |_| Ok(2))]
fn by_levels(number: u8) -> Result<u8, u8> {
    Err(number)
}

fn first(number: u8, failure: Failure<u8>) -> Result<u8, u8> {
    match failure {
        Failure::Call(0) => Ok(1),
        _ => Err(number),
    }
}

#[fallback(|number: u8, error: u8| Ok(number + error), map_rejection = |_: Rejection| 9)]
fn by_error(number: u8) -> Result<u8, u8> {
    Err(number)
}

fn main() {
    assert_eq!(by_levels(0), Ok(1));
    assert_eq!(by_levels(5), Ok(2));
    assert_eq!(by_error(3), Ok(6));
}
