//! Permits and places that borrow nothing: moved into tasks and streams, they end with them.

use resilience_runtime::{Bulkhead, CircuitBreaker, OwnedPermit, OwnedPlace, Rejection, State};
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

fn breaker() -> Arc<CircuitBreaker> {
    Arc::new(CircuitBreaker::builder("owned").consecutive_failures(1).half_open_calls(1).build().unwrap())
}

fn pool() -> Arc<Bulkhead> {
    Arc::new(Bulkhead::builder("owned").max_concurrent(1).max_queue(1).build().unwrap())
}

fn counted(breaker: &CircuitBreaker) -> (u64, u64, u64, u64, u64) {
    let totals = breaker.totals();
    (totals.successes, totals.failures, totals.ignored, totals.cancelled, totals.abandoned)
}

/// What a stream holds until it has ended.
struct Feed {
    left: u32,
    permit: Option<OwnedPermit>,
    _place: OwnedPlace,
}

impl Iterator for Feed {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                Some(left)
            }
            None => {
                self.permit.take().into_iter().for_each(OwnedPermit::success);
                None
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_lasts_for_as_long_as_the_stream_that_has_its_permit() {
    let (breaker, pool) = (breaker(), pool());
    let feed = || -> Result<Feed, Rejection> {
        let place = pool.try_acquire_owned()?;
        Ok(Feed { left: 3, permit: Some(breaker.try_acquire_owned()?), _place: place })
    };
    let first = feed().unwrap();
    assert!(feed().is_err(), "the place is held");
    let read = tokio::spawn(async move { first.count() }).await.unwrap();
    assert_eq!((read, counted(&breaker)), (3, (1, 0, 0, 0, 0)));
    let mut left_early = feed().unwrap();
    left_early.next();
    drop(left_early);
    assert_eq!((counted(&breaker), pool.snapshot().inside), ((1, 0, 0, 1, 0), 0));
}

#[tokio::test(start_paused = true)]
async fn each_end_counts_once() {
    let breaker = Arc::new(CircuitBreaker::builder("owned").consecutive_failures(100).build().unwrap());
    let permit = || breaker.try_acquire_owned().unwrap();
    permit().success();
    permit().ignore();
    permit().abandoned();
    drop(permit());
    assert_eq!(permit().run(async { Ok::<_, ()>(7) }).await, Ok(7));
    let hangs = tokio::time::timeout(Duration::from_secs(2), permit().run(pending::<Result<(), ()>>()));
    assert!(hangs.await.is_err());
    drop(permit().run(async { Ok::<_, ()>(()) }));
    permit().failure();
    assert_eq!(counted(&breaker), (2, 1, 1, 2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_probe_can_be_moved() {
    let breaker = breaker();
    let permit = || breaker.try_acquire_owned().unwrap();
    permit().failure();
    assert!(breaker.try_acquire_owned().is_err());
    tokio::time::advance(Duration::from_secs(30)).await;
    let probe = permit();
    assert!(breaker.try_acquire_owned().is_err());
    tokio::spawn(async move { probe.success() }).await.unwrap();
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn they_are_had_of_a_key_too() {
    let (breaker, pool) = (breaker(), pool());
    let permit = breaker.try_acquire_owned_for(("acme", 7)).unwrap();
    let place = pool.try_acquire_owned_for("acme").unwrap();
    assert_eq!(pool.try_acquire_owned_for("acme").unwrap_err().key().unwrap().as_str(), "acme");
    let other = pool.try_acquire_owned_for("globex").unwrap();
    let waits = tokio::spawn(Arc::clone(&pool).acquire_owned_for("acme"));
    tokio::task::yield_now().await;
    assert_eq!(pool.snapshot().waiting, 1);
    drop(place);
    let next = waits.await.unwrap().unwrap();
    assert_eq!(pool.snapshot().inside, 2);
    drop((next, other));
    permit.failure();
    assert!(breaker.try_acquire_owned_for(("acme", 7)).is_err());
    assert!(breaker.try_acquire_owned_for(("acme", 8)).is_ok());
    // Where a key has none of its own, it is that of the keys that share one.
    let long = "x".repeat(2000);
    let shared = pool.try_acquire_owned_for(&long).unwrap();
    assert_eq!(pool.try_acquire_owned().unwrap_err().key(), None);
    drop(shared);
    assert!(Arc::clone(&pool).acquire_owned().await.is_ok());
}

/// What a permit that borrows can say and find out, an owned one can too.
#[tokio::test(start_paused = true)]
async fn they_watch_as_others_do() {
    let breaker = breaker();
    let permit = breaker.try_acquire_owned().unwrap();
    assert_eq!(permit.watch(std::pin::pin!(async { 7 })).await, 7);
    permit.failure_because(&"connection refused");
    assert_eq!(breaker.snapshot().last_error.unwrap().cause, "connection refused");
    breaker.reset();

    for (waits, expected) in [(500, (1, 0)), (1500, (1, 1))] {
        let permit = breaker.try_acquire_owned().unwrap();
        {
            let body = std::pin::pin!(pending::<()>());
            assert!(tokio::time::timeout(Duration::from_millis(waits), permit.watch(body)).await.is_err());
        }
        // It is known afterwards, and elsewhere.
        tokio::spawn(async move { drop(permit) }).await.unwrap();
        assert_eq!((breaker.totals().cancelled, breaker.totals().abandoned), expected);
    }

    breaker.reset();
    let permit = breaker.try_acquire_owned().unwrap();
    let poll = || permit.watch_poll(|| -> std::task::Poll<()> { panic!("as told") });
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(poll)).unwrap_err();
    drop(permit);
    assert_eq!((breaker.totals().panicked, breaker.totals().cancelled), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_call_nested_in_an_owned_probe_is_part_of_it() {
    let breaker = breaker();
    breaker.force_open_for(Duration::from_secs(1));
    tokio::time::advance(Duration::from_secs(1)).await;
    let probe = breaker.try_acquire_owned().unwrap();
    probe.watch_call(|| {
        let nested = breaker.try_acquire().unwrap();
        nested.failure();
        assert!(breaker.try_acquire().is_err(), "once one has failed, the next ones are rejected");
    });
    // Also where the body is polled again.
    probe.watch_call(|| assert!(breaker.try_acquire().is_err()));
    probe.success();
}
