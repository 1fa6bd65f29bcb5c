//! What a policy adds to the size of a future.

use std::mem::size_of_val;

use resilience_runtime::{Rejection, bulkhead, circuit_breaker, fallback, rate_limit, retry, timeout};
use tokio::task::yield_now;

macro_rules! sizes {
    ($($name:ident [$($attribute:tt)*] $most:expr;)*) => {
        $($($attribute)* async fn $name(number: &u64, text: &str) -> Result<u64, Rejection> {
            yield_now().await;
            Ok(*number + text.len() as u64)
        })*

        const NAMES: &[(&str, usize, fn() -> usize)] = &[$((stringify!($name), $most, || size_of_val(&$name(&1, "")))),*];
    };
}

/// What tokio's timer is made of, which a call that may have to wait for it has room for.
fn timer() -> usize {
    size_of::<tokio::time::Sleep>()
}

sizes! {
    bare [] 0;
    breaker [#[circuit_breaker]] 64;
    place [#[bulkhead(3)]] 64;
    turn [#[rate_limit("3/s")]] 64;
    attempts [#[retry]] 64;
    in_time [#[timeout("1s")]] 64;
    all [#[retry] #[circuit_breaker] #[rate_limit("3/s")] #[bulkhead(3)] #[timeout("1s")]] 320;
    answered [#[fallback(|_, _| Ok(1))]] 64 + size_of::<Result<u64, Rejection>>();
    two_limits [#[timeout("2s", name = "total")] #[retry] #[timeout("1s")]] 320;
}

fn main() {
    let bare = NAMES[0].2();
    for (name, most, size) in NAMES {
        let added = size().saturating_sub(bare);
        println!("{name}: {added} bytes over {bare}");
        let timers = match *name {
            "attempts" | "in_time" | "all" => 1,
            "two_limits" => 2,
            _ => 0,
        };
        // The body has the arguments once more, as a bare one has them twice.
        let arguments = if *name == "bare" { 0 } else { size_of::<(&u64, &str)>() };
        assert!(added <= most + arguments + timers * timer(), "{name}: {added} bytes over {bare}, timer {}", timer());
    }
}
