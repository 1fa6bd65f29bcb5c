use resilience_runtime::{Rejection, circuit_breaker, retry};

#[retry(attempts = 2 +)]
#[circuit_breaker(failure_if = |error|)]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
