//! Arguments that are there only under a condition, with and without a fallback that has them too.

use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker]
async fn plain(a: u64, #[cfg(all())] b: u64, #[cfg(any())] c: u64) -> Result<u64, Rejection> {
    Ok(a + b)
}

#[circuit_breaker]
#[fallback = otherwise]
async fn with_fallback(
    #[cfg(all())] a: String,
    #[cfg(any())] b: String,
    #[cfg(all())]
    #[cfg(not(any()))]
    c: &mut u64,
) -> Result<u64, Rejection> {
    *c += 1;
    Ok(*c + a.len() as u64)
}

fn otherwise(#[cfg(all())] a: String, #[cfg(any())] b: String, c: &mut u64) -> Result<u64, Rejection> {
    Ok(*c + a.len() as u64)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(plain(1, 2).await.unwrap(), 3);
    assert_eq!(with_fallback("ab".to_owned(), &mut 1).await.unwrap(), 4);
}
