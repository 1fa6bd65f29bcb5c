use resilience_runtime::{Rejection, circuit_breaker};

struct Service;

impl Service {
    #[circuit_breaker]
    #[fallback = "queue"]
    async fn text(&self) -> Result<(), Rejection> {
        Ok(())
    }

    #[circuit_breaker]
    #[fallback = self.queue]
    async fn field(&self) -> Result<(), Rejection> {
        Ok(())
    }

    #[circuit_breaker]
    #[fallback = queue()]
    async fn call(&self) -> Result<(), Rejection> {
        Ok(())
    }

    #[circuit_breaker]
    #[fallback()]
    async fn nothing(&self) -> Result<(), Rejection> {
        Ok(())
    }
}

fn main() {}
