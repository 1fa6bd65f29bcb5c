use resilience_runtime::{Rejection, bulkhead, rate_limit, timeout};

#[bulkhead("db")]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[timeout("db")]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

#[rate_limit("db")]
async fn settle() -> Result<(), Rejection> {
    Ok(())
}

#[timeout("1s", "db")]
async fn capture() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
