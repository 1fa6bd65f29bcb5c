use resilience_runtime::{Rejection, circuit_breaker};

const RATE: f64 = 500.0;
const SUCCESSES: u32 = 5;

#[circuit_breaker("payment", open_for = "1s", failure_rate = RATE)]
async fn bound() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker("email", half_open_successes = SUCCESSES)]
async fn combination() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
