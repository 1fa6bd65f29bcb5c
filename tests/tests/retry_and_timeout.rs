//! Points 14 to 16 of the semantics for the types themselves, in virtual time.

use resilience_runtime::{
    Backoff, Event, Failure, GaveUp, Jitter, Rejection, RejectionKind, Retry, RetryConfig, RetryEvent, Timeout,
    TimeoutConfig, Timestamp, registry,
};
use std::cell::Cell;
use std::future::pending;
use std::time::Duration;
use tokio::time::{Instant, sleep};

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn retry(config: RetryConfig) -> Retry {
    Retry::builder("tests").config(config).build().unwrap()
}

fn plain() -> RetryConfig {
    RetryConfig::new().jitter(Jitter::None)
}

#[tokio::test(start_paused = true)]
async fn the_last_error_is_returned_as_it_is() {
    let made = Cell::new(0);
    let start = Instant::now();
    let answer = retry(plain())
        .call(|| async {
            made.set(made.get() + 1);
            Err::<(), _>(made.get())
        })
        .await;
    assert_eq!(answer, Err(3));
    assert_eq!(start.elapsed(), millis(300), "100 and 200");
}

#[tokio::test(start_paused = true)]
async fn no_attempt_begins_past_max_elapsed() {
    let made = Cell::new(0);
    let start = Instant::now();
    let retry = retry(plain().backoff(Backoff::Constant).attempts(100).max_elapsed(millis(1000)));
    let answer = retry
        .call(|| async {
            made.set(made.get() + 1);
            sleep(millis(50)).await;
            Err::<(), _>("down")
        })
        .await;
    assert_eq!((answer, made.get()), (Err("down"), 7));
    assert_eq!(start.elapsed(), millis(950), "the wait for an eighth would have ended at 1050");
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_was_asked_for_is_kept_and_too_long_a_one_ends_it() {
    let retry = Retry::builder("asked").config(RetryConfig::new().max_delay(millis(5000))).build().unwrap();
    for (asked, waits) in [(millis(700), true), (millis(5000), true), (millis(5001), false)] {
        let mut run = retry.start();
        match run.after(Err::<(), _>(Failure::Call("busy")), |_| true, |_| Some(asked), |_| ()) {
            std::ops::ControlFlow::Continue(wait) => {
                assert!(waits && wait.duration() >= asked && wait.duration() <= millis(5000), "{wait:?}");
            }
            std::ops::ControlFlow::Break(result) => assert!(!waits && result == Err(Failure::Call("busy"))),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_rejection_goes_by_the_set_and_brings_its_own_wait() {
    let retry = retry(plain());
    let limited = Rejection::RateLimited { name: "limit".into(), key: None, retry_after: Some(millis(1234)) };
    let mut run = retry.start();
    let after = run.after(Err::<(), Failure<()>>(Failure::Rejected(limited)), |_| false, |_| None, |_| ());
    assert!(matches!(after, std::ops::ControlFlow::Continue(wait) if wait.duration() == millis(1234)));

    let open = resilience_runtime::CircuitBreaker::builder("open").build().unwrap();
    open.force_open();
    let open = open.try_acquire().unwrap_err();
    let after = run.after(Err::<(), Failure<()>>(Failure::Rejected(open.clone())), |_| true, |_| None, |_| ());
    assert!(matches!(after, std::ops::ControlFlow::Break(Err(Failure::Rejected(last))) if last == open));
}

#[tokio::test(start_paused = true)]
async fn a_spent_budget_returns_the_error() {
    let retry = retry(plain().budget(10.0).delay(Duration::ZERO).backoff(Backoff::Constant).attempts(2));
    for _ in 0..2000 {
        let _ = retry.call(|| async { Err::<(), _>("down") }).await;
    }
    let snapshot = retry.snapshot();
    // The first calls see a budget of few calls: at the end a tenth of all, and a hundred that are free.
    assert!((280..=300).contains(&snapshot.retries), "{snapshot:?}");
    assert_eq!(snapshot.gave_up.budget, 2000 - snapshot.retries);
}

#[tokio::test(start_paused = true)]
async fn attempts_and_elapsed_time_are_in_the_events() {
    let mut events = registry().subscribe();
    let told = Cell::new(0);
    let retry = Retry::builder("told").config(plain()).build().unwrap();
    let mut run = retry.start();
    loop {
        sleep(millis(10)).await;
        let result = Err::<(), _>(Failure::Call("down"));
        let tells = |event: &RetryEvent| {
            assert_eq!((event.at, event.order.generation), (Timestamp::now(), 0));
            told.set(told.get() + event.attempt);
        };
        match run.after(result, |_| true, |_| None, tells) {
            std::ops::ControlFlow::Continue(wait) => wait.await,
            std::ops::ControlFlow::Break(_) => break,
        }
    }
    assert_eq!(told.get(), 1 + 2);
    let mut seen = Vec::new();
    while let Some(event) = events.try_recv() {
        match event {
            Event::Retry(event) if event.name == "told" => seen.push((event.attempt, event.elapsed, event.wait)),
            Event::RetriesEnded { name, attempts, elapsed, why, .. } if name == "told" => {
                assert_eq!((attempts, elapsed, why), (3, millis(330), GaveUp::Attempts));
                seen.push((attempts, elapsed, Duration::ZERO));
            }
            _ => {}
        }
    }
    assert_eq!(seen, [(1, millis(10), millis(100)), (2, millis(120), millis(200)), (3, millis(330), Duration::ZERO)]);
}

#[tokio::test(start_paused = true)]
async fn jitter_does_not_make_too_long_what_was_asked_for_and_fits() {
    let config = RetryConfig::new().delay(millis(500)).max_elapsed(millis(1000));
    let retry = Retry::builder("fits").config(config).build().unwrap();
    for (asked, fits) in [(millis(900), true), (millis(1000), true), (millis(1001), false)] {
        for _ in 0..20 {
            let after = retry.start().after(Err::<(), _>(Failure::Call("busy")), |_| true, |_| Some(asked), |_| ());
            match after {
                std::ops::ControlFlow::Continue(wait) => {
                    assert!(fits && (asked..=millis(1000)).contains(&wait.duration()), "{wait:?}");
                }
                std::ops::ControlFlow::Break(_) => assert!(!fits),
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn when_an_open_circuit_ends_it_the_failure_before_is_in_the_event() {
    let mut events = registry().subscribe();
    let retry = Retry::builder("opened").config(plain()).build().unwrap();
    let open = resilience_runtime::CircuitBreaker::builder("opened").build().unwrap();
    open.force_open();
    let mut run = retry.start();
    let timed_out = Rejection::TimedOut { name: "slow".into(), after: millis(1) };
    for rejection in [timed_out, open.try_acquire().unwrap_err()] {
        let _ = run.after(Err::<(), Failure<()>>(Failure::Rejected(rejection)), |_| true, |_| None, |_| ());
    }
    let ended = std::iter::from_fn(|| events.try_recv()).find_map(|event| match event {
        Event::RetriesEnded { name, rejection, before, .. } if name == "opened" => Some((rejection, before)),
        _ => None,
    });
    assert_eq!(ended, Some((Some(RejectionKind::CircuitOpen), Some(RejectionKind::TimedOut))));
}

#[tokio::test(start_paused = true)]
async fn a_timeout_names_the_limit_that_was_passed() {
    let timeout = timeout(millis(10));
    let (answer, ()) = tokio::join!(timeout.call(pending::<Result<(), ()>>()), async {
        sleep(millis(1)).await;
        timeout.reconfigure(TimeoutConfig::new().after(millis(500))).unwrap();
    });
    assert!(matches!(answer, Err(Failure::Rejected(Rejection::TimedOut { after, .. })) if after == millis(10)));
}

fn timeout(after: Duration) -> Timeout {
    Timeout::builder("tests").after(after).build().unwrap()
}

#[test]
fn a_timeout_that_is_refused_leaves_the_one_before_in_force() {
    let timeout = timeout(millis(100));
    timeout.reconfigure(TimeoutConfig::new().after(Duration::ZERO)).unwrap_err();
    assert_eq!(timeout.snapshot().after, millis(100));
}

#[tokio::test(start_paused = true)]
async fn a_timeout_is_never_early_and_drops_the_call_at_once() {
    struct Dropped<'a>(&'a Cell<bool>);
    impl Drop for Dropped<'_> {
        fn drop(&mut self) {
            self.0.set(true);
        }
    }
    let dropped = Cell::new(false);
    let start = Instant::now();
    let answer = timeout(millis(250))
        .call(async {
            let _held = Dropped(&dropped);
            pending::<Result<(), ()>>().await
        })
        .await;
    assert!(dropped.get());
    assert!(matches!(answer, Err(Failure::Rejected(Rejection::TimedOut { .. }))));
    assert_eq!(start.elapsed(), millis(250));
}

#[tokio::test(start_paused = true)]
async fn a_timeout_above_a_retry_stops_it_between_attempts() {
    let made = Cell::new(0);
    let retry = retry(plain().attempts(100));
    let answer = timeout(millis(250))
        .call(retry.call(|| async {
            made.set(made.get() + 1);
            Err::<(), _>(())
        }))
        .await;
    assert!(matches!(answer, Err(Failure::Rejected(_))));
    assert_eq!(made.get(), 2, "at 0 and 100; the third would be at 300");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_always_busy_times_out_too() {
    let busy = async {
        // Ready every time: each poll ends because the task's budget is used up, and nothing of it is left for the timer.
        for _ in 0..128 * 1000 {
            tokio::task::coop::consume_budget().await;
        }
        Ok(())
    };
    let clock = tokio::spawn(async {
        loop {
            tokio::time::advance(millis(1)).await;
        }
    });
    let answer: Result<(), Failure<()>> = timeout(millis(50)).call(busy).await;
    clock.abort();
    assert!(matches!(answer, Err(Failure::Rejected(_))));
}

#[test]
fn the_futures_are_small_and_can_be_sent() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    let (retry, timeout) = (retry(plain()), timeout(millis(1)));
    assert!(size_of_val(&retry.start()) <= 64);
    let mut body = std::pin::pin!(std::future::ready(()));
    let timed = is_send(timeout.run(body.as_mut()));
    assert!(size_of_val(&timed) <= 64 + size_of::<tokio::time::Sleep>(), "{}", size_of_val(&timed));
    is_send(retry.start());
}

#[tokio::test(start_paused = true)]
async fn an_ordinary_error_is_no_event_of_the_retry() {
    let mut events = registry().subscribe();
    let retry = Retry::builder("ordinary").build().unwrap();
    assert_eq!(retry.call_if(|| async { Err::<(), _>("no such item") }, |_| false).await, Err("no such item"));
    let told = std::iter::from_fn(|| events.try_recv())
        .any(|event| matches!(event, Event::RetriesEnded { name, .. } if name == "ordinary"));
    assert!(!told);
}
