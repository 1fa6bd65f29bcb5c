//! Where the body is not `Send`, every policy around it works on one thread.

use std::rc::Rc;

use resilience_runtime::{Rejection, bulkhead, circuit_breaker, rate_limit, retry, timeout};
use tokio::task::LocalSet;

#[timeout("1m")]
#[retry(attempts = 3, delay = "1s")]
#[circuit_breaker(key = value)]
#[rate_limit("100/s", max_wait = "1s")]
#[bulkhead(3, max_queue = 3)]
#[timeout("1s")]
#[fallback = kept]
async fn local(value: Rc<u8>) -> Result<Rc<u8>, Rejection> {
    let again = Rc::clone(&value);
    tokio::task::yield_now().await;
    if *again == 0 { std::future::pending().await } else { Ok(value) }
}

async fn kept(value: Rc<u8>, error: Rejection) -> Result<Rc<u8>, Rejection> {
    tokio::task::yield_now().await;
    if Rc::strong_count(&value) == 1 { Err(error) } else { Ok(value) }
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() {
    let set = LocalSet::new();
    set.run_until(async {
        assert_eq!(*tokio::task::spawn_local(local(Rc::new(3))).await.unwrap().unwrap(), 3);
        tokio::task::spawn_local(local(Rc::new(0))).await.unwrap().unwrap_err();
    })
    .await;
}
