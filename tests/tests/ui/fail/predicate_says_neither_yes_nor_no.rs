use resilience_runtime::{Rejection, circuit_breaker, retry};

#[circuit_breaker(ignore_if = |error| 7)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[retry(retry_if = Rejection::name)]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
