use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(failure_rate = 50, open_for = "1s", failure_rate = 60)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
