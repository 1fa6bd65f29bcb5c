use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker]
#[fallback = queue]
async fn charge(to: &str) -> Result<usize, Rejection> {
    Ok(to.len())
}

fn queue(_: String) -> Result<usize, Rejection> {
    Ok(0)
}

fn main() {}
