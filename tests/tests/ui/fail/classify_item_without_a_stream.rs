use resilience_runtime::{Rejection, Verdict, circuit_breaker};

#[circuit_breaker(classify_item = |_| Verdict::SUCCESS)]
async fn rows() -> Result<u32, Rejection> {
    Ok(1)
}

fn main() {}
