use resilience_runtime::{Rejection, bulkhead, fallback, rate_limit, retry, timeout};

#[retry(attemps = 3)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[bulkhead(max_conurrent = 3)]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

#[timeout("1s", aftre = "2s")]
async fn settle() -> Result<(), Rejection> {
    Ok(())
}

#[rate_limit("3/s", brust = 4)]
async fn capture() -> Result<(), Rejection> {
    Ok(())
}

#[fallback(charge, whn = 3)]
async fn cancel() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
