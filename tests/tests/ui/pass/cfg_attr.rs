//! Attributes under a condition: those that are left are one stack, in their order.
#![deny(warnings)]

use resilience_runtime::{Layer, Rejection, circuit_breaker, registry, retry, timeout};

#[cfg_attr(all(), retry(attempts = 2))]
#[circuit_breaker("conditional")]
#[cfg_attr(any(), timeout("1s"))]
#[cfg_attr(not(any()), timeout("2s"))]
async fn some() -> Result<u8, Rejection> {
    Ok(1)
}

#[cfg_attr(any(), circuit_breaker, retry)]
async fn none() -> Result<u8, Rejection> {
    Ok(2)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(some().await.unwrap(), 1);
    assert_eq!(none().await.unwrap(), 2);
    let mut operations = registry().operations();
    let operation = operations.next().unwrap();
    assert!(operations.next().is_none());
    assert!(matches!(operation.layers(), [Layer::Retry(_), Layer::CircuitBreaker(_), Layer::Timeout(_)]));
}
