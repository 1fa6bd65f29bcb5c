use std::time::Duration;

use resilience_runtime::{Rejection, timeout};

fn limit() -> Duration {
    Duration::from_secs(2)
}

#[timeout(limit())]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
