use resilience_runtime::{Rejection, circuit_breaker, fallback as otherwise};

#[circuit_breaker("payment")]
#[otherwise(queue)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn queue() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
