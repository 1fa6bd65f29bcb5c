use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker("payment", failure_rate: 50, open_for = "1s" minimum_calls = 3, window =, 7)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker("payment")]
#[circuit_breaker = "email"]
async fn key_value() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
