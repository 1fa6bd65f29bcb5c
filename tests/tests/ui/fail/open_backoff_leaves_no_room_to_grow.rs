use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(open_for = "1h", open_backoff = 2)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
