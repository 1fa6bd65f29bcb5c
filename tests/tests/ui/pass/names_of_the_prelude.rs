//! The user's own `Result`, `Ok`, `Err`, `Some`, `None`, `Option`, `String`, `Box`, `Vec`, `Duration`, `Send`, `Future`, `Clone`.
#![allow(dead_code, unused_imports)]

mod own {
    pub(crate) struct Ok;
    pub(crate) struct Err;
    pub(crate) struct Some;
    pub(crate) struct None;
    pub(crate) struct Option;
    pub(crate) struct String;
    pub(crate) struct Box;
    pub(crate) struct Vec;
    pub(crate) struct Duration;
    pub(crate) struct Failure;
    pub(crate) trait Send {}
    pub(crate) trait Sized {}
    pub(crate) trait Future {}
    pub(crate) trait Clone {}
    pub(crate) trait Drop {}
    pub(crate) trait FnOnce {}
    pub(crate) trait From {}
    pub(crate) trait Into {}
    pub(crate) type Result<T> = ::core::result::Result<T, ::resilience_runtime::Rejection>;
}

mod guarded {
    use super::own::*;
    use super::own::{
        Box, Clone, Drop, Err, FnOnce, From, Future, Into, None, Ok, Option, Result, Send, Sized, Some, String, Vec,
    };
    use ::resilience_runtime::{bulkhead, circuit_breaker, fallback, rate_limit, retry, timeout};

    #[timeout("1m", name = "own prelude: total")]
    #[retry(on_retry = |_| {}, retry_after = |_| ::core::option::Option::None, budget = 50)]
    #[circuit_breaker(key = text.len(), trip_if = |counts| counts.failures > 3)]
    #[rate_limit("100/s", max_wait = "1s")]
    #[bulkhead(3, max_queue = 2, max_wait = "1s")]
    #[timeout("1s")]
    #[fallback(later, |_, _| ::core::result::Result::Ok(0), on = [timed_out], if = |_| true)]
    pub(crate) async fn all(text: &str, bytes: &mut [u8; 1]) -> Result<usize> {
        bytes[0] += 1;
        ::core::result::Result::Ok(text.len())
    }

    async fn later(_: &str, _: &mut [u8; 1]) -> Result<usize> {
        ::core::result::Result::Ok(0)
    }

    #[retry]
    #[circuit_breaker]
    #[fallback(|text| ::core::result::Result::Ok(text.len()))]
    pub(crate) fn synchronous(text: &str) -> Result<usize> {
        ::core::result::Result::Ok(text.len())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(guarded::all("ab", &mut [0]).await.unwrap(), 2);
    assert_eq!(guarded::synchronous("abc").unwrap(), 3);
}
