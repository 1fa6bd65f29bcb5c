use resilience_runtime::{Rejection, fallback};

#[fallback(charge, if = true)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
