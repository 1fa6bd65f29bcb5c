use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker("payment", timeout = "2s", fallback = queue)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn queue() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
