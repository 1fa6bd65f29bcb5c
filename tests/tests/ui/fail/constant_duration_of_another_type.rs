use resilience_runtime::{Rejection, circuit_breaker};

const OPEN: u32 = 30;

#[circuit_breaker(open_for = OPEN)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
