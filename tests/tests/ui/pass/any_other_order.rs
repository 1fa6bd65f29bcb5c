//! Every order in which each policy can do its job.

use resilience_runtime::{Rejection, bulkhead, circuit_breaker, fallback, rate_limit, retry, timeout};

#[bulkhead(3)]
#[rate_limit("100/s")]
#[circuit_breaker]
#[timeout("1s")]
#[retry]
async fn retry_inside() -> Result<u64, Rejection> {
    Ok(1)
}

#[rate_limit("100/s")]
#[retry]
#[fallback(answer)]
#[bulkhead(3)]
#[circuit_breaker]
async fn fallback_between() -> Result<u64, Rejection> {
    Ok(2)
}

#[circuit_breaker]
#[retry]
#[timeout("1s")]
#[rate_limit("100/s")]
#[bulkhead(3)]
async fn breaker_outside() -> Result<u64, Rejection> {
    Ok(3)
}

fn answer() -> Result<u64, Rejection> {
    Ok(0)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(retry_inside().await.unwrap(), 1);
    assert_eq!(fallback_between().await.unwrap(), 2);
    assert_eq!(breaker_outside().await.unwrap(), 3);
}
