use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(payment)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
