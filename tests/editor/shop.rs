//! A shop whose only method has all six attributes.

use resilience_runtime::{Rejection, bulkhead, circuit_breaker, rate_limit, retry, timeout};
use std::time::Duration;

/// What went wrong.
#[derive(Debug)]
pub enum ShopError {
    Unknown,
    Rejected(Rejection),
}

impl From<Rejection> for ShopError {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl ShopError {
    /// Whether the article is not there.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown)
    }
}

/// What is ordered.
#[derive(Clone, Debug)]
pub struct Order {
    pub id: u64,
}

/// As long as it takes.
const PATIENCE: Duration = Duration::from_secs(2);

pub struct Shop {
    sold: u64,
}

impl Shop {
    /// Sells it.
    #[retry(attempts = 3, backoff = linear, retry_rejections = [timed_out])]
    #[circuit_breaker("shop", failure_rate = 50, mode = monitor, key = order.id, ignore_if = ShopError::is_unknown, failure_if = |error| error.is_unknown())]
    #[bulkhead(max_concurrent = 10)]
    #[rate_limit("100/s", max_wait = PATIENCE)]
    #[timeout(PATIENCE)]
    #[fallback = Self::later]
    pub async fn sell(&mut self, order: Order, (first, _): (u8, u8)) -> Result<u64, ShopError> {
        self.sold += u64::from(first);
        Ok(self.sold + order.id)
    }

    async fn later(&mut self, order: Order, _: (u8, u8)) -> Result<u64, ShopError> {
        Ok(order.id)
    }

    /// Sells it.
    pub async fn bare(&mut self, order: Order, (first, _): (u8, u8)) -> Result<u64, ShopError> {
        self.sold += u64::from(first);
        Ok(self.sold + order.id)
    }
}
