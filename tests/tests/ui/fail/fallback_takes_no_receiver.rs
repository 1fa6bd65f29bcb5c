use resilience_runtime::{Rejection, circuit_breaker};

struct Service;

impl Service {
    #[circuit_breaker]
    #[fallback = Self::queue]
    async fn charge(&self) -> Result<usize, Rejection> {
        Ok(1)
    }

    fn queue() -> Result<usize, Rejection> {
        Ok(0)
    }
}

fn main() {}
