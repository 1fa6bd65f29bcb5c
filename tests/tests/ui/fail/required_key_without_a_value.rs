use resilience_runtime::{Rejection, rate_limit, timeout};

#[timeout(after =)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[rate_limit(rate =)]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
