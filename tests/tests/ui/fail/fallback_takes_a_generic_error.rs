use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker]
#[fallback = any_error]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn any_error<E>(_: E) -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
