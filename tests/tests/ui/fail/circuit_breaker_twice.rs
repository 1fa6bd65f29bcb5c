use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker]
#[circuit_breaker]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
