use resilience_runtime::{Rejection, bulkhead};

#[bulkhead(3, max_queue = 2)]
fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
