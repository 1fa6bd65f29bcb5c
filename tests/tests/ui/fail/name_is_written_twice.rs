use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker("payment", name = "payment")]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
