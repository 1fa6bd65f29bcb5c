use resilience_runtime::{Rejection, circuit_breaker};

struct Payment;

#[circuit_breaker("payment")]
impl Payment {
    async fn charge(&self) -> Result<(), Rejection> {
        Ok(())
    }
}

fn main() {}
