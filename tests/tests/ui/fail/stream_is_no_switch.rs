use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(stream = 1)]
async fn rows() -> Result<u32, Rejection> {
    Ok(1)
}

fn main() {}
