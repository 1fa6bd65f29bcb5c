use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(window = 20, minimum_calls = 50)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
