use resilience_runtime::{Rejection, timeout};

#[timeout("0s")]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[timeout(after = "366d")]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
