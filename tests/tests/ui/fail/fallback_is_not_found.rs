use resilience_runtime::{Rejection, circuit_breaker, fallback};

#[circuit_breaker]
#[fallback = queu]
async fn charge() -> Result<(), Rejection> {
    Ok(())
}

fn queue() -> Result<(), Rejection> {
    Ok(())
}

struct Service;

impl Service {
    #[fallback(Self::queu)]
    async fn charge(&self) -> Result<(), Rejection> {
        queue()
    }

    fn queue(&self) -> Result<(), Rejection> {
        Ok(())
    }
}

fn main() {}
