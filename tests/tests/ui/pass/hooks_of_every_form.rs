//! Predicates and hooks: paths, closures with and without types, generic functions, methods.

use std::time::Duration;

use resilience_runtime::{Rejection, RetryEvent, circuit_breaker, fallback, retry};

#[derive(Debug)]
enum Error {
    Busy(Duration),
    Rejected(Rejection),
}

impl From<Rejection> for Error {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl Error {
    fn is_busy(&self) -> bool {
        matches!(self, Self::Busy(_))
    }

    fn wait(&self) -> Option<Duration> {
        match self {
            Self::Busy(wait) => Some(*wait),
            Self::Rejected(_) => None,
        }
    }
}

fn any<T>(_: &T) -> bool {
    true
}

fn tell(event: &RetryEvent) {
    assert!(event.attempt > 0);
}

#[retry(retry_if = Error::is_busy, retry_after = Error::wait, on_retry = tell)]
#[circuit_breaker(failure_if = any, ignore_if = |error| error.is_busy())]
async fn paths() -> Result<u8, Error> {
    Ok(1)
}

#[retry(retry_if = |error: &Error| !error.is_busy(), retry_after = |error| error.wait(), on_retry = |event| tell(event))]
#[circuit_breaker(failure_if = |_| false, map_rejection = Error::Rejected)]
#[fallback(|| Ok(9), if = |error| error.is_busy())]
async fn closures() -> Result<u8, Error> {
    Err(Error::Busy(Duration::ZERO))
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(paths().await.unwrap(), 1);
    assert_eq!(closures().await.unwrap(), 9);
}
