use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker("payment", failure_if = counts)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

async fn counts(_: &Rejection) -> bool {
    true
}

fn main() {}
