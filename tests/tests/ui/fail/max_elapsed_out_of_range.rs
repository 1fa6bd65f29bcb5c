use resilience_runtime::{Rejection, retry};

#[retry(max_elapsed = "0s")]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[retry(max_elapsed = "366d")]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
