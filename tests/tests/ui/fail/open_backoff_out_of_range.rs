use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(open_backoff = 0.5)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker(open_backoff = 101)]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
