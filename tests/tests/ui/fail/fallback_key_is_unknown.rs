use resilience_runtime::{Rejection, fallback};

#[fallback(charge, when = |error| true)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
