use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(max_open_for = "0s")]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker(max_open_for = "366d")]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
