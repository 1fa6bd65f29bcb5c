use resilience_runtime::{Rejection, bulkhead, circuit_breaker, rate_limit};

#[circuit_breaker(max_keys = 10)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[bulkhead(3, max_keys = 10)]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

#[rate_limit("3/s", max_keys = 10)]
async fn settle() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
