use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker("payment")]
#[circuit_breaker("email")]
async fn breakers() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker("payment")]
#[fallback = first]
#[fallback = second]
async fn fallbacks() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
