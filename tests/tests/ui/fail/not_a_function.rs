use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker("payment")]
struct Payment {
    #[allow(dead_code)]
    cents: u64,
}

#[circuit_breaker("payment")]
impl Payment {
    async fn charge(&self) -> Result<(), Rejection> {
        Ok(())
    }
}

trait Gateway {
    #[circuit_breaker("payment")]
    async fn charge(&self) -> Result<(), Rejection>;
}

fn main() {}
