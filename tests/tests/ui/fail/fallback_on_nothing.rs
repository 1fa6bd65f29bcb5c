use resilience_runtime::{Rejection, fallback};

#[fallback(charge, on = [])]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
