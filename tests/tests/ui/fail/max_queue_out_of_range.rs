use resilience_runtime::{Rejection, bulkhead};

#[bulkhead(3, max_queue = 1000001)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[bulkhead(3, max_queue = -1)]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
