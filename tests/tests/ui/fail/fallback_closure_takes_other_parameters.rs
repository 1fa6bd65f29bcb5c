use resilience_runtime::{Rejection, circuit_breaker};

struct Service;

impl Service {
    #[circuit_breaker]
    #[fallback = |order| Ok(order)]
    async fn charge(&self, order: u64) -> Result<u64, Rejection> {
        Ok(order)
    }
}

fn main() {}
