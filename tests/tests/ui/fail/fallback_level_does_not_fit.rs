use resilience_runtime::{Rejection, circuit_breaker, fallback};

#[circuit_breaker]
#[fallback(first, second)]
async fn call(id: u64) -> Result<u64, Rejection> {
    Ok(id)
}

fn first(id: u64) -> Result<u64, Rejection> {
    Ok(id)
}

fn second(id: String) -> Result<u64, Rejection> {
    Ok(id.len() as u64)
}

#[circuit_breaker]
#[fallback(first, "second", |a, b, c| Ok(1))]
async fn values(id: u64) -> Result<u64, Rejection> {
    Ok(id)
}

fn main() {}
