use resilience_runtime::{Rejection, retry};

#[retry(3)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[retry("payment")]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

#[retry(|error| true)]
async fn settle() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
