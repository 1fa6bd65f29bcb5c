use std::time::Duration;

use resilience_runtime::{Rejection, timeout};

#[timeout(Duration::ZERO)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
