use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(window = "9ms")]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker(window = "25h")]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
