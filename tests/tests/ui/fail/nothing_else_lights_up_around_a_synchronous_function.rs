#![deny(warnings)]

use resilience_runtime::{Rejection, circuit_breaker, timeout};

#[circuit_breaker]
#[timeout("1s")]
fn charge(cents: u64) -> Result<u64, Rejection> {
    Ok(cents)
}

fn main() {
    let _ = charge(7);
}
