use resilience_runtime::{Rejection, retry};

#[retry(backoff = expontential)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[retry(backoff = 2)]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
