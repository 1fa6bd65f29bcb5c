use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker]
#[fallback = queue]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn queue(_: String) -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
