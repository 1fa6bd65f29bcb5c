use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker("payment", failure_rat = 50)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
