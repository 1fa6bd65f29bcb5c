use resilience_runtime::{Rejection, retry};

#[retry(delay = "11s")]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
