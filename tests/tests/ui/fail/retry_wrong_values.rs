use resilience_runtime::{Rejection, retry};

#[retry(
    attempts = "3",
    delay = 100,
    backoff = expontential,
    factor = "2",
    jitter = ful,
    retry_if = true,
    retry_rejections = [timed_out, timedout, timed_out],
    retry_after = |a, b| None,
    budget = 0,
    on_retry = 3,
)]
async fn values() -> Result<(), Rejection> {
    Ok(())
}

#[retry(3)]
async fn without_a_key() -> Result<(), Rejection> {
    Ok(())
}

#[retry(retry_rejections = timed_out)]
async fn no_list() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
