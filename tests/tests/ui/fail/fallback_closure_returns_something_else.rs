use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker]
#[fallback = |cents| cents]
async fn charge(cents: u64) -> Result<u64, Rejection> {
    Ok(cents)
}

fn main() {}
