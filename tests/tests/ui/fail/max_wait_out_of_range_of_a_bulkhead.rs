use resilience_runtime::{Rejection, bulkhead};

#[bulkhead(3, max_queue = 1, max_wait = "0s")]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[bulkhead(3, max_queue = 1, max_wait = "25h")]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
