//! A program that has two versions of the runtime: what `tests/tests/two_versions.rs` builds and runs.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// The same functions, guarded by one of the versions: alike in everything that the linker or a registry could take for the other's.
macro_rules! guarded_by {
    ($version:ident) => {
        mod $version {
            use ::$version::{
                Rejection, State, bulkhead, circuit_breaker, fallback, rate_limit, registry, retry, timeout,
            };

            #[circuit_breaker("payment", consecutive_failures = 1, crate = ::$version)]
            pub fn charge(fails: bool) -> std::io::Result<&'static str> {
                if fails { Err(std::io::Error::other("down")) } else { Ok("charged") }
            }

            #[fallback(nothing)]
            #[retry(attempts = 2)]
            #[circuit_breaker(key = key)]
            #[timeout("1s")]
            #[bulkhead(3)]
            #[rate_limit("1000/s", crate = ::$version)]
            pub async fn everything(key: u32) -> Result<u32, Rejection> {
                Ok(key)
            }

            async fn nothing(_: u32) -> Result<u32, Rejection> {
                Ok(0)
            }

            pub fn functions() -> Vec<String> {
                // Those of one line of a macro are in the linker's order.
                let mut functions: Vec<_> = registry().operations().map(|operation| operation.path()).collect();
                functions.sort_unstable();
                functions
            }

            pub fn is_closed() -> bool {
                registry().circuit_breaker("payment").unwrap().state() == State::Closed
            }
        }
    };
}

guarded_by!(one);
guarded_by!(other);

fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits"),
    }
}

fn main() {
    assert_eq!(one::charge(false).unwrap(), "charged");
    assert_eq!(other::charge(false).unwrap(), "charged");
    assert_eq!(at_once(one::everything(1)).unwrap(), 1);
    assert_eq!(at_once(other::everything(2)).unwrap(), 2);
    for (version, functions) in [("one", one::functions()), ("other", other::functions())] {
        assert_eq!(functions, ["charge", "everything"].map(|function| format!("program::{version}::{function}")));
    }
    // One name in two registries is two breakers.
    other::charge(true).unwrap_err();
    assert_eq!((one::is_closed(), other::is_closed()), (true, false));
    assert_eq!(one::charge(false).unwrap(), "charged");
    println!("two versions");
}
