use resilience_runtime::{Rejection, bulkhead, circuit_breaker, rate_limit};

#[circuit_breaker(key = 1, max_keys = 0)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[bulkhead(key = 1, max_keys = 1000001)]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

#[rate_limit("3/s", key = 1, max_keys = 1000001)]
async fn settle() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
