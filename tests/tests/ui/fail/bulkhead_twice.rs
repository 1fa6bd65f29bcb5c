use resilience_runtime::{Rejection, bulkhead};

#[bulkhead(3)]
#[bulkhead(3)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
