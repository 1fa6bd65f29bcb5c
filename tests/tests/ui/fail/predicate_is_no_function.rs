use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(failure_if = true)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
