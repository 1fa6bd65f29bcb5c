//! A function that is not there under its `#[cfg]` is not there guarded either; `cfg_attr` puts an attribute of ours there or not.

use resilience_runtime::{Rejection, circuit_breaker, registry};

#[cfg(any())]
#[circuit_breaker("absent: above")]
async fn absent() -> Result<u8, Rejection> {
    missing
}

#[circuit_breaker("absent: below")]
#[cfg(any())]
async fn absent() -> Result<u8, Rejection> {
    missing
}

#[circuit_breaker("present")]
#[cfg(all())]
async fn absent() -> Result<u8, Rejection> {
    Ok(1)
}

#[cfg_attr(all(), circuit_breaker("by cfg_attr"))]
#[cfg_attr(any(), circuit_breaker("not by cfg_attr"))]
async fn guarded_by_condition() -> Result<u8, Rejection> {
    Ok(2)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(absent().await.unwrap(), 1);
    assert_eq!(guarded_by_condition().await.unwrap(), 2);
    assert_eq!(registry().operations().count(), 2);
    assert!(registry().circuit_breaker("by cfg_attr").is_some());
}
