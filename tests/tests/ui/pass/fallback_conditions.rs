//! A fallback that answers for some failures only.

use std::future::pending;

use resilience_runtime::{Rejection, circuit_breaker, fallback, rate_limit, timeout};

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("{0}")]
    Failed(u8),
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

impl Error {
    fn is_odd(&self) -> bool {
        matches!(self, Self::Failed(number) if number % 2 == 1)
    }
}

#[timeout("1ms")]
#[fallback(answer, on = [timed_out, circuit_open])]
async fn on(number: u8) -> Result<u8, Error> {
    if number == 0 { pending().await } else { Err(Error::Failed(number)) }
}

#[fallback(answer, if = |error: &Error| error.is_odd())]
#[timeout("1ms")]
async fn by_error(number: u8) -> Result<u8, Error> {
    if number == 0 { pending().await } else { Err(Error::Failed(number)) }
}

#[rate_limit("3/h")]
#[fallback(answer, on = [timed_out], if = Error::is_odd)]
#[circuit_breaker]
async fn both(number: u8) -> Result<u8, Error> {
    Err(Error::Failed(number))
}

#[fallback(answer, on = [], if = |error| error.is_odd(), map_rejection = Error::Rejected)]
async fn own_errors(number: u8) -> Result<u8, Error> {
    Err(Error::Failed(number))
}

fn answer(number: u8) -> Result<u8, Error> {
    Ok(number + 100)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(on(0).await.unwrap(), 100);
    assert!(matches!(on(1).await, Err(Error::Failed(1))));
    assert_eq!(by_error(0).await.unwrap(), 100);
    assert_eq!(by_error(1).await.unwrap(), 101);
    assert!(matches!(by_error(2).await, Err(Error::Failed(2))));
    assert_eq!(both(1).await.unwrap(), 101);
    assert!(matches!(both(2).await, Err(Error::Failed(2))));
    assert_eq!(both(3).await.unwrap(), 103);
    assert!(matches!(both(3).await, Err(Error::Rejected(Rejection::RateLimited { .. }))));
    assert_eq!(own_errors(1).await.unwrap(), 101);
    assert!(own_errors(2).await.is_err());
}
