use resilience_runtime::{Rejection, circuit_breaker};

struct Service;

impl Service {
    const RATE: f64 = 10.0;

    #[circuit_breaker(failure_rate = Self::RATE)]
    async fn charge(&self) -> Result<(), Rejection> {
        Ok(())
    }
}

fn main() {}
