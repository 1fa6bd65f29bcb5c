use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(classify = |result| result.is_ok())]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
