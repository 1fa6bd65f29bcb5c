use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(open_for = "thirty seconds")]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
