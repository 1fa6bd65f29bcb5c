//! A mistake is the only error: the trait is implemented, and its methods are called.
#![deny(warnings)]

use resilience_runtime::{Rejection, bulkhead, circuit_breaker, retry, timeout};

trait Gateway {
    async fn charge(&mut self, cents: u64) -> Result<u64, Rejection>;

    #[retry(attempts = 0)]
    #[bulkhead(3)]
    async fn twice(&mut self, cents: u64) -> Result<u64, Rejection> {
        Ok(self.charge(cents).await? + self.charge(cents).await?)
    }
}

struct Bank(u64);

impl Gateway for Bank {
    #[circuit_breaker(failure_rat = 50)]
    #[timeout("1s")]
    async fn charge(&mut self, cents: u64) -> Result<u64, Rejection> {
        self.0 += cents;
        Ok(self.0)
    }
}

async fn all() -> Result<u64, Rejection> {
    Bank(0).twice(7).await
}

fn main() {
    drop(all());
}
