//! While the arguments are being typed, the function is there for those who call it.

use resilience_runtime::{Rejection, circuit_breaker, timeout};

#[circuit_breaker("payment", fail)]
async fn charge() -> Result<u64, Rejection> {
    Ok(7)
}

#[timeout(af)]
async fn refund() -> Result<u64, Rejection> {
    charge().await
}

fn main() {}
