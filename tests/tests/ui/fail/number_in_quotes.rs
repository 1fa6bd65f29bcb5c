use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(failure_rate = "50")]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
