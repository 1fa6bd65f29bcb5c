use std::future::Future;

use resilience_runtime::{Rejection, retry};

#[retry]
fn charge(cents: u64) -> impl Future<Output = Result<u64, Rejection>> {
    let cents = cents + 1;
    async move { Ok(cents) }
}

fn main() {}
