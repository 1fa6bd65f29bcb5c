use resilience_runtime::{Rejection, fallback};

#[fallback(charge, on = [open, timed_ot])]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
