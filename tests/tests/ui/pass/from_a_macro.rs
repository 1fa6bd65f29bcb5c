//! Functions that a `macro_rules!` writes, with fragments of every kind in the attributes.

use resilience_runtime::{Rejection, circuit_breaker};

macro_rules! guarded {
    (
        $name:literal, $rate:expr, $calls:literal, $window:tt, $predicate:path,
        $(#[$meta:meta])* fn $function:ident($argument:ident: $type:ty) -> $result:ty $body:block
    ) => {
        #[circuit_breaker(
            $name,
            failure_rate = $rate,
            minimum_calls = $calls,
            window = $window,
            failure_if = $predicate
        )]
        $(#[$meta])*
        async fn $function($argument: $type) -> $result $body
    };
}

guarded! {
    "from a macro", 25 + 25, 5, "10s", never,
    /// Documented.
    #[fallback = otherwise]
    #[allow(dead_code)]
    fn function(number: u8) -> Result<u8, Rejection> {
        if number > 3 {
            return Ok(3);
        }
        Ok(number)
    }
}

fn never(_: &Rejection) -> bool {
    false
}

fn otherwise(number: u8) -> Result<u8, Rejection> {
    Ok(number + 1)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(function(1).await.unwrap(), 1);
}
