use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(slow_call = "1s", slow_call_rate = 0)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker(slow_call = "1s", slow_call_rate = 101)]
async fn refund() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
