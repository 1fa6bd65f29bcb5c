use resilience_runtime::{Rejection, bulkhead, rate_limit, retry};

#[retry(attempts = 2)]
#[retry(delay = "1s")]
async fn retries() -> Result<(), Rejection> {
    Ok(())
}

#[bulkhead(3)]
#[retry]
#[bulkhead(2)]
async fn bulkheads() -> Result<(), Rejection> {
    Ok(())
}

#[rate_limit("3/s")]
#[rate_limit("100/h")]
async fn limits() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
