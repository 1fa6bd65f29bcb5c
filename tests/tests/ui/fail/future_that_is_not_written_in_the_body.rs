use std::{future::Future, pin::Pin};

use resilience_runtime::{Rejection, circuit_breaker};

#[circuit_breaker]
fn charge() -> impl Future<Output = Result<(), Rejection>> {
    pay()
}

#[circuit_breaker]
fn refund() -> Pin<Box<dyn Future<Output = Result<(), Rejection>>>> {
    Box::pin(pay())
}

async fn pay() -> Result<(), Rejection> {
    Ok(())
}

fn main() {}
