//! A trait in scope that gives every type methods named like those that the expansion calls. They take `&self`: one that takes
//! `self`, for every type there is, would come first wherever it is in scope.
#![allow(dead_code)]

use resilience_runtime::{Rejection, bulkhead, circuit_breaker, fallback, rate_limit, retry, timeout};

macro_rules! everything {
    ($($method:ident)*) => {
        trait Everything: Sized {
            $(fn $method(&self) -> ! {
                panic!("the user's method was called")
            })*
        }

        impl<T> Everything for T {}
    };
}

everything! {
    get keyed try_acquire acquire watch watch_call settle called finish start run is_last_attempt block answer into_answer
    acquire_many try_acquire_many cost at_once clone_argument map_rejection count_fallback trip_if validated new and
}

#[timeout("1m", name = "methods: total")]
#[retry]
#[circuit_breaker(key = (text, 7), trip_if = |counts| counts.failures > 3)]
#[rate_limit("100/s", max_wait = "1s", key = text, cost = 1)]
#[bulkhead(3, max_queue = 3, key = text)]
#[timeout("1s")]
#[fallback(answer, |_| Ok(0), on = [timed_out, circuit_open])]
async fn all(text: String) -> Result<usize, Rejection> {
    Ok(text.len())
}

fn answer(text: String) -> Result<usize, Rejection> {
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
