use resilience_runtime::{Rejection, circuit_breaker};

struct Warehouse;

#[circuit_breaker(key = warehouse)]
async fn reserve(warehouse: Warehouse) -> Result<Warehouse, Rejection> {
    Ok(warehouse)
}

fn main() {}
