use resilience_runtime::circuit_breaker;

struct PaymentError;

#[circuit_breaker]
async fn charge() -> Result<Vec<u64>, PaymentError> {
    Err(PaymentError)
}

fn main() {}
