use resilience_runtime::{Rejection, circuit_breaker};

struct Service;

impl Service {
    #[circuit_breaker]
    #[fallback = self.queue]
    async fn charge(&self) -> Result<(), Rejection> {
        Ok(())
    }
}

fn main() {}
