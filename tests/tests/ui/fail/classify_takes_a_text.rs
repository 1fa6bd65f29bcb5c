use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker(classify = "io")]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
