use std::time::Duration;

use resilience_runtime::{Rejection, retry};

const DELAY: Duration = Duration::from_secs(20);

#[retry(delay = DELAY, max_delay = "1s")]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
