//! A library with guarded functions: a generic one and a trait's method are among them. Its binaries' tests are in `tests`.

use resilience_runtime::{Rejection, circuit_breaker, fallback, retry, timeout};
use std::fmt::Display;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// The catalogue does not know it.
    #[error("there is no such item")]
    NoSuchItem,
    /// A policy answered.
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

/// What an item costs, in cents.
#[retry(attempts = 2, delay = "10ms")]
#[circuit_breaker("catalogue", failure_rate = 30, open_for = "5s")]
#[timeout("1s")]
#[fallback(price_of_yesterday)]
pub async fn price(item: u32) -> Result<u32, CatalogueError> {
    if item == 0 { Err(CatalogueError::NoSuchItem) } else { Ok(item * 100) }
}

async fn price_of_yesterday(item: u32) -> Result<u32, CatalogueError> {
    if item == 0 { Err(CatalogueError::NoSuchItem) } else { Ok(99) }
}

/// Writes about anything that can be displayed.
#[circuit_breaker("catalogue")]
pub async fn describe<T: Display>(item: T) -> Result<String, CatalogueError> {
    Ok(format!("this is {item}"))
}

/// Something that has pictures.
pub trait Pictures {
    /// How many there are.
    fn pictures(&self) -> impl Future<Output = Result<usize, CatalogueError>> + Send;
}

impl Pictures for u32 {
    #[circuit_breaker(consecutive_failures = 3)]
    async fn pictures(&self) -> Result<usize, CatalogueError> {
        Ok(3)
    }
}
