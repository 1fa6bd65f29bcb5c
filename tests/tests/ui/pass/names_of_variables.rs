//! Arguments and variables of a body that are named like those of the expansion, and labels too.
#![deny(warnings)]

use resilience_runtime::{Rejection, bulkhead, circuit_breaker, fallback, rate_limit, retry, timeout};

#[timeout("1m", name = "variables: total")]
#[retry]
#[circuit_breaker("variables", key = __key)]
#[rate_limit("100/s", max_wait = "1s")]
#[bulkhead(3)]
#[timeout("1s")]
#[fallback(answer, |_, _, _, _, _| Ok(0))]
async fn all(
    __result: String,
    __key: u64,
    __permit: &mut u64,
    (__breaker, __retry): (u64, u64),
    __argument_3: u64,
) -> Result<u64, Rejection> {
    *__permit += 1;
    let (result, permit, run, wait, handle, place, failure) = (1, 2, 3, 4, 5, 6, 7);
    let (__run, __wait, __timed, __place, __failure, __value, __operation) = (1, 2, 3, 4, 5, 6, 7);
    let (__timeout, __rejection, __turn, __answer, __bulkhead) = (1, 2, 3, 4, 5);
    let seen = result + permit + run + wait + handle + place + failure;
    let hidden = __run + __wait + __timed + __place + __failure + __value + __operation;
    let __result = __result.len() as u64;
    '__circuit_breaker: loop {
        '__fallback: loop {
            if __rejection == 2 {
                break '__fallback;
            }
        }
        break '__circuit_breaker;
    }
    Ok(__result
        + *__permit
        + __key
        + __breaker
        + __retry
        + __argument_3
        + seen
        + hidden
        + __timeout
        + __turn
        + __answer
        + __bulkhead)
}

fn answer(_: String, _: u64, _: &mut u64, _: (u64, u64), __failure: u64) -> Result<u64, Rejection> {
    Ok(__failure)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(all("a".to_owned(), 2, &mut 3, (4, 5), 6).await.unwrap(), 1 + 2 + 4 + 9 + 6 + 28 + 28 + 1 + 3 + 4 + 5);
}
