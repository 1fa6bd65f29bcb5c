use resilience_runtime::{Rejection, circuit_breaker};

const CALLS: u64 = 20;
const OPEN: u32 = 30;

#[circuit_breaker("payment", minimum_calls = CALLS)]
async fn calls() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker("email", open_for = OPEN)]
async fn duration() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker("stock", window = CALLS)]
async fn window() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
