use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker("")]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker(name = "")]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
