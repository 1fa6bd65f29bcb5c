//! A mistake is the only error: the function stays, its callers compile, imports and the other functions are used.
#![deny(warnings)]

use resilience_runtime::{Rejection, circuit_breaker, fallback};

#[circuit_breaker("payment", failure_rate = 0)]
#[fallback(queue)]
async fn charge(cents: u64) -> Result<u64, Rejection> {
    Ok(cents)
}

fn queue(cents: u64) -> Result<u64, Rejection> {
    Ok(cents)
}

struct Gateway;

impl Gateway {
    #[circuit_breaker("payment", failure_rate = 0)]
    async fn charge(&self) -> Result<u64, Rejection> {
        charge(7).await
    }
}

fn main() {
    drop(Gateway.charge());
}
