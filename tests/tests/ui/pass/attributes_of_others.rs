//! Attributes of other crates keep their place: those below are around the guarded function, as the compiler has it, and what those
//! above have made of the body is guarded.

use resilience_runtime::{Rejection, circuit_breaker, retry, timeout};
use tracing::instrument;

#[instrument(skip_all)]
#[circuit_breaker]
#[timeout("1s")]
async fn above(cents: u64) -> Result<u64, Rejection> {
    Ok(cents)
}

#[circuit_breaker]
#[instrument(skip(cents), fields(shop = 7))]
#[timeout("1s")]
async fn between(cents: u64) -> Result<u64, Rejection> {
    Ok(cents)
}

struct Service(u64);

impl Service {
    #[retry]
    #[circuit_breaker]
    #[instrument(skip_all, err)]
    #[fallback = Self::later]
    async fn below(&mut self, cents: u64) -> Result<u64, Rejection> {
        self.0 += cents;
        Ok(self.0)
    }

    fn later(&mut self, cents: u64) -> Result<u64, Rejection> {
        Ok(cents)
    }
}

#[instrument]
#[circuit_breaker]
fn synchronous(cents: u64) -> Result<u64, Rejection> {
    Ok(cents)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(above(1).await.unwrap(), 1);
    assert_eq!(between(2).await.unwrap(), 2);
    assert_eq!(Service(1).below(2).await.unwrap(), 3);
    assert_eq!(synchronous(4).unwrap(), 4);
}
