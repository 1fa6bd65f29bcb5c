use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(failure_if = |error: &String| error.is_empty())]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn is_transient(code: &u8) -> bool {
    *code > 3
}

#[circuit_breaker(ignore_if = is_transient)]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
