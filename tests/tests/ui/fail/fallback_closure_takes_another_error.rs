use resilience_runtime::{Failure, circuit_breaker};

struct PaymentError;

#[circuit_breaker]
#[fallback = |error: Failure<String>| Ok(drop(error))]
async fn charge() -> Result<(), PaymentError> {
    Err(PaymentError)
}

fn main() {}
