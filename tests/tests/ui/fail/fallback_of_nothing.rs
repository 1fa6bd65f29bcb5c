use resilience_runtime::{Rejection, fallback};

#[fallback()]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
