use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(stream = true)]
async fn rows() -> Result<Vec<u32>, Rejection> {
    Ok(vec![1])
}

fn main() {}
