use resilience_runtime::{Rejection, retry};

#[retry(attempts = 0, delay = "25h", factor = 0.5, max_delay = "0s", jitter = 1.5, max_elapsed = "0s", budget = 101)]
async fn values() -> Result<(), Rejection> {
    Ok(())
}

#[retry(delay = "11s")]
async fn above_the_default_cap() -> Result<(), Rejection> {
    Ok(())
}

#[retry(delay = "2s", max_delay = "1s")]
async fn above_the_cap() -> Result<(), Rejection> {
    Ok(())
}

#[retry(backoff = linear, factor = 3)]
async fn factor_of_another_backoff() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
