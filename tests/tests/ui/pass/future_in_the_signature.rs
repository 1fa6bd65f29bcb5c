//! Functions that return `impl Future`.

use std::future::Future;

use resilience_runtime::{Rejection, bulkhead, circuit_breaker, fallback};

#[circuit_breaker]
fn plain(cents: u64) -> impl Future<Output = Result<u64, Rejection>> {
    async move { Ok(cents) }
}

#[bulkhead(3)]
#[fallback(queue)]
fn after_statements(name: &str) -> impl Future<Output = Result<usize, Rejection>> + Send {
    let length = name.len();
    async move { Ok(length) }
}

fn queue(name: &str) -> Result<usize, Rejection> {
    Ok(name.len())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(plain(7).await.unwrap(), 7);
    assert_eq!(after_statements("abc").await.unwrap(), 3);
}
