//! Six policies around one method, and the future is `Send`.

use std::{future::pending, sync::Arc};

use resilience_runtime::{Rejection, bulkhead, circuit_breaker, rate_limit, registry, retry, timeout};

#[derive(Debug, thiserror::Error)]
enum PaymentError {
    #[error("the card was declined")]
    Declined,
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

struct Shop {
    name: String,
    calls: u32,
}

#[derive(Clone)]
struct Order {
    cents: u64,
}

impl Shop {
    #[retry(name = "charge", attempts = 3, delay = "1ms", retry_if = |error| !matches!(error, PaymentError::Declined))]
    #[circuit_breaker("payment", failure_rate = 50, key = self.name)]
    #[rate_limit("1000/s")]
    #[bulkhead(max_concurrent = 10)]
    #[timeout("5ms")]
    #[fallback = Self::queue]
    async fn charge(&mut self, order: Order, to: Arc<str>, mut log: &mut Vec<u64>) -> Result<u64, PaymentError> {
        self.calls += 1;
        log.push(order.cents);
        log = &mut *log;
        match order.cents {
            0 => pending().await,
            1 => Err(PaymentError::Declined),
            cents => Ok(cents + log.len() as u64 + to.len() as u64),
        }
    }

    async fn queue(
        &mut self,
        order: Order,
        _: Arc<str>,
        log: &mut Vec<u64>,
        error: PaymentError,
    ) -> Result<u64, PaymentError> {
        match error {
            PaymentError::Declined => Err(error),
            PaymentError::Rejected(_) => Ok(order.cents + log.len() as u64),
        }
    }
}

fn assert_send<T: Send>(value: T) -> T {
    value
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut shop = Shop { name: "north".to_owned(), calls: 0 };
    let mut log = Vec::new();
    assert_eq!(assert_send(shop.charge(Order { cents: 5 }, "bank".into(), &mut log)).await.unwrap(), 5 + 1 + 4);
    assert!(matches!(shop.charge(Order { cents: 1 }, "".into(), &mut log).await, Err(PaymentError::Declined)));
    assert_eq!(shop.calls, 2, "what was declined is not tried again");
    assert_eq!(shop.charge(Order { cents: 0 }, "".into(), &mut log).await.unwrap(), 2 + 3);
    assert_eq!(shop.calls, 5);
    assert_eq!(registry().retry("charge").unwrap().snapshot().gave_up.attempts, 1);
}
