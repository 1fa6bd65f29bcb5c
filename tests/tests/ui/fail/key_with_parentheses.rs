use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(window(calls = 10))]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker("payment", mode = enforce, window(10))]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
