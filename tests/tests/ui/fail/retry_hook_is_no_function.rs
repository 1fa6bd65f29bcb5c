use resilience_runtime::{Rejection, retry};

#[retry(on_retry = 3)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[retry(retry_after = |a, b| None)]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
