use resilience_runtime::circuit_breaker;

#[derive(Debug)]
struct PaymentError;

#[circuit_breaker]
async fn own_error() -> Result<Vec<u64>, PaymentError> {
    Err(PaymentError)
}

struct Service;

impl Service {
    #[circuit_breaker("payment")]
    async fn method(&self) -> std::io::Result<()> {
        Ok(())
    }
}

fn main() {}
