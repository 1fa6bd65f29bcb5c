use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(mode)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker("payment", window)]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
