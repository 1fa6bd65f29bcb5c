use resilience_runtime::{Rejection, timeout};

#[timeout("1s", after = "2s")]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
