//! A call of a breaker that is made inside of another call of the same breaker.

use resilience_runtime::{
    CircuitBreaker, Ended, Event, EventFilter, Failure, NextCall, Rejection, State, Topic, circuit_breaker, registry,
};
use std::time::Duration;
use tokio::time::advance;

type Answer = Result<u32, Failure<&'static str>>;

async fn half_open(half_open_calls: u32) -> CircuitBreaker {
    let builder = CircuitBreaker::builder("nested").consecutive_failures(2).half_open_calls(half_open_calls);
    let breaker = builder.build().unwrap();
    for _ in 0..2 {
        breaker.try_acquire().unwrap().failure();
    }
    advance(Duration::from_secs(30)).await;
    breaker
}

/// One page after the other, each by a call of its own.
async fn pages(breaker: &CircuitBreaker, pages: u32, fails_at: u32) -> Result<u32, &'static str> {
    let mut read = 0;
    for page in 0..pages {
        let answer: Answer = breaker
            .call(async {
                tokio::task::yield_now().await;
                if page == fails_at { Err("no such page") } else { Ok(1) }
            })
            .await;
        match answer {
            Ok(pages) => read += pages,
            Err(Failure::Call(_)) => {}
            Err(_) => return Err("rejected"),
        }
        tokio::task::yield_now().await;
    }
    Ok(read)
}

#[tokio::test(start_paused = true)]
async fn a_call_nested_in_a_probe_is_part_of_it() {
    let breaker = half_open(1).await;
    let before = breaker.totals();
    let read: Answer = breaker
        .call(async {
            assert!(matches!(breaker.next_call(), NextCall::Probe { .. }));
            pages(&breaker, 50, u32::MAX).await
        })
        .await;
    assert_eq!(read, Ok(50), "it takes no place of its own");
    assert_eq!(breaker.state(), State::Closed, "the probe alone is judged");
    let since = breaker.totals().since(&before);
    assert_eq!((since.successes, since.ignored, since.rejected), (1, 50, 0));
    // In a closed breaker both count.
    let before = breaker.totals();
    let _: Answer = breaker.call(pages(&breaker, 5, u32::MAX)).await;
    assert_eq!(breaker.totals().since(&before).successes, 6);
}

#[tokio::test(start_paused = true)]
async fn a_nested_call_is_told_as_one_that_says_nothing() {
    let builder = CircuitBreaker::builder("nested: told").consecutive_failures(1).half_open_calls(1);
    let breaker = builder.register().unwrap();
    breaker.try_acquire().unwrap().failure();
    advance(Duration::from_secs(30)).await;
    let filter = EventFilter::of([Topic::Outcome]).named("nested: told".parse().unwrap());
    let mut events = registry().subscribe_with(filter);
    let inner = breaker.call(async { Ok::<_, &str>(1) });
    assert!(breaker.call(inner).await.is_ok());
    let told = std::iter::from_fn(|| events.try_recv());
    let ended: Vec<_> =
        told.map(|event| if let Event::Outcome { ended, .. } = event { Some(ended) } else { None }).collect();
    assert_eq!(ended, [Some(Ended::Ignored), Some(Ended::Succeeded)]);
}

#[tokio::test(start_paused = true)]
async fn once_a_nested_one_has_failed_the_next_ones_are_rejected() {
    let breaker = half_open(3).await;
    let before = breaker.totals();
    let read: Answer = breaker
        .call(async {
            let read = pages(&breaker, 1000, 2).await;
            assert!(matches!(breaker.next_call(), NextCall::Rejected(_)));
            read
        })
        .await;
    assert_eq!(read, Err(Failure::Call("rejected")));
    let since = breaker.totals().since(&before);
    assert_eq!((since.failures, since.ignored, since.rejected), (1, 3, 1));
    assert_eq!(breaker.state(), State::Open, "the probe has failed");

    // What it makes of the failure is its own affair.
    let breaker = half_open(1).await;
    let answer: Answer = breaker
        .call(async {
            let _ = pages(&breaker, 1000, 0).await;
            Ok(7)
        })
        .await;
    assert_eq!((answer, breaker.state()), (Ok(7), State::Closed));
}

#[tokio::test(start_paused = true)]
async fn a_call_beside_a_probe_is_not_part_of_it() {
    let breaker = half_open(1).await;
    let probe = breaker.call(async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok::<_, &str>(())
    });
    let beside = async {
        tokio::task::yield_now().await;
        breaker.try_acquire().map(drop)
    };
    let (probe, beside) = tokio::join!(probe, beside);
    assert!(probe.is_ok() && beside.is_err());
    // Nor is one of another breaker, or of another state.
    let (other, breaker) = (half_open(1).await, half_open(1).await);
    let _: Answer = breaker
        .call(async {
            let (first, second) = (other.try_acquire().unwrap(), other.try_acquire());
            assert!(second.is_err());
            first.success();
            Ok(0)
        })
        .await;
    assert_eq!((breaker.state(), other.state()), (State::Closed, State::Closed));
}

#[tokio::test(start_paused = true)]
async fn once_a_nested_one_was_abandoned_the_next_ones_are_rejected() {
    let breaker = half_open(3).await;
    let answer = breaker
        .call(async {
            let hangs = breaker.call(std::future::pending::<Result<u32, &str>>());
            assert!(tokio::time::timeout(Duration::from_secs(2), hangs).await.is_err());
            Ok::<_, &str>(breaker.try_acquire().is_err())
        })
        .await;
    assert_eq!(answer, Ok(true));
}

#[tokio::test(start_paused = true)]
async fn a_probe_in_which_one_has_failed_is_abandoned_as_any_other() {
    let breaker = half_open(3).await;
    let hangs = breaker.call(async {
        let failed: Answer = breaker.call(async { Err("no such page") }).await;
        assert_eq!(failed, Err(Failure::Call("no such page")));
        std::future::pending::<Result<u32, &str>>().await
    });
    assert!(tokio::time::timeout(Duration::from_secs(2), hangs).await.is_err());
    assert_eq!((breaker.totals().abandoned, breaker.totals().cancelled), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn what_fails_in_a_probe_that_another_one_polls_has_failed_in_that_one_alone() {
    let breaker = half_open(3).await;
    let inner = breaker.try_acquire().unwrap();
    let outer: Result<_, Failure<&str>> = breaker
        .call(async {
            let fails = std::pin::pin!(async {
                let _: Answer = breaker.call(async { Err("no such page") }).await;
                breaker.try_acquire().is_err()
            });
            Ok((inner.watch(fails).await, breaker.try_acquire().is_ok()))
        })
        .await;
    assert_eq!(outer, Ok((true, true)));
}

#[tokio::test(start_paused = true)]
async fn a_call_in_the_body_of_a_probe_that_is_over_is_part_of_no_other_probe() {
    let breaker = half_open(1).await;
    let late = breaker.call(async {
        tokio::time::sleep(Duration::from_secs(100)).await;
        Ok::<_, &str>(breaker.try_acquire().is_err())
    });
    let next = async {
        // The first one had not answered after 60 s, and 30 s later there may be another one.
        tokio::time::sleep(Duration::from_secs(95)).await;
        let probe = breaker.try_acquire().unwrap();
        tokio::time::sleep(Duration::from_secs(10)).await;
        probe.success();
    };
    let (is_rejected, ()) = tokio::join!(late, next);
    assert_eq!((is_rejected, breaker.state()), (Ok(true), State::Closed));
}

#[circuit_breaker("nested: tree", consecutive_failures = 2, half_open_calls = 1, failure_if = |e| matches!(e, Rejection::TimedOut { .. }))]
fn tree(depth: u32, fails: bool) -> Result<u32, Rejection> {
    match depth {
        0 if fails => Err(Rejection::TimedOut { name: "leaf".into(), after: Duration::ZERO }),
        0 => Ok(1),
        _ => Ok(tree(depth - 1, fails)? + tree(depth - 1, fails)?),
    }
}

#[tokio::test(start_paused = true)]
async fn a_function_that_calls_itself_closes_its_breaker() {
    for _ in 0..2 {
        let _ = tree(0, true);
    }
    advance(Duration::from_secs(30)).await;
    assert_eq!(tree(5, false).unwrap(), 32);
    assert_eq!(registry().circuit_breaker("nested: tree").unwrap().state(), State::Closed);
    assert!(tree(0, true).is_err() && tree(0, true).is_err());
    advance(Duration::from_secs(30)).await;
    let before = registry().circuit_breaker("nested: tree").unwrap().totals();
    assert!(tree(5, true).is_err());
    let since = registry().circuit_breaker("nested: tree").unwrap().totals().since(&before);
    assert_eq!((since.failures, since.ignored), (1, 5), "the leaf, and those above it");
}
