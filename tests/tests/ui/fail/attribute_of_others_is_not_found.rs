use resilience_runtime::{Rejection, circuit_breaker, retry, timeout};

#[retry]
#[circuit_breaker("payment", failure_rate = 50)]
#[timeout("1s")]
#[instrument]
async fn below() -> Result<(), Rejection> {
    Ok(())
}

#[instrument]
#[circuit_breaker("payment")]
async fn above() -> Result<(), Rejection> {
    Ok(())
}

struct Gateway;

#[async_trait]
impl Gateway {
    #[retry]
    #[fallback = Self::later]
    fn around(&self) -> Result<(), Rejection> {
        Ok(())
    }

    fn later(&self) -> Result<(), Rejection> {
        Ok(())
    }
}

fn main() {}
