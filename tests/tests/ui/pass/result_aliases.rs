//! The result is a `Result` under any name, with any error that a rejection can become.

use std::error::Error;

use resilience_runtime::{Rejection, circuit_breaker};

type Answer<T, E = Box<dyn Error + Send + Sync>> = Result<T, E>;

mod io {
    pub(crate) type Outcome = std::io::Result<u8>;
}

#[circuit_breaker]
async fn alias() -> Answer<u8> {
    Err("no")?
}

#[circuit_breaker(map_rejection = std::io::Error::other)]
async fn mapped_by_a_path() -> io::Outcome {
    Ok(2)
}

#[circuit_breaker(map_rejection = |rejection| rejection.to_string())]
async fn mapped_by_a_closure() -> Answer<u8, String> {
    Ok(3)
}

#[circuit_breaker]
async fn the_rejection_itself() -> Result<u8, Rejection> {
    Ok(4)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(alias().await.unwrap_err().to_string(), "no");
    assert_eq!(mapped_by_a_path().await.unwrap(), 2);
    assert_eq!(mapped_by_a_closure().await.unwrap(), 3);
    assert_eq!(the_rejection_itself().await.unwrap(), 4);
}
