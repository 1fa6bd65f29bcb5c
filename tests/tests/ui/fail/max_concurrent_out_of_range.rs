use resilience_runtime::{Rejection, bulkhead};

#[bulkhead(0)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[bulkhead(max_concurrent = 1000001)]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
