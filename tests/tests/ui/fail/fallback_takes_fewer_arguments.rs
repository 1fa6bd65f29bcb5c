use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker]
#[fallback = queue]
async fn charge(cents: u64, to: &str) -> Result<usize, Rejection> {
    Ok(cents as usize + to.len())
}

fn queue(_: u64) -> Result<usize, Rejection> {
    Ok(0)
}

fn main() {}
