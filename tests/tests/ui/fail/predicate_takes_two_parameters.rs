use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(ignore_if = |a, b| true)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
