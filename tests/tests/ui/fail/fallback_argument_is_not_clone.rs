use resilience_runtime::{Rejection, circuit_breaker};

struct Order(u64);

#[circuit_breaker]
#[fallback = queue]
async fn charge(order: Order, (text, _): (String, Order)) -> Result<u64, Rejection> {
    Ok(order.0 + text.len() as u64)
}

fn queue(order: Order, _: (String, Order)) -> Result<u64, Rejection> {
    Ok(order.0)
}

fn main() {}
