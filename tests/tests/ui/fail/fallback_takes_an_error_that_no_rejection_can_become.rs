use resilience_runtime::circuit_breaker;

struct PaymentError;

#[circuit_breaker]
#[fallback = queue]
async fn charge() -> Result<(), PaymentError> {
    Err(PaymentError)
}

fn queue(_: PaymentError) -> Result<(), PaymentError> {
    Ok(())
}

fn main() {}
