use resilience_runtime::circuit_breaker;

enum PaymentError {
    Down,
}

#[circuit_breaker("payment", map_rejection = PaymentError::Down)]
async fn charge() -> Result<(), PaymentError> {
    Ok(())
}

fn main() {}
