use resilience_runtime::{Failure, circuit_breaker};

#[derive(Debug)]
struct PaymentError;

#[circuit_breaker]
#[fallback = takes_text]
async fn first() -> Result<(), PaymentError> {
    Err(PaymentError)
}

fn takes_text(_: String) -> Result<(), PaymentError> {
    Ok(())
}

#[circuit_breaker]
#[fallback = |error: Failure<String>| Ok(drop(error))]
async fn second() -> Result<(), PaymentError> {
    Err(PaymentError)
}

#[circuit_breaker]
#[fallback = takes_an_error_that_no_rejection_can_become]
async fn third() -> Result<(), PaymentError> {
    Err(PaymentError)
}

fn takes_an_error_that_no_rejection_can_become(_: PaymentError) -> Result<(), PaymentError> {
    Ok(())
}

fn main() {}
