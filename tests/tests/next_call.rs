//! A snapshot says what would happen to the next call and why, and asking changes nothing: what is said is what then happens.

use proptest::prelude::*;
use resilience_runtime::testing::Scope;
use resilience_runtime::{
    Bulkhead, BulkheadConfig, CircuitBreaker, Mode, NextCall, OpenReason, Rate, RateLimiter, Rejection, Retry, State,
    Timeout, Window, registry,
};
use std::time::Duration;
use tokio::time::advance;

const SECOND: Duration = Duration::from_secs(1);

fn breaker(mode: Mode) -> CircuitBreaker {
    let builder = CircuitBreaker::builder("payment").window(Window::None).consecutive_failures(2);
    builder.open_for(10 * SECOND).half_open_calls(2).half_open_timeout(5 * SECOND).mode(mode).build().unwrap()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

#[derive(Clone, Debug)]
enum Step {
    Call(bool),
    /// A call that stays under way.
    Begin,
    Advance(u64),
    Hand(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => any::<bool>().prop_map(Step::Call),
        2 => Just(Step::Begin),
        4 => (0_u64..6000).prop_map(Step::Advance),
        1 => (0_u8..5).prop_map(Step::Hand),
    ];
    prop::collection::vec(step, 1..40)
}

proptest! {
    #[test]
    fn what_is_said_of_the_next_call_is_what_happens_to_it(steps in steps()) {
        runtime().block_on(async {
            let breaker = breaker(Mode::Enforce);
            let mut under_way = Vec::new();
            for step in steps {
                match step {
                    Step::Advance(millis) => advance(Duration::from_millis(millis)).await,
                    Step::Hand(0) => breaker.force_open(),
                    Step::Hand(1) => breaker.disable(),
                    Step::Hand(2) => breaker.monitor(),
                    Step::Hand(3) => breaker.enforce(),
                    Step::Hand(_) => breaker.reset(),
                    Step::Call(_) | Step::Begin => {
                        let (state, totals) = (breaker.state(), breaker.totals());
                        let said = breaker.next_call();
                        assert_eq!((breaker.state(), breaker.totals()), (state, totals), "asking changes nothing");
                        let admitted = breaker.try_acquire();
                        match (&said, &admitted) {
                            (NextCall::Rejected(said), Err(rejection)) => assert_eq!(said, rejection),
                            (NextCall::Probe { .. }, Ok(_)) => {
                                assert!([State::HalfOpen, State::Monitoring].contains(&breaker.state()))
                            }
                            (NextCall::Admitted, Ok(_)) => {
                                assert!([State::Closed, State::Monitoring].contains(&breaker.state()));
                            }
                            (NextCall::Unguarded, Ok(_)) => assert_eq!(breaker.state(), State::Disabled),
                            (NextCall::WouldReject(_), Ok(_)) => {
                                assert_eq!(breaker.totals().would_reject, totals.would_reject + 1);
                            }
                            other => panic!("{other:?}"),
                        }
                        match (step, admitted) {
                            (Step::Call(true), Ok(permit)) => permit.success(),
                            (Step::Call(false), Ok(permit)) => permit.failure(),
                            (_, Ok(permit)) => under_way.push(permit),
                            (_, Err(_)) => {}
                        }
                    }
                }
            }
        });
    }
}

#[tokio::test(start_paused = true)]
async fn a_breaker_says_why_and_since_when() {
    let breaker = breaker(Mode::Enforce);
    advance(3 * SECOND).await;
    assert_eq!((breaker.snapshot().age, breaker.snapshot().next), (3 * SECOND, NextCall::Admitted));
    for _ in 0..2 {
        breaker.try_acquire().unwrap().failure();
    }
    advance(4 * SECOND).await;
    let snapshot = breaker.snapshot();
    assert_eq!(snapshot.age, 4 * SECOND, "since it opened");
    assert_eq!(
        snapshot.next.to_string(),
        "it is rejected: circuit breaker `payment` is open: 2 consecutive failures; try again in 6s"
    );
    advance(6 * SECOND).await;
    let due = breaker.snapshot().next;
    assert_eq!(due, NextCall::Probe { reason: OpenReason::ConsecutiveFailures { failures: 2 } });
    assert_eq!(due.to_string(), "it passes as a probe; the breaker had opened because 2 consecutive failures");
    let _hangs = breaker.try_acquire().unwrap();
    advance(5 * SECOND).await;
    // Nobody has noticed yet that the probe did not answer.
    assert_eq!(breaker.state(), State::HalfOpen);
    let expected =
        "it is rejected: circuit breaker `payment` is open: a probe did not answer in time; try again in 10s";
    assert_eq!(breaker.snapshot().next.to_string(), expected);
    assert_eq!(serde_json::to_value(breaker.snapshot().next).unwrap()["rejection"]["name"], "payment");
    advance(10 * SECOND).await;
    // Nor that the opening which followed from that is over.
    assert_eq!(breaker.state(), State::HalfOpen);
    assert_eq!(breaker.next_call(), NextCall::Probe { reason: OpenReason::ProbeTimedOut });
    breaker.disable();
    assert_eq!(breaker.snapshot().next.to_string(), "it passes uncounted, because the policy is turned off");
}

proptest! {
    /// Waits and turns are multiples of the same time, so that bounds are met exactly.
    #[test]
    fn what_is_said_of_the_next_turn_is_what_happens(
        burst in 1..4_u32,
        waits_for in 0..4_u32,
        pauses in prop::collection::vec(0..5_u32, 1..30),
    ) {
        const TURN: Duration = Duration::from_millis(100);
        runtime().block_on(async {
            let builder = RateLimiter::builder("mail").rate(Rate::per_second(10)).burst(burst);
            let limiter = builder.max_wait(waits_for * TURN).build().unwrap();
            for pause in pauses {
                advance(pause * TURN / 2).await;
                let said = limiter.snapshot();
                assert_eq!(said.available > 0, said.next == NextCall::Admitted, "{said:?}");
                let began = tokio::time::Instant::now();
                match (said.next, limiter.acquire().await) {
                    (NextCall::Admitted, Ok(())) => assert_eq!(began.elapsed(), Duration::ZERO),
                    (NextCall::Waits { ahead: 0, at_most }, Ok(())) => assert_eq!(Some(began.elapsed()), at_most),
                    (NextCall::Rejected(said), Err(rejection)) => assert_eq!(said, rejection),
                    other => panic!("{other:?}"),
                }
            }
        });
    }
}

#[tokio::test(start_paused = true)]
async fn every_kind_says_what_comes_next_and_how_old_it_is() {
    let scope = Scope::new();
    let _entered = scope.enter();
    let bulkhead = Bulkhead::builder("reports").max_concurrent(1).max_queue(1).max_wait(SECOND).register().unwrap();
    let limiter =
        RateLimiter::builder("mail").rate(Rate::per_second(2)).burst(2).max_wait(SECOND / 2).register().unwrap();
    let retry = Retry::builder("stock").attempts(3).delay(Duration::ZERO).budget(1.0).register().unwrap();
    Timeout::builder("slow").after(2 * SECOND).register().unwrap();
    advance(7 * SECOND).await;

    let all = registry().snapshot();
    let ages = [all.bulkheads[0].age, all.rate_limiters[0].age, all.retries[0].age, all.timeouts[0].age];
    assert_eq!(ages, [7 * SECOND; 4]);
    assert_eq!(all.timeouts[0].next.to_string(), "it may take 2s");
    assert_eq!(all.retries[0].next.to_string(), "it is tried up to 3 times");

    assert_eq!(bulkhead.snapshot().next, NextCall::Admitted);
    let _inside = bulkhead.try_acquire().unwrap();
    assert_eq!(bulkhead.snapshot().next, NextCall::Waits { ahead: 0, at_most: Some(SECOND) });
    let mut waits = Box::pin(bulkhead.acquire());
    assert!(futures_poll(&mut waits).await);
    let full = NextCall::Rejected(Rejection::BulkheadFull { name: "reports".into(), key: None });
    assert_eq!(bulkhead.snapshot().next, full);
    assert_eq!(full.to_string(), "it is rejected: bulkhead `reports` is full");
    bulkhead.reconfigure(BulkheadConfig::new().max_concurrent(1).max_queue(2)).unwrap();
    assert_eq!(bulkhead.snapshot().next.to_string(), "it waits behind 1");

    for _ in 0..2 {
        assert_eq!(limiter.snapshot().next, NextCall::Admitted);
        limiter.try_acquire().unwrap();
    }
    assert_eq!(limiter.snapshot().next.to_string(), "it waits, for at most 500ms");
    let mut waits = Box::pin(limiter.acquire());
    assert!(futures_poll(&mut waits).await);
    let expected = "it is rejected: rate limit `mail` is reached; try again in 1s";
    assert_eq!(limiter.snapshot().next.to_string(), expected);

    let of_each = RateLimiter::builder("of each").rate(Rate::per_second(1)).burst(1).max_keys(2).build().unwrap();
    of_each.keyed("eu").try_acquire().unwrap();
    let expected = "it is rejected: rate limit `of each[eu]` is reached; try again in 1s";
    assert_eq!(of_each.of_key("eu").unwrap().snapshot().next.to_string(), expected);

    // The free retries of ten seconds and one percent of as many calls.
    let before = retry.snapshot().retries;
    while retry.snapshot().next == (NextCall::Attempts { at_most: 3, budget_spent: false }) {
        retry.call(|| async { Err::<(), _>("down") }).await.unwrap_err();
        assert!(retry.snapshot().retries < before + 200, "it is spent at some time");
    }
    let over_budget = retry.snapshot().gave_up.budget;
    retry.call(|| async { Err::<(), _>("down") }).await.unwrap_err();
    assert_eq!(retry.snapshot().gave_up.budget, over_budget + 1, "and what was said is what happens");
    assert_eq!(retry.snapshot().next.to_string(), "it is tried once, because the budget for retries is spent");
}

/// Polls once; whether it waits.
async fn futures_poll<F: Future + Unpin>(future: &mut F) -> bool {
    std::future::poll_fn(|context| std::task::Poll::Ready(std::pin::Pin::new(&mut *future).poll(context).is_pending()))
        .await
}
