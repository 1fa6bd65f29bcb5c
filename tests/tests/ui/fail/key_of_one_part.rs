use resilience_runtime::{Rejection, circuit_breaker, rate_limit};

#[circuit_breaker("payment", key = (shop,))]
async fn charge(shop: u8) -> Result<u8, Rejection> {
    Ok(shop)
}

#[rate_limit("3/s", key = ())]
async fn refund(shop: u8) -> Result<u8, Rejection> {
    Ok(shop)
}

fn main() {}
