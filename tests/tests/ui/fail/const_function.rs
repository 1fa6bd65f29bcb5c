use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker]
const fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
