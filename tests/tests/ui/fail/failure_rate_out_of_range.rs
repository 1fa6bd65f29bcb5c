use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(failure_rate = 0)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker(failure_rate = 100.5)]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker(failure_rate = -1)]
async fn settle() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
