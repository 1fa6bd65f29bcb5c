use resilience_runtime::{Rejection, retry};

#[retry(factor = 0.5)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[retry(factor = 101)]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
