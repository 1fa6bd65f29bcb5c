use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(crate = crate::guards)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
