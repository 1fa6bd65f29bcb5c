use resilience_runtime::{Rejection, bulkhead};

struct Currency;

#[bulkhead(3, key = (shop, currency))]
async fn charge(shop: u8, currency: &Currency) -> Result<u8, Rejection> {
    Ok(shop)
}

fn main() {}
