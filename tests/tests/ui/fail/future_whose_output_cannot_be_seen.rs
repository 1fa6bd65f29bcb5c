use std::future::Future;

use resilience_runtime::{Rejection, circuit_breaker};

trait Paying: Future<Output = Result<(), Rejection>> {}
impl<F: Future<Output = Result<(), Rejection>>> Paying for F {}

#[circuit_breaker]
fn charge() -> impl Paying + Future {
    async { Ok(()) }
}

fn main() {}
