//! Modules that are named like the crates that the expansion needs, beside a guarded function and at the root of the crate.
#![allow(dead_code)]

mod core {}
mod std {}
mod alloc {}
mod tokio {}
mod linkme {}
mod resilience_runtime {}
mod __resilience {}
mod private {}

mod guarded {
    mod core {}
    mod std {}
    mod linkme {}
    mod resilience_runtime {}
    mod __resilience {}

    use ::resilience_runtime::{Rejection, bulkhead, circuit_breaker, fallback, rate_limit, retry, timeout};

    #[timeout("1m", name = "modules: total")]
    #[retry]
    #[circuit_breaker]
    #[rate_limit("100/s", max_wait = "1s")]
    #[bulkhead(3, max_queue = 3)]
    #[timeout("1s")]
    #[fallback(|_| Ok(0))]
    pub(crate) async fn all(text: String) -> Result<usize, Rejection> {
        Ok(text.len())
    }

    #[retry]
    #[circuit_breaker]
    pub(crate) fn synchronous(text: String) -> Result<usize, Rejection> {
        Ok(text.len())
    }
}

#[::tokio::main(flavor = "current_thread", crate = "::tokio")]
async fn main() {
    assert_eq!(guarded::all("ab".to_owned()).await.unwrap(), 2);
    assert_eq!(guarded::synchronous("abc".to_owned()).unwrap(), 3);
}
