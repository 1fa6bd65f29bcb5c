use resilience_runtime::{Rejection, retry};

#[retry(jitter = 1.5)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[retry(jitter = -0.1)]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
