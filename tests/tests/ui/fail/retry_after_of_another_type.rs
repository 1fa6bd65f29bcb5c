use resilience_runtime::{Rejection, retry};

#[retry(retry_after = |error: &Rejection| error.name().len())]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn wait(error: &Rejection) -> u64 {
    error.name().len() as u64
}

#[retry(retry_after = wait)]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
