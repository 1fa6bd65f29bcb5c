//! One breaker a key: who gets one, who loses one, and that nothing is lost with it.

use resilience_runtime::{CircuitBreaker, CircuitBreakerBuilder, Rejection, State};
use std::time::Duration;

fn stock() -> CircuitBreakerBuilder {
    CircuitBreaker::builder("stock").consecutive_failures(1)
}

fn fail(breaker: &CircuitBreaker, key: impl std::fmt::Display) {
    breaker.keyed(key).try_acquire().unwrap().failure();
}

fn succeed(breaker: &CircuitBreaker, key: impl std::fmt::Display) {
    breaker.keyed(key).try_acquire().unwrap().success();
}

fn counts(breaker: &CircuitBreaker) -> (u64, u64, u64) {
    let keys = breaker.snapshot().keys.unwrap();
    (keys.held, keys.evicted, keys.overflowed)
}

#[tokio::test(start_paused = true)]
async fn each_key_has_its_own() {
    let breaker = stock().build().unwrap();
    fail(&breaker, 7);
    let Rejection::CircuitOpen { name, .. } = breaker.keyed(7).try_acquire().unwrap_err() else { panic!("open") };
    assert_eq!(name, "stock/7");
    succeed(&breaker, 8);
    assert_eq!(breaker.of_key("7").unwrap().state(), State::Open);
    assert_eq!(breaker.of_key("8").unwrap().state(), State::Closed);
    assert_eq!(breaker.state(), State::Closed, "the overflow breaker has seen nothing");
    let names: Vec<_> = breaker.of_keys().iter().map(|breaker| breaker.name().to_string()).collect();
    assert_eq!(names, ["stock/7", "stock/8"]);
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_says_how_many_keys_are_not_closed() {
    let breaker = stock().half_open_calls(1).build().unwrap();
    let not_closed = || breaker.snapshot().keys.unwrap().not_closed;
    succeed(&breaker, 7);
    assert_eq!(not_closed(), 0);
    fail(&breaker, 8);
    fail(&breaker, 9);
    assert_eq!((not_closed(), breaker.state()), (2, State::Closed));
    breaker.monitor();
    assert_eq!(not_closed(), 2, "what they would do if they enforced it");
    tokio::time::advance(Duration::from_secs(30)).await;
    let probe = breaker.keyed(9).try_acquire().unwrap();
    assert_eq!(not_closed(), 2, "half-open");
    probe.success();
    assert_eq!(not_closed(), 1);
    breaker.disable();
    assert_eq!(not_closed(), 0);
    breaker.force_open();
    assert_eq!(not_closed(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_longest_unused_closed_one_goes_first() {
    let breaker = stock().max_keys(3).build().unwrap();
    fail(&breaker, "open");
    tokio::time::advance(Duration::from_secs(2)).await;
    succeed(&breaker, "old");
    tokio::time::advance(Duration::from_secs(2)).await;
    succeed(&breaker, "young");
    tokio::time::advance(Duration::from_secs(2)).await;
    succeed(&breaker, "new");
    assert!(breaker.of_key("old").is_none());
    assert!(breaker.of_key("open").is_some(), "what is not closed stays");
    assert_eq!(counts(&breaker), (3, 1, 0));

    // Used again, it is not the longest unused any more.
    tokio::time::advance(Duration::from_secs(2)).await;
    succeed(&breaker, "young");
    succeed(&breaker, "newer");
    assert!(breaker.of_key("new").is_none());
    assert!(breaker.of_key("young").is_some());
}

#[tokio::test(start_paused = true)]
async fn where_none_is_closed_new_keys_share_one() {
    let breaker = stock().max_keys(2).build().unwrap();
    fail(&breaker, 1);
    fail(&breaker, 2);
    succeed(&breaker, 3);
    fail(&breaker, 4);
    let rejection = breaker.keyed(5).try_acquire().unwrap_err();
    assert_eq!(rejection.name().as_str(), "stock");
    assert_eq!(counts(&breaker), (2, 0, 3));
}

#[tokio::test(start_paused = true)]
async fn totals_survive_eviction_and_a_new_key_begins_at_nothing() {
    let breaker = stock().consecutive_failures(5).max_keys(1).build().unwrap();
    for key in 0..100 {
        fail(&breaker, key);
        succeed(&breaker, key);
        let own = breaker.of_key(&key.to_string()).unwrap().snapshot();
        assert_eq!((own.totals.successes, own.totals.failures, own.window.calls), (1, 1, 2));
    }
    let totals = breaker.totals();
    assert_eq!((totals.successes, totals.failures), (100, 100));
    assert_eq!(counts(&breaker), (1, 99, 0));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_outlives_its_key_counts_for_nobody() {
    let breaker = stock().max_keys(1).build().unwrap();
    let late = breaker.keyed("a").try_acquire().unwrap();
    succeed(&breaker, "b");
    late.failure();
    let b = breaker.of_key("b").unwrap().snapshot();
    assert_eq!((b.state, b.totals.failures, b.totals.stale), (State::Closed, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn what_is_done_by_hand_is_done_to_all_keys() {
    let breaker = stock().max_keys(4).build().unwrap();
    fail(&breaker, 1);
    succeed(&breaker, 2);
    breaker.force_open();
    for key in 1..=3 {
        assert!(breaker.keyed(key).try_acquire().is_err(), "{key}");
    }
    breaker.reset();
    for key in 1..=3 {
        succeed(&breaker, key);
    }
    breaker.reconfigure(resilience_runtime::CircuitBreakerConfig::new().consecutive_failures(2).max_keys(2)).unwrap();
    fail(&breaker, 1);
    assert_eq!(breaker.of_key("1").unwrap().state(), State::Closed);
    tokio::time::advance(Duration::from_secs(5)).await;
    succeed(&breaker, 9);
    assert_eq!(counts(&breaker).0, 2, "those above the new bound went");
}

#[tokio::test]
async fn a_million_keys_leave_no_more_than_max_keys() {
    let breaker = stock().build().unwrap();
    for key in 0..1_000_000_u32 {
        succeed(&breaker, key);
    }
    assert_eq!(counts(&breaker), (1024, 1_000_000 - 1024, 0));
    assert_eq!(breaker.totals().successes, 1_000_000);
}

#[test]
fn racing_keys_lose_nothing() {
    let breaker = stock().consecutive_failures(1_000_000).max_keys(8).build().unwrap();
    const CALLS: u64 = 50_000;
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let breaker = &breaker;
            scope.spawn(move || {
                for call in 0..CALLS {
                    succeed(breaker, (call * 7 + thread) % 13);
                }
            });
        }
    });
    let totals = breaker.totals();
    assert_eq!(totals.successes + totals.stale, 4 * CALLS);
    assert_eq!(totals.cancelled, 0);
}
