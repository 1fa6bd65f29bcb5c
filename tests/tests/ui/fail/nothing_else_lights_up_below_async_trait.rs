//! A mistake is the only error, where the function has become one that returns a boxed future.
#![deny(warnings)]

use async_trait::async_trait;
use resilience_runtime::{Rejection, circuit_breaker, fallback};

#[async_trait]
trait Gateway {
    async fn charge(&self, cents: u64) -> Result<u64, Rejection>;
}

struct Bank;

#[async_trait]
impl Gateway for Bank {
    #[circuit_breaker(open_for = 30)]
    #[fallback(Self::later)]
    async fn charge(&self, cents: u64) -> Result<u64, Rejection> {
        self.later(cents)
    }
}

impl Bank {
    fn later(&self, cents: u64) -> Result<u64, Rejection> {
        Ok(cents)
    }
}

fn main() {
    let gateway: Box<dyn Gateway> = Box::new(Bank);
    drop(gateway.charge(7));
}
