//! One breaker a key: who gets one, who loses one, and that nothing is lost with it.

use resilience_runtime::testing::Scope;
use resilience_runtime::{Bulkhead, CircuitBreaker, CircuitBreakerBuilder, Kind, State, registry};
use std::sync::Arc;
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
    let rejection = breaker.keyed(7).try_acquire().unwrap_err();
    assert_eq!((rejection.name().as_str(), rejection.key().unwrap().as_str()), ("stock", "7"));
    assert!(rejection.to_string().starts_with("circuit breaker `stock[7]` is open"), "{rejection}");
    succeed(&breaker, 8);
    assert_eq!(breaker.of_key("7").unwrap().state(), State::Open);
    assert_eq!(breaker.of_key("8").unwrap().state(), State::Closed);
    assert_eq!(breaker.state(), State::Closed, "the overflow breaker has seen nothing");
    let keys: Vec<_> = breaker.of_keys().iter().map(|of_key| (of_key.name(), of_key.key().unwrap())).collect();
    assert_eq!(keys, [("stock".into(), "7".into()), ("stock".into(), "8".into())]);
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
async fn one_that_monitors_or_is_off_says_so_whatever_its_keys_do() {
    let breaker = stock().build().unwrap();
    fail(&breaker, 7);
    let states = || (breaker.snapshot().state, breaker.of_key("7").unwrap().state());
    assert_eq!(states(), (State::Open, State::Open));
    breaker.monitor();
    breaker.of_key("7").unwrap().enforce();
    assert_eq!(states(), (State::Monitoring, State::Open));
    breaker.disable();
    breaker.of_key("7").unwrap().force_open();
    assert_eq!(states(), (State::Disabled, State::ForcedOpen));
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
    // That one has tripped, and only monitors: a new key is not rejected for what others did.
    assert_eq!(breaker.state(), State::Open);
    succeed(&breaker, 5);
    fail(&breaker, 6);
    assert_eq!(counts(&breaker), (2, 0, 4));
    assert_eq!((breaker.totals().rejected, breaker.totals().would_reject), (0, 2));
    tokio::time::advance(Duration::from_secs(30)).await;
    for _ in 0..3 {
        breaker.keyed(7).try_acquire().unwrap().success();
    }
    assert_eq!(breaker.state(), State::Closed, "it decides as any other");
    // By hand it is forced open as all of them are.
    breaker.force_open();
    assert_eq!(breaker.keyed(8).try_acquire().unwrap_err().name().as_str(), "stock");
}

#[tokio::test(start_paused = true)]
async fn one_without_failures_goes_before_one_with() {
    let breaker = stock().consecutive_failures(5).max_keys(2).build().unwrap();
    fail(&breaker, "failing");
    tokio::time::advance(Duration::from_secs(2)).await;
    succeed(&breaker, "well");
    succeed(&breaker, "new");
    assert!(breaker.of_key("well").is_none(), "it was used later, and has no failure to forget");
    fail(&breaker, "new");
    succeed(&breaker, "newer");
    assert!(breaker.of_key("failing").is_none(), "where all have some, the longest unused goes");
}

#[tokio::test(start_paused = true)]
async fn a_key_is_used_by_each_call_whether_it_waits_or_not() {
    // Within a bucket of the window, and beyond.
    for (yields, pause) in [0, 1, 3].into_iter().flat_map(|yields| [(yields, 10), (yields, 2000)]) {
        let breaker = stock().max_keys(2).build().unwrap();
        for key in ["old", "young"] {
            succeed(&breaker, key);
            tokio::time::advance(Duration::from_millis(pause)).await;
        }
        let call = async {
            for _ in 0..yields {
                tokio::task::yield_now().await;
            }
            Ok::<_, ()>(())
        };
        breaker.keyed("old").call(call).await.unwrap();
        succeed(&breaker, "new");
        assert!(breaker.of_key("young").is_none(), "it waited {yields} times, after {pause} ms");
        assert_eq!(breaker.of_key("old").unwrap().totals().successes, 2);
    }
}

#[tokio::test(start_paused = true)]
async fn each_key_is_evicted_once_when_there_may_be_fewer() {
    let breaker = stock().max_keys(4).build().unwrap();
    let may_be = |keys: u32| {
        breaker.reconfigure(resilience_runtime::CircuitBreakerConfig::new().max_keys(keys)).unwrap();
    };
    let call = |key: u64| {
        succeed(&breaker, key);
        assert!(breaker.of_key(key).is_some());
        counts(&breaker)
    };
    assert_eq!([1, 2, 3, 4].map(call), [(1, 0, 0), (2, 0, 0), (3, 0, 0), (4, 0, 0)]);
    may_be(2);
    assert_eq!([5, 6, 7, 8].map(call), [(2, 3, 0), (2, 4, 0), (2, 5, 0), (2, 6, 0)]);
    may_be(4);
    assert_eq!([9, 10, 11].map(call), [(3, 6, 0), (4, 6, 0), (4, 7, 0)]);
}

#[tokio::test(start_paused = true)]
async fn of_those_that_were_used_at_the_same_time_the_one_that_has_its_slot_for_the_longest_goes() {
    let breaker = stock().max_keys(2).build().unwrap();
    succeed(&breaker, "first");
    tokio::time::advance(Duration::from_millis(2)).await;
    succeed(&breaker, "second");
    tokio::time::advance(Duration::from_millis(2)).await;
    succeed(&breaker, "third");
    assert!(breaker.of_key("first").is_none());
    tokio::time::advance(Duration::from_millis(2)).await;
    succeed(&breaker, "fourth");
    assert!(breaker.of_key("second").is_none());
}

#[tokio::test(start_paused = true)]
async fn after_a_reset_of_all_no_new_key_overflows() {
    let breaker = stock().max_keys(2).build().unwrap();
    fail(&breaker, 1);
    fail(&breaker, 2);
    succeed(&breaker, 3);
    breaker.reset();
    succeed(&breaker, 4);
    assert_eq!(counts(&breaker), (2, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn keys_are_compared_whole() {
    let breaker = stock().build().unwrap();
    let long = "x".repeat(1000);
    fail(&breaker, format_args!("{long}1"));
    succeed(&breaker, format_args!("{long}2"));
    assert_eq!(breaker.of_key(format!("{long}1")).unwrap().state(), State::Open);
    let keys: Vec<_> = breaker.of_keys().iter().map(|of_key| of_key.key().unwrap().to_string()).collect();
    assert_eq!(keys, [format!("{long}1"), format!("{long}2")]);
    // Longer than 1 KiB: not told apart.
    let longer = "x".repeat(1025);
    fail(&breaker, &longer);
    succeed(&breaker, &longer);
    assert!(breaker.of_key(&longer).is_none());
    assert_eq!(counts(&breaker), (2, 0, 2));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_used_since_it_was_looked_at_is_not_taken() {
    let breaker = stock().max_keys(3).build().unwrap();
    for key in ["a", "b", "c"] {
        succeed(&breaker, key);
        tokio::time::advance(Duration::from_secs(2)).await;
    }
    succeed(&breaker, "d");
    assert!(breaker.of_key("a").is_none());
    tokio::time::advance(Duration::from_secs(2)).await;
    succeed(&breaker, "b");
    succeed(&breaker, "e");
    assert!(breaker.of_key("b").is_some() && breaker.of_key("c").is_none());
}

#[tokio::test(start_paused = true)]
async fn keys_in_use_hide_none_that_may_go_however_long_they_were_not_called() {
    let breaker = Arc::new(stock().max_keys(8).build().unwrap());
    let pool = Arc::new(Bulkhead::builder("pool").max_concurrent(1).max_keys(8).build().unwrap());
    let used: Vec<_> = (0..7)
        .map(|key| (breaker.try_acquire_owned_for(key).unwrap(), pool.try_acquire_owned_for(key).unwrap()))
        .collect();
    tokio::time::advance(Duration::from_secs(2)).await;
    for key in ["idle", "new"] {
        succeed(&breaker, key);
        drop(pool.keyed(key).try_acquire().unwrap());
    }
    assert_eq!(counts(&breaker), (8, 1, 0));
    assert!(breaker.of_key("idle").is_none() && pool.of_key("idle").is_none());
    assert!((0..7).all(|key| breaker.of_key(key).is_some() && pool.of_key(key).is_some()));
    used.into_iter().for_each(|(permit, _)| permit.success());
}

#[tokio::test(start_paused = true)]
async fn a_key_that_opens_in_the_millisecond_in_which_it_was_looked_at_keeps_its_breaker() {
    let breaker = stock().max_keys(3).build().unwrap();
    for key in ["a", "b", "c", "d"] {
        succeed(&breaker, key);
    }
    assert!(breaker.of_key("a").is_none(), "it has its slot for the longest, and `b` is the next one");
    fail(&breaker, "b");
    succeed(&breaker, "e");
    assert!(breaker.of_key("b").is_some_and(|of_key| of_key.state() == State::Open));
    assert_eq!(breaker.keyed("b").try_acquire().unwrap_err().key().unwrap().as_str(), "b");
    assert_eq!(counts(&breaker), (3, 2, 0));
}

#[tokio::test(start_paused = true)]
async fn totals_survive_eviction_and_a_new_key_begins_at_nothing() {
    let breaker = stock().consecutive_failures(5).max_keys(1).build().unwrap();
    for key in 0..100 {
        fail(&breaker, key);
        succeed(&breaker, key);
        let own = breaker.of_key(key).unwrap().snapshot();
        assert_eq!((own.totals.successes, own.totals.failures, own.window.calls), (1, 1, 2));
    }
    let totals = breaker.totals();
    assert_eq!((totals.successes, totals.failures), (100, 100));
    assert_eq!(counts(&breaker), (1, 99, 0));
}

#[tokio::test(start_paused = true)]
async fn a_key_whose_permit_is_out_keeps_its_breaker() {
    let breaker = stock().max_keys(1).build().unwrap();
    let late = breaker.keyed("a").try_acquire().unwrap();
    succeed(&breaker, "b");
    assert!(breaker.of_key("b").is_none());
    late.failure();
    let a = breaker.of_key("a").unwrap().snapshot();
    assert_eq!((a.state, a.totals.failures, a.totals.stale), (State::Open, 1, 0));
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
    for (act, state) in [
        (CircuitBreaker::disable as fn(&CircuitBreaker), State::Disabled),
        (CircuitBreaker::monitor, State::Monitoring),
        (CircuitBreaker::reset, State::Closed),
    ] {
        let breaker = stock().build().unwrap();
        succeed(&breaker, "old");
        act(&breaker);
        succeed(&breaker, "new");
        let states = ["old", "new"].map(|key| breaker.of_key(key).unwrap().state());
        assert_eq!(states, [state, state]);
    }
    breaker.reset();
    for key in 1..=4 {
        succeed(&breaker, key);
    }
    breaker.reconfigure(resilience_runtime::CircuitBreakerConfig::new().consecutive_failures(2).max_keys(2)).unwrap();
    fail(&breaker, 1);
    assert_eq!(breaker.of_key("1").unwrap().state(), State::Closed);
    tokio::time::advance(Duration::from_secs(5)).await;
    succeed(&breaker, 9);
    assert_eq!(counts(&breaker).0, 2, "those above the new bound went");
    tokio::time::advance(Duration::from_secs(5)).await;
    succeed(&breaker, 10);
    assert_eq!(counts(&breaker).0, 2, "and from then on one goes for each that comes");
}

#[tokio::test]
async fn a_hundred_thousand_keys_leave_no_more_than_max_keys() {
    let breaker = stock().build().unwrap();
    for key in 0..100_000_u32 {
        succeed(&breaker, key);
    }
    assert_eq!(counts(&breaker), (1024, 100_000 - 1024, 0));
    assert_eq!(breaker.totals().successes, 100_000);
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
    assert_eq!((totals.successes, totals.stale), (4 * CALLS, 0));
    assert_eq!(totals.cancelled, 0);
}

#[test]
fn a_new_key_finds_the_closed_ones_among_many_that_are_open() {
    // So many, of which the first half is open. A call looks at 16 of them at once, and at the others where none of those is closed.
    for held in [16, 32, 1000] {
        let breaker = stock().max_keys(held).build().unwrap();
        for key in 0..held {
            let permit = breaker.keyed(key).try_acquire().unwrap();
            if key < held / 2 { permit.failure() } else { permit.success() }
        }
        (5000..5010).for_each(|key| breaker.keyed(key).try_acquire().unwrap().success());
        let (held_now, evicted, overflowed) = counts(&breaker);
        assert_eq!((held_now, evicted, overflowed), (u64::from(held), 10, 0));
        let is_open = |key: u32| breaker.of_key(key).is_some_and(|key| key.state() == State::Open);
        assert!((0..held / 2).all(is_open));
    }
}

#[tokio::test(start_paused = true)]
async fn no_key_is_taken_for_a_name_for_another_key_or_for_a_line() {
    let _entered = Scope::new().enter();
    let stock = stock().register().unwrap();
    let forged = "7] is closed\ncircuit breaker `mail[1";
    let mut events = registry().subscribe();
    fail(&stock, forged);
    fail(&stock, 7);
    let rejection = stock.keyed(forged).try_acquire().unwrap_err();
    assert_eq!((rejection.name().as_str(), rejection.key().unwrap().as_str()), ("stock", forged));
    let shown = r"stock[7\] is closed\ncircuit breaker `mail[1]";
    assert!(rejection.to_string().starts_with(&format!("circuit breaker `{shown}` is open")), "{rejection}");
    let told: Vec<_> = std::iter::from_fn(|| events.try_recv()).map(|event| event.to_string()).collect();
    assert!(told[0].starts_with(&format!("circuit_breaker `{shown}`: closed -> open")), "{told:?}");
    assert!(told.iter().all(|line| !line.contains('\n')), "{told:?}");
    let why = registry().health().await.reasons[0].why.clone();
    assert!(why.ends_with(&format!(": stock[7], {shown}")), "{why}");
    assert!(registry().recent_events(Kind::CircuitBreaker, "stock").iter().any(|event| event.key().unwrap() == forged));
}

/// Whatever cannot be found at once, because too many are looked at in vain, is found by those who come next: each of them looks at 16, wherever the ones before have ended.
#[test]
fn the_only_closed_one_of_thousands_is_found_by_one_of_the_next_new_keys() {
    let held = 5000;
    let breaker = stock().max_keys(held).build().unwrap();
    for key in 0..held {
        let permit = breaker.keyed(key).try_acquire().unwrap();
        if key == held - 1 { permit.success() } else { permit.failure() }
    }
    // However many keys there were before, no new one looks at all of these.
    breaker.keyed("new").try_acquire().unwrap().success();
    assert_eq!(counts(&breaker), (5000, 0, 1));
    (1..300).for_each(|key| breaker.keyed(format!("new {key}")).try_acquire().unwrap().success());
    let (held_now, evicted, overflowed) = counts(&breaker);
    assert_eq!((held_now, evicted + overflowed), (5000, 300));
    // In every round of so many sixteenths, or of fewer where more are looked at.
    assert!(evicted >= 1 && breaker.of_key(held - 1).is_none(), "{evicted} and {overflowed}");
}

mod under_way {
    use super::*;
    use resilience_runtime::{
        Failure, Outcome, Pipeline, Rate, RateLimiter, Rejection, Verdict, Window, bulkhead, circuit_breaker, retry,
        timeout,
    };
    use std::future::Future;
    use std::pin::{Pin, pin};
    use std::sync::Barrier;
    use std::task::{Context, Poll, Waker};
    use tokio_stream::{Stream, StreamExt};

    #[derive(Debug, thiserror::Error)]
    enum Error {
        #[error("it failed")]
        Failed,
        #[error(transparent)]
        Rejected(#[from] Rejection),
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[circuit_breaker("under way", key = key, max_keys = 6, consecutive_failures = 1, window = none)]
    async fn query(key: &str) -> Result<(), Error> {
        tokio::time::sleep(SECOND).await;
        assert!(!key.is_empty());
        Err(Error::Failed)
    }

    #[circuit_breaker("under way", key = key, stream = true)]
    async fn rows(key: &str) -> Result<impl Stream<Item = Result<usize, Error>>, Error> {
        Ok(tokio_stream::iter([Ok(key.len()), Err(Error::Failed)]))
    }

    #[circuit_breaker("under way", key = key)]
    fn read(key: &str, while_it_reads: impl FnOnce()) -> Result<(), Error> {
        while_it_reads();
        assert!(!key.is_empty());
        Err(Error::Failed)
    }

    fn flood(breaker: &CircuitBreaker) {
        (0..100).for_each(|key| breaker.keyed(key).try_acquire().unwrap().success());
    }

    #[track_caller]
    fn begin<F: Future>(call: &mut Pin<Box<F>>) {
        assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }

    /// One of each way to make a call that takes its time, while a flood of other keys comes; and what becomes of it afterwards.
    #[tokio::test(start_paused = true)]
    async fn a_key_keeps_its_breaker_and_gets_what_its_call_comes_to() {
        registry().prepare();
        let breaker = registry().circuit_breaker("under way").unwrap();
        let state = |key: &str| breaker.of_key(key).map(|breaker| breaker.state());

        let mut called = Box::pin(query("called"));
        begin(&mut called);
        let mut by_hand = Box::pin(breaker.keyed("by hand").call(async {
            tokio::time::sleep(SECOND).await;
            Err::<(), _>("it failed")
        }));
        begin(&mut by_hand);
        let owned = breaker.try_acquire_owned_for("owned").unwrap();
        let mut stream = Box::pin(rows("stream").await.unwrap());
        let mut read_one = Box::pin(rows("read").await.unwrap());
        read_one.next().await.unwrap().unwrap();
        read("sync", || flood(&breaker)).unwrap_err();

        assert_eq!(
            (state("called"), state("by hand"), state("owned")),
            (Some(State::Closed), Some(State::Closed), Some(State::Closed))
        );
        assert_eq!(
            (state("stream"), state("read"), state("sync")),
            (Some(State::Closed), Some(State::Closed), Some(State::Open))
        );
        let (held, _, overflowed) = counts(&breaker);
        assert_eq!((held, overflowed), (6, 100), "those have none of their own");

        called.await.unwrap_err();
        by_hand.await.unwrap_err();
        owned.failure();
        while stream.next().await.is_some() {}
        while read_one.next().await.is_some() {}
        for key in ["called", "by hand", "owned", "stream", "read", "sync"] {
            assert_eq!(state(key), Some(State::Open), "{key}");
        }
        assert_eq!(breaker.totals().stale, 0);

        // Dropped or ended well, none is under way any more.
        breaker.reset();
        let mut called = Box::pin(query("called"));
        begin(&mut called);
        let (owned, stream) = (breaker.try_acquire_owned_for("owned").unwrap(), rows("stream").await.unwrap());
        flood(&breaker);
        assert!(["called", "owned", "stream"].iter().all(|key| state(key).is_some()));
        assert!(["by hand", "read", "sync"].iter().all(|key| state(key).is_none()));
        drop((called, stream));
        owned.success();
        flood(&breaker);
        assert!(["called", "owned", "stream"].iter().all(|key| state(key).is_none()));
    }

    /// Which key has lost its breaker to others that came while it was asked what the call has come to.
    const JUDGED: &str = "under way: judged";

    fn judge<T>(result: Result<&T, &Error>) -> Verdict {
        flood(&registry().circuit_breaker(JUDGED).unwrap());
        if result.is_ok() { Verdict::SUCCESS } else { Verdict::FAILURE }
    }

    fn says_so(_: &Error) -> bool {
        flood(&registry().circuit_breaker(JUDGED).unwrap());
        true
    }

    async fn after(waits: Duration) -> Result<(), Error> {
        if !waits.is_zero() {
            tokio::time::sleep(waits).await;
        }
        Err(Error::Failed)
    }

    #[circuit_breaker("under way: judged", key = key, max_keys = 2, consecutive_failures = 1, classify = judge)]
    async fn classified(key: &str, waits: Duration) -> Result<(), Error> {
        after(waits).await
    }

    #[circuit_breaker("under way: judged", key = key, failure_if = says_so)]
    async fn asked(key: &str, waits: Duration) -> Result<(), Error> {
        after(waits).await
    }

    #[circuit_breaker("under way: judged", key = key, classify = judge)]
    #[timeout("60s")]
    async fn timed(key: &str, waits: Duration) -> Result<(), Error> {
        after(waits).await
    }

    /// A call that was ready at once loses its breaker, and is told to the one that its key gets then.
    #[tokio::test(start_paused = true)]
    async fn what_is_asked_about_the_result_may_take_its_time() {
        registry().prepare();
        let breaker = registry().circuit_breaker(JUDGED).unwrap();
        for waits in [Duration::ZERO, SECOND] {
            classified("classified", waits).await.unwrap_err();
            assert_eq!(breaker.of_key("classified").map(|key| key.state()), Some(State::Open), "after {waits:?}");
            breaker.reset();
            asked("asked", waits).await.unwrap_err();
            assert_eq!(breaker.of_key("asked").map(|key| key.state()), Some(State::Open), "after {waits:?}");
            breaker.reset();
            timed("timed", waits).await.unwrap_err();
            assert_eq!(breaker.of_key("timed").map(|key| key.state()), Some(State::Open), "after {waits:?}");
            breaker.reset();
            let by_hand = breaker.keyed("by hand").call_classified(after(waits), judge);
            by_hand.await.unwrap_err();
            assert_eq!(breaker.of_key("by hand").map(|key| key.state()), Some(State::Open), "after {waits:?}");
            breaker.reset();
            let judge = |_: &Error| {
                flood(&breaker);
                Outcome::Failure
            };
            breaker.keyed("judged").call_judged(after(waits), judge).await.unwrap_err();
            assert_eq!(breaker.of_key("judged").map(|key| key.state()), Some(State::Open), "after {waits:?}");
            breaker.reset();
        }
        let totals = breaker.totals();
        assert_eq!((totals.failures, totals.stale), (10, 0));
    }

    #[circuit_breaker("under way: at once", key = key, max_keys = 2, consecutive_failures = 1)]
    async fn at_once(key: &str, while_it_runs: impl FnOnce(), result: Result<(), Error>) -> Result<(), Error> {
        while_it_runs();
        assert!(key != "panics");
        result
    }

    /// It never waits, so it is not known to be under way; and what it comes to is its key's all the same.
    #[tokio::test(start_paused = true)]
    async fn what_a_call_that_is_ready_at_once_comes_to_is_its_keys() {
        registry().prepare();
        let breaker = registry().circuit_breaker("under way: at once").unwrap();
        let state = |key: &str| breaker.of_key(key).map(|key| key.state());
        at_once("fails", || flood(&breaker), Err(Error::Failed)).await.unwrap_err();
        assert_eq!((state("fails"), breaker.totals().failures), (Some(State::Open), 1));
        breaker.reset();
        at_once("succeeds", || flood(&breaker), Ok(())).await.unwrap();
        let own = breaker.of_key("succeeds").unwrap().totals();
        assert_eq!((own.successes, own.failures), (1, 0));
        let mut panics = Box::pin(at_once("panics", || flood(&breaker), Ok(())));
        let panicked = std::panic::AssertUnwindSafe(|| {
            _ = panics.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        });
        std::panic::catch_unwind(panicked).unwrap_err();
        assert_eq!((state("panics"), breaker.totals().panicked), (Some(State::Open), 1));
        breaker.reset();
        // It waits when others have come already.
        let mut waits = Box::pin(breaker.keyed("waits").call(async {
            flood(&breaker);
            after(SECOND).await
        }));
        begin(&mut waits);
        flood(&breaker);
        waits.await.unwrap_err();
        assert_eq!((state("waits"), breaker.totals().failures), (Some(State::Open), 3));
        breaker.reset();
        // While it runs, its key has got another breaker, which has opened.
        let open = || {
            flood(&breaker);
            fail(&breaker, "late");
        };
        at_once("late", open, Ok(())).await.unwrap();
        assert_eq!((state("late"), breaker.totals().stale), (Some(State::Open), 1));
    }

    #[circuit_breaker("under way: below", key = key, max_keys = 2, consecutive_failures = 1)]
    #[retry(attempts = 2, delay = "1s", jitter = none)]
    async fn retried(key: &str) -> Result<(), Error> {
        assert!(!key.is_empty());
        Err(Error::Failed)
    }

    #[circuit_breaker("under way: below", key = key)]
    #[bulkhead(max_concurrent = 1, max_queue = 1, name = "under way: below")]
    async fn queued(key: &str) -> Result<(), Error> {
        assert!(!key.is_empty());
        Err(Error::Failed)
    }

    /// For anything but its body.
    #[tokio::test(start_paused = true)]
    async fn a_call_that_waits_below_its_breaker_is_under_way() {
        registry().prepare();
        let breaker = registry().circuit_breaker("under way: below").unwrap();
        let state = |key: &str| breaker.of_key(key).map(|key| key.state());
        let mut retried = Box::pin(retried("retried"));
        begin(&mut retried);
        flood(&breaker);
        assert_eq!(state("retried"), Some(State::Closed));
        retried.await.unwrap_err();
        assert_eq!((state("retried"), breaker.totals().stale), (Some(State::Open), 0));

        breaker.reset();
        let inside = registry().bulkhead("under way: below").unwrap().try_acquire_owned().unwrap();
        let mut queued = Box::pin(queued("queued"));
        begin(&mut queued);
        flood(&breaker);
        assert_eq!(state("queued"), Some(State::Closed));
        drop(inside);
        queued.await.unwrap_err();
        assert_eq!((state("queued"), breaker.totals().stale), (Some(State::Open), 0));

        breaker.reset();
        let stack = Pipeline::builder("under way: stack").circuit_breaker("under way: below");
        let pipeline = stack.bulkhead("under way: below").build().unwrap();
        // All that has keys in a pipeline is asked by the same one.
        let inside = registry().bulkhead("under way: below").unwrap().try_acquire_owned_for("mine").unwrap();
        let mut call = Box::pin(pipeline.keyed("mine").call(|| async { Err::<(), _>(Error::Failed) }));
        begin(&mut call);
        flood(&breaker);
        drop(inside);
        let Failure::Call(_) = call.await.unwrap_err() else { panic!("it is not rejected") };
        assert_eq!(state("mine"), Some(State::Open));
    }

    /// A permit is its key's until it has ended, whatever it is and however late it comes.
    #[test]
    fn a_permit_that_is_asked_for_while_others_come_is_its_keys() {
        const ROUNDS: u64 = if cfg!(miri) { 10 } else { 5_000 };
        let breaker =
            Arc::new(stock().consecutive_failures(1_000_000).window(Window::None).max_keys(1).build().unwrap());
        let begins = Barrier::new(3);
        let alone = |ask: &(dyn Fn(u64) + Sync)| {
            begins.wait();
            (0..ROUNDS).for_each(ask);
        };
        std::thread::scope(|scope| {
            scope.spawn(|| alone(&|call| breaker.try_acquire_owned_for(call).unwrap().failure()));
            scope.spawn(|| alone(&|call| breaker.keyed(call + ROUNDS).try_acquire().unwrap().failure()));
            scope.spawn(|| {
                alone(&|call| {
                    let call = pin!(breaker.keyed(call + 2 * ROUNDS).call(async { Err::<(), _>(()) }));
                    assert!(call.poll(&mut Context::from_waker(Waker::noop())).is_ready());
                });
            });
        });
        assert_eq!((breaker.totals().failures, breaker.totals().stale), (3 * ROUNDS, 0));
    }

    /// Of a key's breaker that is asked by itself, too, whether the permit borrows it or not.
    #[tokio::test(start_paused = true)]
    async fn a_permit_of_its_own_breaker_keeps_it() {
        let breaker = Arc::new(stock().max_keys(1).consecutive_failures(1).build().unwrap());
        let own = || {
            breaker.keyed("a").try_acquire().unwrap().success();
            breaker.of_key("a").unwrap()
        };
        for is_owned in [true, false] {
            let own = own();
            let (borrowed, owned) = match is_owned {
                true => (None, Some(own.try_acquire_owned().unwrap())),
                false => (Some(own.try_acquire().unwrap()), None),
            };
            flood(&breaker);
            owned.into_iter().for_each(|permit| permit.failure());
            borrowed.into_iter().for_each(|permit| permit.failure());
            assert_eq!(breaker.of_key("a").map(|breaker| breaker.state()), Some(State::Open), "owned: {is_owned}");
            breaker.reset();
            flood(&breaker);
            assert!(breaker.of_key("a").is_none());
        }
    }

    /// Of a call that panics too, and of one that is not async.
    #[tokio::test(start_paused = true)]
    async fn a_panic_ends_it() {
        let breaker = Arc::new(stock().max_keys(1).consecutive_failures(9).build().unwrap());
        let permit = breaker.try_acquire_owned_for("a").unwrap();
        let panics = std::panic::AssertUnwindSafe(|| permit.watch_call(|| panic!("as told")));
        std::panic::catch_unwind(panics).unwrap_err();
        drop(permit);
        assert_eq!((breaker.totals().failures, breaker.totals().panicked, breaker.totals().cancelled), (1, 1, 0));
        flood(&breaker);
        assert!(breaker.of_key("a").is_none());
    }

    /// Of the other kinds it is whoever is inside, and whoever waits.
    #[tokio::test(start_paused = true)]
    async fn a_bulkhead_and_a_limiter_are_kept_too() {
        let pool = Arc::new(Bulkhead::builder("pool").max_concurrent(1).max_queue(1).max_keys(2).build().unwrap());
        let place = pool.try_acquire_owned_for("mine").unwrap();
        let mut waits = Box::pin(pool.keyed("mine").acquire());
        begin(&mut waits);
        let api = RateLimiter::builder("api")
            .rate(Rate::per_second(1))
            .burst(1)
            .max_wait(9 * SECOND)
            .max_keys(2)
            .build()
            .unwrap();
        api.keyed("mine").try_acquire().unwrap();
        let mut turn = Box::pin(api.keyed("mine").acquire());
        begin(&mut turn);
        for key in 0..100 {
            let _ = (pool.keyed(key).try_acquire(), api.keyed(key).try_acquire());
        }
        let mine = pool.of_key("mine").unwrap().snapshot();
        assert_eq!((mine.inside, mine.waiting), (1, 1));
        drop(place);
        let Poll::Ready(Ok(place)) = waits.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("it is the next one")
        };
        assert!(pool.keyed("mine").try_acquire().is_err());
        drop(place);
        turn.await.unwrap();
        assert_eq!(api.of_key("mine").unwrap().snapshot().waited, 1);
    }
}
