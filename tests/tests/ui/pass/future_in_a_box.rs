//! Functions that return a boxed future, by its long name and by an alias.

use std::{future::Future, pin::Pin};

use resilience_runtime::{Rejection, circuit_breaker, fallback, timeout};

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

#[circuit_breaker]
#[timeout("1s")]
fn long<'a>(text: &'a str) -> Pin<Box<dyn Future<Output = Result<usize, Rejection>> + Send + 'a>> {
    Box::pin(async move { Ok(text.len()) })
}

#[circuit_breaker]
#[fallback(|_| Ok(0))]
fn alias(text: &str) -> BoxFuture<'_, Result<usize, Rejection>> {
    Box::pin(async move { Ok(text.len()) })
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(long("ab").await.unwrap(), 2);
    assert_eq!(alias("abc").await.unwrap(), 3);
}
