use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker("payment", failure-rate = 50, half-open-calls = 2)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
