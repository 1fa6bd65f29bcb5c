//! All cores on one breaker, with calls that are cancelled and calls that panic: afterwards every place is free and every outcome
//! was counted, to the unit. Real time, because it is the scheduler that is wanted; bounded by the number of calls.

use resilience_runtime::{CircuitBreaker, CircuitBreakerConfig, Failure, State, Window};
use std::cell::Cell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

const CALLS: u64 = 200_000;

#[derive(Default)]
struct Seen {
    successes: AtomicU64,
    failures: AtomicU64,
    ignored: AtomicU64,
    cancelled: AtomicU64,
    panicked: AtomicU64,
    rejected: AtomicU64,
}

/// xorshift: fast, seeded, and good enough to mix outcomes.
struct Dice(Cell<u64>);

impl Dice {
    fn throw(&self, sides: u64) -> u64 {
        let mut x = self.0.get();
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.0.set(x);
        x % sides
    }
}

fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

fn one_call(breaker: &CircuitBreaker, dice: &Dice, seen: &Seen) {
    let throw = dice.throw(100);
    let call = async {
        match throw {
            0..60 => Ok(()),
            60..80 => Err("failed"),
            80..85 => std::future::pending().await,
            85..90 => std::panic::resume_unwind(Box::new("the body's own")),
            _ => Err("ignored"),
        }
    };
    let judged = breaker.call_judged(call, |error| match *error {
        "ignored" => resilience_runtime::Outcome::Ignored,
        _ => resilience_runtime::Outcome::Failure,
    });
    let counter = match catch_unwind(AssertUnwindSafe(|| poll_once(judged))) {
        Err(_) => &seen.panicked,
        Ok(Poll::Pending) => &seen.cancelled,
        Ok(Poll::Ready(Ok(()))) => &seen.successes,
        Ok(Poll::Ready(Err(Failure::Call("ignored")))) => &seen.ignored,
        Ok(Poll::Ready(Err(Failure::Call(_)))) => &seen.failures,
        Ok(Poll::Ready(Err(Failure::Rejected(_)))) => &seen.rejected,
        Ok(Poll::Ready(Err(other))) => unreachable!("{other:?}"),
    };
    counter.fetch_add(1, Relaxed);
}

fn storm(config: CircuitBreakerConfig) {
    let breaker = CircuitBreaker::builder("stress").config(config).build().unwrap();
    let seen = Seen::default();
    // More than there are shards, so that some threads share the last one.
    let threads = std::thread::available_parallelism().map_or(8, |cores| (cores.get() * 2).max(8)) as u64;
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (breaker, seen) = (&breaker, &seen);
            scope.spawn(move || {
                let dice = Dice(Cell::new(0x9e37_79b9_7f4a_7c15 ^ (thread + 1)));
                for call in 0..CALLS / threads {
                    one_call(breaker, &dice, seen);
                    // Steering while it runs loses nothing either.
                    match dice.throw(5000) {
                        0 => breaker.reset(),
                        1 => breaker.reconfigure(config).unwrap(),
                        2 if call % 2 == 0 => breaker.monitor(),
                        3 => breaker.enforce(),
                        _ => {}
                    }
                    if dice.throw(500) == 0 {
                        std::thread::yield_now();
                    }
                }
            });
        }
    });

    let totals = breaker.totals();
    let [successes, failures, ignored, cancelled, panicked, rejected] =
        [&seen.successes, &seen.failures, &seen.ignored, &seen.cancelled, &seen.panicked, &seen.rejected]
            .map(|counter| counter.load(Relaxed));
    assert_eq!(totals.rejected, rejected);
    assert_eq!((totals.ignored, totals.cancelled, totals.panicked), (ignored, cancelled, panicked));
    // An end that came too late is neither a success nor a failure.
    assert_eq!(totals.successes + totals.failures + totals.stale, successes + failures + panicked);
    assert!(totals.successes <= successes && totals.failures <= failures + panicked, "{totals:?}");
    assert_eq!(successes + failures + ignored + cancelled + panicked + rejected, CALLS / threads * threads);

    // No place is leaked: it can be closed by successes alone.
    breaker.enforce();
    let deadline = Instant::now() + Duration::from_secs(10);
    while breaker.state() != State::Closed {
        if let Ok(permit) = breaker.try_acquire() {
            permit.success();
        }
        assert!(Instant::now() < deadline, "stuck: {:?}", breaker.snapshot());
    }
    assert_eq!(breaker.snapshot().probes, None);
}

fn eager() -> CircuitBreakerConfig {
    // Opens often, and probes soon: most of the time something is in transition.
    CircuitBreakerConfig::new()
        .failure_rate(25.0)
        .minimum_calls(10)
        .open_for(Duration::from_millis(1))
        .half_open_calls(3)
}

#[test]
fn a_time_window_loses_nothing() {
    storm(eager().window(Window::Time(Duration::from_millis(20))));
}

#[test]
fn a_count_window_loses_nothing() {
    storm(eager().window(Window::Count(50)));
}

#[test]
fn a_row_loses_nothing() {
    storm(CircuitBreakerConfig::new().consecutive_failures(2).window(Window::None).open_for(Duration::from_millis(1)));
}
