use resilience_runtime::{Rejection, retry};

#[retry(jitter = ful)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[retry(jitter = true)]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
