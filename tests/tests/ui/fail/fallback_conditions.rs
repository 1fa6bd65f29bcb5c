use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker]
#[fallback(otherwise, on = circuit_open)]
async fn no_list() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker]
#[fallback(otherwise, on = [open, timed_ot])]
async fn unknown() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker]
#[fallback(otherwise, on = [])]
async fn nothing() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker]
#[fallback(otherwise, if = true)]
async fn no_hook() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker]
#[fallback(otherwise, when = |error| true)]
async fn no_key() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
