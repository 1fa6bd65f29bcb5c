//! The annotated function of the README, through the life of a circuit: closed, open, half-open, closed.
//!
//! There is no network in it. The gateway is a flag that says whether it is up.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use resilience_runtime::{Rejection, circuit_breaker, registry};

struct Order {
    number: u32,
}

#[derive(Debug)]
enum Receipt {
    Paid,
    Queued,
}

#[derive(Debug, thiserror::Error)]
enum PaymentError {
    #[error("the gateway is down")]
    GatewayDown,
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

/// How the shop takes payments.
struct Payments {
    gateway_is_up: AtomicBool,
    gateway_calls: AtomicU32,
}

impl Payments {
    #[circuit_breaker("payment", consecutive_failures = 3, open_for = "500ms", half_open_calls = 2)]
    #[fallback = queue_payment]
    async fn charge(&self, order: &Order) -> Result<Receipt, PaymentError> {
        assert!(order.number > 0, "orders are numbered from 1");
        self.gateway_calls.fetch_add(1, Ordering::Relaxed);
        if self.gateway_is_up.load(Ordering::Relaxed) { Ok(Receipt::Paid) } else { Err(PaymentError::GatewayDown) }
    }
}

async fn queue_payment(_: &Payments, order: &Order, error: PaymentError) -> Result<Receipt, PaymentError> {
    println!("    order {} is charged later: {error}", order.number);
    Ok(Receipt::Queued)
}

#[tokio::main]
async fn main() -> Result<(), PaymentError> {
    let payments = Payments { gateway_is_up: AtomicBool::new(true), gateway_calls: AtomicU32::new(0) };
    for number in 1..=20 {
        match number {
            4 => {
                println!("the gateway goes down");
                payments.gateway_is_up.store(false, Ordering::Relaxed);
            }
            12 => {
                println!("the gateway is up again");
                payments.gateway_is_up.store(true, Ordering::Relaxed);
            }
            _ => {}
        }
        let receipt = payments.charge(&Order { number }).await?;
        let breaker = registry().circuit_breaker("payment").expect("it has been called");
        println!("order {number}: {receipt:?}, circuit {}", breaker.state());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("20 orders, {} calls of the gateway", payments.gateway_calls.load(Ordering::Relaxed));
    Ok(())
}
