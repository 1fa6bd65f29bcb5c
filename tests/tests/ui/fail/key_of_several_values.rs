use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker("payment", key = (shop, currency))]
async fn charge(shop: u8, currency: &str) -> Result<u8, Rejection> {
    Ok(shop)
}

fn main() {}
