use resilience_runtime::{Rejection, timeout};

#[timeout]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[timeout()]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
