use resilience_runtime::{Rejection, bulkhead};

#[bulkhead(0)]
async fn nobody() -> Result<(), Rejection> {
    Ok(())
}

#[bulkhead("payment")]
async fn name() -> Result<(), Rejection> {
    Ok(())
}

#[bulkhead(max_concurrent = 2000000, max_queue = -1, queue_timeout = 5)]
async fn values() -> Result<(), Rejection> {
    Ok(())
}

#[bulkhead(3, queue_timeout = "1s")]
async fn timeout_of_no_queue() -> Result<(), Rejection> {
    Ok(())
}

#[bulkhead(3, max_concurent = 4)]
async fn unknown() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
