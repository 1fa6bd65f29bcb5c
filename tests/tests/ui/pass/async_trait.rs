//! Methods below `#[async_trait]`, on the trait's default and on the implementation.

use async_trait::async_trait;
use resilience_runtime::{Rejection, circuit_breaker, retry, timeout};

#[async_trait]
trait Gateway: Sync {
    async fn charge(&mut self, note: String) -> Result<usize, Rejection>;

    #[circuit_breaker]
    async fn twice(&self, cents: u64) -> Result<u64, Rejection> {
        Ok(2 * cents)
    }
}

struct Bank(usize);

#[async_trait]
impl Gateway for Bank {
    #[retry]
    #[circuit_breaker]
    #[timeout("1s")]
    #[fallback = Self::later]
    async fn charge(&mut self, note: String) -> Result<usize, Rejection> {
        self.0 += note.len();
        Ok(self.0)
    }
}

impl Bank {
    fn later(&mut self, note: String) -> Result<usize, Rejection> {
        Ok(note.len())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut gateway: Box<dyn Gateway> = Box::new(Bank(1));
    assert_eq!(gateway.charge("ab".to_owned()).await.unwrap(), 3);
    assert_eq!(gateway.twice(7).await.unwrap(), 14);
}
