use resilience_runtime::{Rejection, circuit_breaker, retry};

#[circuit_breaker]
#[track_caller]
fn below() -> Result<u32, Rejection> {
    Ok(std::panic::Location::caller().line())
}

#[track_caller]
#[retry]
fn above() -> Result<u32, Rejection> {
    Ok(std::panic::Location::caller().line())
}

fn main() {}
