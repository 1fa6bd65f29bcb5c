use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker("payment", colour = "red")]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
