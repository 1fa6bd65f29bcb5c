use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(open_for = "1s" minimum_calls = 3)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
