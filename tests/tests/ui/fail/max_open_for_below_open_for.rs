use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(open_for = "1m", max_open_for = "30s")]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker(max_open_for = "10s")]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
