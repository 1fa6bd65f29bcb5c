use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(failure_rate = 50%, window = "10s")]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
