//! What is wrong with the body is reported where it is wrong, as without the attribute.

use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker]
async fn other_value(order: u64) -> Result<u64, Rejection> {
    if order == 0 {
        return Ok("none");
    }
    Ok(missing)
}

#[circuit_breaker]
async fn no_value(order: u64) -> Result<u64, Rejection> {
    let _ = order;
}

#[circuit_breaker]
async fn moved_twice(order: String) -> Result<(String, String), Rejection> {
    Ok((order, order))
}

fn main() {}
