use resilience_runtime::{Rejection, circuit_breaker, classify};

#[circuit_breaker(classify = classify::io)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
