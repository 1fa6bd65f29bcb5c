//! A trait's own method with a body, in a trait that is implemented for every type.

use resilience_runtime::{Rejection, circuit_breaker, retry};

trait Gateway: Sized + Clone {
    async fn charge(&self) -> Result<u64, Rejection>;

    #[retry]
    #[circuit_breaker]
    async fn twice(self, add: u64) -> Result<u64, Rejection> {
        Ok(self.charge().await? + self.charge().await? + add)
    }

    #[circuit_breaker]
    fn name(&self) -> Result<&'static str, Rejection> {
        Ok("gateway")
    }
}

impl<T: Into<u64> + Clone> Gateway for T {
    async fn charge(&self) -> Result<u64, Rejection> {
        Ok(self.clone().into())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(3_u8.twice(1).await.unwrap(), 7);
    assert_eq!(Gateway::name(&3_u32).unwrap(), "gateway");
}
