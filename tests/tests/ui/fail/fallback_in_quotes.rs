use resilience_runtime::{Rejection, fallback};

#[fallback("queue")]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
