use resilience_runtime::{Rejection, circuit_breaker, fallback};

#[fallback = queue]
#[circuit_breaker("payment")]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn queue() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
