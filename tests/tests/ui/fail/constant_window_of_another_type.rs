use resilience_runtime::{Rejection, circuit_breaker};

const WINDOW: &str = "10s";

#[circuit_breaker(window = WINDOW)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
