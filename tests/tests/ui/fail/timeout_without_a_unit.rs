use resilience_runtime::{Rejection, timeout};

#[timeout(2)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
