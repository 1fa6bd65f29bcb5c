use resilience_runtime::{Rejection, retry};

#[retry(backoff = linear, factor = 3)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
