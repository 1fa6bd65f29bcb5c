//! The expansion brings no warning into a strict crate, and no unsafe code.
#![deny(warnings, missing_docs, unreachable_pub, unused_qualifications, rust_2018_idioms, elided_lifetimes_in_paths)]
#![deny(
    non_ascii_idents,
    unused_lifetimes,
    single_use_lifetimes,
    trivial_casts,
    variant_size_differences,
    let_underscore_drop
)]
#![forbid(unsafe_code)]

use resilience_runtime::{Rejection, bulkhead, circuit_breaker, fallback, rate_limit, retry, timeout};

struct Service(u64);

impl Service {
    #[circuit_breaker("silent", failure_rate = RATE, trip_if = |counts| counts.failures > 9)]
    #[fallback(Self::cached)]
    async fn read(&mut self, name: String, mut buffer: &mut [u8]) -> Result<usize, Rejection> {
        self.0 += name.len() as u64;
        buffer[0] = 1;
        buffer = &mut buffer[1..];
        Ok(buffer.len())
    }

    fn cached(&mut self, _: String, buffer: &mut [u8]) -> Result<usize, Rejection> {
        Ok(buffer.len())
    }
}

impl Service {
    #[timeout("1m", name = "silent: total")]
    #[retry(on_retry = |event| assert!(event.attempt > 0))]
    #[circuit_breaker("silent: all", key = self.0)]
    #[timeout("1s")]
    #[rate_limit("10/s")]
    #[bulkhead(3, max_queue = 2)]
    #[fallback(Self::nothing, |_, _, buffer| Ok(buffer.len()), on = [timed_out])]
    async fn write(&mut self, mut name: String, mut buffer: &mut [u8]) -> Result<usize, Rejection> {
        self.0 += 1;
        name.push('a');
        buffer[0] = 1;
        buffer = &mut buffer[1..];
        Ok(buffer.len() + name.len())
    }

    fn nothing(&mut self, _: String, _: &mut [u8]) -> Result<usize, Rejection> {
        Ok(0)
    }
}

const RATE: u32 = 40;

#[fallback(|_| Ok(0))]
async fn alone(number: u64) -> Result<u64, Rejection> {
    Ok(number)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(Service(0).read("a".to_owned(), &mut [0, 0]).await.unwrap(), 1);
    assert_eq!(alone(7).await.unwrap(), 7);
    assert_eq!(Service(0).write("a".to_owned(), &mut [0, 0]).await.unwrap(), 3);
}
