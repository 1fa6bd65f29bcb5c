//! What is called: one body, the same for all, and ours around it, through the attributes.

use resilience_runtime::{Rejection, bulkhead, circuit_breaker, fallback, rate_limit, registry, retry, timeout};

/// The call that fails.
pub(crate) const FAILS: u64 = u64::MAX;

/// The body's own error. Peers and the bare call have no other, which is the best for them.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("it failed")]
pub(crate) struct Failed;

/// The error of a guarded function, as most are written: it carries a whole rejection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Failed(#[from] Failed),
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

/// The body.
#[inline]
pub(crate) fn work(call: u64) -> Result<u64, Failed> {
    if call == FAILS { Err(Failed) } else { Ok(call + 1) }
}

pub(crate) async fn bare(call: u64) -> Result<u64, Failed> {
    work(call)
}

/// Calls that all succeed.
pub(crate) fn succeeding(nth: u64) -> u64 {
    nth
}

/// One in a hundred fails.
pub(crate) fn failing_1_percent(nth: u64) -> u64 {
    if nth % 100 == 99 { FAILS } else { nth }
}

/// Calls that all fail.
pub(crate) fn failing(_: u64) -> u64 {
    FAILS
}

/// A function for each way of guarding it.
macro_rules! guarded {
    (|$call:ident| $($name:ident: $(#[$attribute:meta])+;)+) => {
        $(
            $(#[$attribute])+
            pub(crate) async fn $name($call: u64) -> Result<u64, Error> {
                Ok(work($call)?)
            }
        )+
    };
}

guarded! {
    |call|
    by_default: #[circuit_breaker];
    by_row: #[circuit_breaker(window = none, consecutive_failures = 5)];
    by_count: #[circuit_breaker(window = 100)];
    by_slowness: #[circuit_breaker(slow_call = "1s")];
    by_time: #[circuit_breaker(latency = true)];
    by_key: #[circuit_breaker(key = call % 16)];
    by_text: #[circuit_breaker(key = TENANTS[(call % 16) as usize])];
    by_long_text: #[circuit_breaker(key = SHELVES[(call % 16) as usize])];
    by_parts: #[circuit_breaker(key = (TENANTS[(call % 16) as usize], call % 4))];
    bulkheaded_by_key: #[bulkhead(max_concurrent = 25, key = call % 16)];
    limited_by_key: #[rate_limit("1000000000/s", key = call % 16)];
    failing_by_default: #[circuit_breaker];
    failing_by_row: #[circuit_breaker(window = none, consecutive_failures = 5)];
    failing_by_count: #[circuit_breaker(window = 100)];
    open: #[circuit_breaker(consecutive_failures = 5, open_for = "1h")];
    probing: #[circuit_breaker("probing", consecutive_failures = 1, open_for = "1ms", ignore_if = |_| true, half_open_timeout = "1h")];
    probed: #[circuit_breaker("probed", consecutive_failures = 1, open_for = "1ms", half_open_calls = 1, half_open_timeout = "1h")];
    retried: #[retry];
    timed: #[timeout("1s")];
    bulkheaded: #[bulkhead(25)];
    full: #[bulkhead(name = "full", max_concurrent = 1)];
    limited: #[rate_limit("1000000000/s")];
    refused: #[rate_limit("1/h", burst = 1)];
    stacked: #[retry] #[circuit_breaker] #[bulkhead(25)] #[timeout("1s")];
    all_six: #[retry] #[circuit_breaker] #[bulkhead(25)] #[rate_limit("1000000000/s")] #[timeout("1s")] #[fallback(answer)];
    watched: #[circuit_breaker("watched")];
    one_name: #[circuit_breaker("one name", key = scattered(call, 1), max_keys = 1)];
    thousand_names: #[circuit_breaker("a thousand names", key = scattered(call, 1000), max_keys = 1000)];
    million_names: #[circuit_breaker("a million names", key = scattered(call, 1_000_000), max_keys = 1_000_000)];
    too_many_names: #[circuit_breaker("too many names", key = scattered(call, 1_000_000))];
}

const TENANTS: [&str; 16] = [
    "acme",
    "globex",
    "initech",
    "umbrella",
    "hooli",
    "stark",
    "wayne",
    "wonka",
    "tyrell",
    "cyberdyne",
    "aperture",
    "vandelay",
    "oscorp",
    "monarch",
    "dunder",
    "pied piper",
];

/// As long as most identifiers that are made at random.
const SHELVES: [&str; 16] = [
    "5f0c1d9e-6a1b-4c57-9d3e-0a8f2b7c4e10",
    "5f0c1d9e-6a1b-4c57-9d3e-0a8f2b7c4e11",
    "5f0c1d9e-6a1b-4c57-9d3e-0a8f2b7c4e12",
    "5f0c1d9e-6a1b-4c57-9d3e-0a8f2b7c4e13",
    "5f0c1d9e-6a1b-4c57-9d3e-0a8f2b7c4e14",
    "5f0c1d9e-6a1b-4c57-9d3e-0a8f2b7c4e15",
    "5f0c1d9e-6a1b-4c57-9d3e-0a8f2b7c4e16",
    "5f0c1d9e-6a1b-4c57-9d3e-0a8f2b7c4e17",
    "8e21b7a4-03fd-4d92-b6c8-7f5e19d0a3c0",
    "8e21b7a4-03fd-4d92-b6c8-7f5e19d0a3c1",
    "8e21b7a4-03fd-4d92-b6c8-7f5e19d0a3c2",
    "8e21b7a4-03fd-4d92-b6c8-7f5e19d0a3c3",
    "8e21b7a4-03fd-4d92-b6c8-7f5e19d0a3c4",
    "8e21b7a4-03fd-4d92-b6c8-7f5e19d0a3c5",
    "8e21b7a4-03fd-4d92-b6c8-7f5e19d0a3c6",
    "8e21b7a4-03fd-4d92-b6c8-7f5e19d0a3c7",
];

/// A number below `most`, all over the place.
pub(crate) fn scattered(call: u64, most: u64) -> u64 {
    (call.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) % most
}

fn answer(_: u64) -> Result<u64, Error> {
    Ok(0)
}

/// Any of the guarded functions' futures.
pub(crate) type Guarded = std::pin::Pin<Box<dyn Future<Output = Result<u64, Error>>>>;

/// One failure in a hundred trips no breaker: if it has, what was measured are rejections.
pub(crate) fn check_calm() {
    for breaker in registry().circuit_breakers().filter(|breaker| breaker.name().contains("::failing_")) {
        let rejected = breaker.totals().rejected;
        assert_eq!(rejected, 0, "{} has rejected calls", breaker.name());
    }
}
