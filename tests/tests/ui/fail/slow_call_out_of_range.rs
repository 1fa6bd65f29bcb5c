use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(slow_call = "0s")]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker(slow_call = "2h")]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
