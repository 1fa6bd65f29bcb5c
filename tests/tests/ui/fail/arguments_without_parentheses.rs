use resilience_runtime::{Rejection, retry};

#[retry]
#[circuit_breaker = "payment"]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
