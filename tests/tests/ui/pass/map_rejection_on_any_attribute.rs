//! `map_rejection` for an error type of another crate, on one attribute of the stack, whichever it is.

use std::io;

use resilience_runtime::{Rejection, bulkhead, circuit_breaker, rate_limit, retry, timeout};

fn to_io(rejection: Rejection) -> io::Error {
    io::Error::other(rejection)
}

#[retry(map_rejection = to_io)]
#[circuit_breaker]
async fn on_the_topmost() -> io::Result<u8> {
    Ok(1)
}

#[retry]
#[rate_limit("10/s")]
#[bulkhead(3, map_rejection = io::Error::other)]
#[timeout("1s")]
async fn on_one_below() -> io::Result<u8> {
    Ok(2)
}

#[timeout("1s", map_rejection = |rejection| rejection.to_string())]
async fn by_a_closure() -> Result<u8, String> {
    Ok(3)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(on_the_topmost().await.unwrap(), 1);
    assert_eq!(on_one_below().await.unwrap(), 2);
    assert_eq!(by_a_closure().await.unwrap(), 3);
}
