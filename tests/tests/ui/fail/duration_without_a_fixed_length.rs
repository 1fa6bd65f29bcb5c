use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(open_for = "1 month")]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker(open_for = "1y")]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
