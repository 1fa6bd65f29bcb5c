use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(open_jitter = -0.1)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker(open_jitter = 2)]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
