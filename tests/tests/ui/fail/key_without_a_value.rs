use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(window =, failure_rate = 50)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
