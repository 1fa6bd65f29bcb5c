//! Every key of `bulkhead`.

use std::future::ready;

use resilience_runtime::{Rejection, bulkhead};
use tokio::task::yield_now;

const CALLS: u32 = 1;

#[bulkhead(1)]
async fn one(text: &mut String) -> Result<&mut String, Rejection> {
    yield_now().await;
    text.push('b');
    Ok(text)
}

#[bulkhead(max_concurrent = CALLS, max_queue = 1, max_wait = "1s", name = "queue")]
async fn queued() -> Result<(), Rejection> {
    yield_now().await;
    Ok(())
}

#[bulkhead(name = "queue")]
async fn joins_the_queue() -> Result<(), Rejection> {
    ready(Ok(())).await
}

#[bulkhead]
async fn default() -> Result<(), Rejection> {
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (mut first, mut second) = ("a".to_owned(), "a".to_owned());
    let (first, second) = tokio::join!(one(&mut first), one(&mut second));
    assert_eq!(first.unwrap(), "ab");
    assert!(matches!(second, Err(Rejection::BulkheadFull { .. })));
    let (first, second, third) = tokio::join!(queued(), joins_the_queue(), queued());
    assert!(first.is_ok() && second.is_ok() && third.is_err());
    default().await.unwrap();
}
