//! Methods of a trait's implementation, and a generic one's.

use resilience_runtime::{Rejection, circuit_breaker};

trait Gateway {
    async fn charge(&self, cents: u64) -> Result<u64, Rejection>;
}

struct Bank<T>(T);

impl<T: Into<u64> + Copy> Gateway for Bank<T> {
    #[circuit_breaker("bank")]
    #[fallback = Self::later]
    async fn charge(&self, cents: u64) -> Result<u64, Rejection> {
        Ok(self.0.into() + cents)
    }
}

impl<T: Into<u64> + Copy> Bank<T> {
    fn later(&self, cents: u64) -> Result<u64, Rejection> {
        Ok(self.0.into() - cents)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(Bank(3_u8).charge(4).await.unwrap(), 7);
    assert_eq!(Bank(3_u32).charge(4).await.unwrap(), 7);
}
