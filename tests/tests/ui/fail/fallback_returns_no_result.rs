use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker]
#[fallback = queue]
async fn charge(cents: u64) -> Result<u64, Rejection> {
    Ok(cents)
}

fn queue(cents: u64) -> u64 {
    cents
}

fn main() {}
