use resilience_runtime::{Rejection, bulkhead};

#[bulkhead(3, max_wait = "1s")]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[bulkhead(3, max_queue = 0, max_wait = "1s")]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
