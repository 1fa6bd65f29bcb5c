use resilience_runtime::{Rejection, retry};

#[retry(attempts = "3")]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
