use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(open_for = "30 ticks")]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
