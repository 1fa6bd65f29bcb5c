use resilience_runtime::{Rejection, circuit_breaker, retry, timeout};

#[timeout("2s")]
#[circuit_breaker("payment")]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

#[timeout("2s")]
#[retry]
#[circuit_breaker("payment")]
async fn charge_again() -> Result<(), Rejection> {
    Ok(())
}

#[retry]
#[timeout("2s")]
#[circuit_breaker("payment")]
async fn below_a_retry() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
