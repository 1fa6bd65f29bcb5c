use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(preset = databse)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker(preset = Preset::Database)]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
