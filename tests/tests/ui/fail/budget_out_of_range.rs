use resilience_runtime::{Rejection, retry};

#[retry(budget = 0)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[retry(budget = 101)]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
