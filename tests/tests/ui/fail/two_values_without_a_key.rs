use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker("payment", "email")]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
