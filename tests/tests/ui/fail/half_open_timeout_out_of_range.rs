use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(half_open_timeout = "0s")]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker(half_open_timeout = "2d")]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
