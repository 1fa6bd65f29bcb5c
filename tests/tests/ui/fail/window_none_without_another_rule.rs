use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(window = none, consecutive_failures = none)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
