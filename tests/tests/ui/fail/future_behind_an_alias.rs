use std::{future::Future, pin::Pin};

use resilience_runtime::{Rejection, circuit_breaker};

type Answer = Pin<Box<dyn Future<Output = Result<(), Rejection>> + Send>>;

#[circuit_breaker("payment")]
fn charge() -> Answer {
    Box::pin(async move { Ok(()) })
}

fn main() {}
