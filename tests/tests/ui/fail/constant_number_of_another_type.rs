use resilience_runtime::{Rejection, circuit_breaker};

const CALLS: u64 = 20;

#[circuit_breaker(minimum_calls = CALLS)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
