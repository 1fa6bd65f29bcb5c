use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(mode = "off")]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
