use resilience_runtime::{Rejection, retry};
use std::time::Duration;

#[retry(delay = "1s", jitter = none, max_elapsed = "1s")]
async fn none() -> Result<(), Error> {
    Ok(())
}

#[retry(delay = "1s", jitter = equal, max_elapsed = "500ms")]
async fn equal() -> Result<(), Error> {
    Ok(())
}

#[retry(delay = "1s", jitter = 0.25, max_elapsed = "750ms")]
async fn share() -> Result<(), Error> {
    Ok(())
}

#[retry(max_elapsed = "100ms")]
async fn full() -> Result<(), Error> {
    Ok(())
}

const LIMIT: Duration = Duration::from_millis(50);

#[retry(max_elapsed = LIMIT)]
async fn constant() -> Result<(), Error> {
    Ok(())
}

#[derive(thiserror::Error, Debug)]
#[error(transparent)]
struct Error(#[from] Rejection);

fn main() {}
