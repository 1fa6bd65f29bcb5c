use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(max_keys = 10)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
