use resilience_runtime::{Rejection, retry, timeout};

#[timeout("5s")]
#[retry(attempts = 5, delay = "1s", jitter = none)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
