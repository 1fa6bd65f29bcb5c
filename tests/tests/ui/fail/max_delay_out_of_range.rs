use resilience_runtime::{Rejection, retry};

#[retry(max_delay = "0s")]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[retry(max_delay = "25h")]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
