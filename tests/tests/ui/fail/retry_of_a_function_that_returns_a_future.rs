use std::future::Future;

use resilience_runtime::{Rejection, retry};

#[retry]
fn charge() -> impl Future<Output = Result<(), Rejection>> {
    async { Ok(()) }
}

fn main() {}
