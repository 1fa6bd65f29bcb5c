//! Guarded functions in the body of a guarded function, and in blocks, closures and constants.

use resilience_runtime::{Rejection, circuit_breaker, retry};

#[retry]
#[circuit_breaker("outer")]
async fn outer(mut number: u8) -> Result<u8, Rejection> {
    #[circuit_breaker("inner")]
    #[fallback = answer]
    async fn inner(number: u8) -> Result<u8, Rejection> {
        Ok(number + 1)
    }
    fn answer(_: u8) -> Result<u8, Rejection> {
        Ok(0)
    }
    let closure = async |number| {
        #[retry]
        async fn inner(number: u8) -> Result<u8, Rejection> {
            Ok(number * 2)
        }
        inner(number).await
    };
    number = inner(number).await?;
    closure(number).await
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(outer(3).await.unwrap(), 8);
}
