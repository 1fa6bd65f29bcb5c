//! Macros in scope that are named like those that the expansion needs.

use resilience_runtime::{Rejection, bulkhead, circuit_breaker, fallback, rate_limit, retry, timeout};

macro_rules! refuse {
    ($($name:ident)*) => {
        $(#[allow(unused_macros)]
        macro_rules! $name {
            () => { compile_error!("the user's macro was called") };
            ($first:tt) => { compile_error!("the user's macro was called") };
            ($first:tt $second:tt) => { compile_error!("the user's macro was called") };
        })*
    };
}

refuse! { pin line file module_path matches panic vec format concat stringify unreachable }

#[timeout("1m", name = "macros: total")]
#[retry]
#[circuit_breaker]
#[rate_limit("100/s", max_wait = "1s")]
#[bulkhead(3, max_queue = 3)]
#[timeout("1s")]
#[fallback(|_| Ok(0))]
async fn all(text: String) -> Result<usize, Rejection> {
    Ok(text.len())
}

#[retry]
#[circuit_breaker]
fn synchronous(text: String) -> Result<usize, Rejection> {
    Ok(text.len())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(all("ab".to_owned()).await.unwrap(), 2);
    assert_eq!(synchronous("abc".to_owned()).unwrap(), 3);
}
