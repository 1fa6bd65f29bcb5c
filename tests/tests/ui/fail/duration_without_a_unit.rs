use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(open_for = 30)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker(open_for = "30")]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
