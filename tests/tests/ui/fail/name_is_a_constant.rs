use resilience_runtime::{Rejection, circuit_breaker};

const PAYMENT: &str = "payment";

#[circuit_breaker(PAYMENT)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
