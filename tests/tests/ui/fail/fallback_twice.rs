use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker]
#[fallback = first]
#[fallback = second]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
