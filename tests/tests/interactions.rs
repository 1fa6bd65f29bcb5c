//! What happens where two features meet: found by asking what nobody had tried.

use resilience_runtime::CircuitBreaker;
use std::time::Duration;

/// With a clock of 1 ms steps and a slot that is taken many times in each.
#[tokio::test(start_paused = true)]
async fn a_breaker_that_many_keys_have_had_stays_open_for_as_long_as_any_other() {
    const MOST_LATE: Duration = Duration::from_secs(5);
    let open_for = Duration::from_secs(30);
    for max_keys in [1, 64] {
        let builder = CircuitBreaker::builder("stock").consecutive_failures(1).open_for(open_for).max_keys(max_keys);
        let breaker = builder.build().unwrap();
        for key in 0..50_000 {
            breaker.keyed(key).try_acquire().unwrap().success();
        }
        let last = breaker.of_keys().pop().unwrap();
        last.try_acquire().unwrap().failure();
        let retry_after = last.try_acquire().unwrap_err().retry_after().unwrap();
        assert!((open_for..=open_for + MOST_LATE).contains(&retry_after), "{max_keys} keys: {retry_after:?}");
        let keys = breaker.snapshot().keys.unwrap();
        assert_eq!(keys.held + keys.evicted + keys.overflowed, 50_000);
        assert_eq!(keys.overflowed > 0, max_keys == 1, "{keys:?}");
    }
}
