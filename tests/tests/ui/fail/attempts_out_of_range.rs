use resilience_runtime::{Rejection, retry};

#[retry(attempts = 0)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[retry(attempts = 101)]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
