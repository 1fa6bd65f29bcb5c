use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(failure_if = |error: &String| error.is_empty())]
async fn another_error() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker(ignore_if = |error| 7)]
async fn no_answer() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker(trip_if = |counts| counts.succeeded > 7)]
async fn unknown_count() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
