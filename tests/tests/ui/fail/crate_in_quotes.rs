use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(crate = "resilience_runtime")]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
