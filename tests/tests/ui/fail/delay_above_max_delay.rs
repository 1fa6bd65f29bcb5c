use resilience_runtime::{Rejection, retry};

#[retry(delay = "2s", max_delay = "1s")]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
