use std::time::Duration;

use resilience_runtime::{Rejection, retry, timeout};

const LIMIT: Duration = Duration::from_secs(5);

#[timeout(LIMIT)]
#[retry(attempts = 5, delay = "1s", jitter = none)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
