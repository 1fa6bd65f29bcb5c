use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker("payment", failure_rat = 50)]
async fn close_to_one() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker("payment", colour = "red")]
async fn close_to_none() -> Result<(), Rejection> {
    Ok(())
}

#[circuit_breaker]
#[fallback(otherwise, wen = 3)]
async fn of_a_fallback() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
