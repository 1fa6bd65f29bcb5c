use resilience_runtime::{Rejection, bulkhead, retry};

#[bulkhead(max_queue)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[retry(attempts)]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
