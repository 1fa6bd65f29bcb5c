use resilience_runtime::{Rejection, fallback};

#[fallback(charge, on = circuit_open)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
