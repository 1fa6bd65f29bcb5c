use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker]
#[fallback = no_result]
async fn first(order: u64) -> Result<u64, Rejection> {
    Ok(order)
}

fn no_result(order: u64) -> u64 {
    order
}

#[circuit_breaker]
#[fallback = another_result]
async fn second(order: u64) -> Result<u64, Rejection> {
    Ok(order)
}

async fn another_result(order: u64) -> Result<String, Rejection> {
    Ok(order.to_string())
}

#[circuit_breaker]
#[fallback = |order| order]
async fn third(order: u64) -> Result<u64, Rejection> {
    Ok(order)
}

fn main() {}
