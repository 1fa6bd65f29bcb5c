//! Every key of `rate_limit`.

use std::time::{Duration, Instant};

use resilience_runtime::{Rate, Rejection, rate_limit};

#[rate_limit("2/h")]
async fn two() -> Result<(), Rejection> {
    Ok(())
}

#[rate_limit(rate = "50/s", burst = 1, max_wait = "1s", name = "waits")]
async fn waits() -> Result<(), Rejection> {
    Ok(())
}

const RATE: Rate = Rate::per_minute(1);
const WAIT: Duration = Duration::from_secs(1);

#[rate_limit(RATE, max_wait = WAIT)]
async fn waits_in_vain() -> Result<(), Rejection> {
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    two().await.unwrap();
    two().await.unwrap();
    assert!(matches!(two().await, Err(Rejection::RateLimited { .. })));
    let start = Instant::now();
    for _ in 0..3 {
        waits().await.unwrap();
    }
    assert!(start.elapsed() >= Duration::from_millis(40));
    waits_in_vain().await.unwrap();
    assert!(matches!(waits_in_vain().await, Err(Rejection::RateLimited { .. })));
}
