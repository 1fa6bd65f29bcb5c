//! The mistake in the attribute and those in the body are reported where they are, and nothing else: `refund` finds `charge`.

use resilience_runtime::{Rejection, circuit_breaker};

struct Order {
    cents: u64,
}

#[circuit_breaker(failure_rat = 50)]
async fn charge(order: Order) -> Result<u64, Rejection> {
    let cents = order.cent;
    Ok(cents)
}

async fn refund() -> Result<u64, Rejection> {
    charge(Order { cents: 7 }).await
}

fn main() {}
