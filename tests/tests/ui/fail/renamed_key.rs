use resilience_runtime::{Rejection, bulkhead};

#[bulkhead(3, max_queue = 1, queue_timeout = "1s")]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
