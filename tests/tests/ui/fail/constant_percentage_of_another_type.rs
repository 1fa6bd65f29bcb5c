use resilience_runtime::{Rejection, circuit_breaker};

const RATE: &str = "50";

#[circuit_breaker(failure_rate = RATE)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
