use resilience_runtime::{Rejection, bulkhead};

#[bulkhead(3, queue_timeout = "1s")]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[bulkhead(3, max_queue = 0, queue_timeout = "1s")]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
