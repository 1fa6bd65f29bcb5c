//! The rate limiter in virtual time: exact over any interval, turns given back, waits that are refused at once.

use proptest::prelude::*;
use resilience_runtime::{Failure, Kind, Rate, RateLimitConfig, RateLimiter, RegisterError, Rejection, registry};
use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, advance, sleep, timeout};

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Ten a second.
fn limiter(burst: u32, max_wait: Duration) -> RateLimiter {
    RateLimiter::builder("r").rate(Rate::per_second(10)).burst(burst).max_wait(max_wait).build().unwrap()
}

fn refused(retry_after: Duration) -> Result<(), Rejection> {
    Err(Rejection::RateLimited { name: "r".into(), key: None, retry_after: Some(retry_after) })
}

#[tokio::test(start_paused = true)]
async fn a_burst_and_then_the_rate() {
    let limiter = limiter(3, Duration::ZERO);
    for _ in 0..3 {
        limiter.try_acquire().unwrap();
    }
    assert_eq!(limiter.try_acquire(), refused(millis(100)));
    advance(millis(99)).await;
    assert_eq!(limiter.acquire().await, refused(millis(1)));
    advance(millis(1)).await;
    limiter.try_acquire().unwrap();
    assert!(limiter.try_acquire().is_err());
    // It fills up to the burst and no further.
    advance(Duration::from_secs(100)).await;
    assert_eq!(limiter.snapshot().available, 3);
    let snapshot = limiter.snapshot();
    assert_eq!((snapshot.rate, snapshot.per, snapshot.burst), (10, Duration::from_secs(1), 3));
    assert_eq!((snapshot.allowed, snapshot.waited, snapshot.rejected), (4, 0, 3));
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_for_its_turn_or_is_refused_at_once() {
    let limiter = limiter(1, millis(250));
    let began = Instant::now();
    let call = || limiter.call(async { Ok::<_, ()>(began.elapsed()) });
    let (a, b, c, d) = tokio::join!(call(), call(), call(), call());
    assert_eq!([a, b, c], [0, 100, 200].map(|at| Ok(millis(at))));
    // Three are before it, and 300 is more than 250.
    assert!(
        matches!(d, Err(Failure::Rejected(Rejection::RateLimited { retry_after, .. })) if retry_after == Some(millis(300)))
    );
    let snapshot = limiter.snapshot();
    assert_eq!((snapshot.allowed, snapshot.waited, snapshot.rejected, snapshot.waiting), (3, 2, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn who_waits_is_not_passed() {
    let limiter = limiter(1, millis(500));
    limiter.try_acquire().unwrap();
    let began = Instant::now();
    let waiting = async {
        limiter.acquire().await.unwrap();
        assert_eq!(began.elapsed(), millis(100));
    };
    let trying = async {
        sleep(millis(50)).await;
        assert_eq!(limiter.try_acquire(), refused(millis(150)));
    };
    tokio::join!(waiting, trying);
}

/// failsafe-go loses the turns of those who are cancelled.
#[tokio::test(start_paused = true)]
async fn a_cancelled_waiter_gives_its_turn_back() {
    let limiter = limiter(1, millis(1000));
    limiter.try_acquire().unwrap();
    let began = Instant::now();
    let passed = || async {
        limiter.acquire().await.unwrap();
        began.elapsed()
    };
    let cancelled = || async { timeout(millis(50), limiter.acquire()).await.is_err() };
    // Of those before it two are cancelled: it moves up to the second turn.
    let (one, first, two, second) = tokio::join!(cancelled(), passed(), cancelled(), passed());
    assert!(one && two);
    assert_eq!((first, second), (millis(100), millis(200)));
    assert_eq!((limiter.snapshot().waiting, limiter.snapshot().waited), (0, 2));
    // And one that is refused, or cancelled, has taken nothing.
    assert!(cancelled().await);
    advance(millis(50)).await;
    limiter.try_acquire().unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_that_does_not_run_holds_up_nobody_for_longer_than_max_wait() {
    let limiter = limiter(1, millis(300));
    limiter.try_acquire().unwrap();
    let mut stuck = Box::pin(limiter.acquire());
    assert!(is_pending(&mut stuck).await);
    let began = Instant::now();
    limiter.acquire().await.unwrap();
    assert_eq!(began.elapsed(), millis(300));
    // It is still in its place, and passes when it runs again.
    stuck.await.unwrap();
    assert_eq!(began.elapsed(), millis(400));
}

async fn is_pending<F: Future + Unpin>(future: &mut F) -> bool {
    std::future::poll_fn(|context| std::task::Poll::Ready(std::pin::Pin::new(&mut *future).poll(context).is_pending()))
        .await
}

#[tokio::test(start_paused = true)]
async fn a_faster_rate_is_felt_by_those_who_wait() {
    let limiter =
        RateLimiter::builder("r").rate(Rate::per_minute(1)).burst(1).max_wait(millis(150_000)).build().unwrap();
    limiter.try_acquire().unwrap();
    let began = Instant::now();
    let waiting = || async {
        limiter.acquire().await.unwrap();
        began.elapsed()
    };
    let change = async {
        sleep(millis(30_000)).await;
        limiter.reconfigure(RateLimitConfig::new().rate(Rate::per_second(10)).burst(1)).unwrap();
    };
    let (first, second, ()) = tokio::join!(waiting(), waiting(), change);
    // Half of the turn was over: half of the new one is left.
    assert_eq!((first, second), (millis(30_050), millis(30_150)));
}

#[tokio::test(start_paused = true)]
async fn a_much_slower_rate_refuses_those_whose_time_is_over() {
    let limiter = limiter(1, millis(250));
    limiter.try_acquire().unwrap();
    let began = Instant::now();
    let waiting = || async { (limiter.acquire().await.is_ok(), began.elapsed()) };
    let change = async {
        sleep(millis(50)).await;
        limiter.reconfigure(RateLimitConfig::new().rate(Rate::per_minute(1)).max_wait(millis(250)).burst(1)).unwrap();
    };
    let (first, second, ()) = tokio::join!(waiting(), waiting(), change);
    assert_eq!([first, second], [(false, millis(250)); 2]);
}

#[tokio::test(start_paused = true)]
async fn one_whose_time_is_over_waits_for_as_long_once_more_and_no_longer() {
    for (turn, expected) in [(500, (None, millis(500))), (501, (Some(millis(251)), millis(250)))] {
        let limiter = RateLimiter::builder("late").rate(Rate::new(1, millis(100))).burst(1).max_wait(millis(250));
        let limiter = limiter.build().unwrap();
        limiter.try_acquire().unwrap();
        let began = Instant::now();
        let waiting = async {
            let refused = limiter.acquire().await.err();
            (refused.and_then(|refused| refused.retry_after()), began.elapsed())
        };
        // Nothing of the old turn was over, so that it is a whole one of the new rate.
        let config = RateLimitConfig::new().rate(Rate::new(1, millis(turn))).max_wait(millis(250)).burst(1);
        let change = async { limiter.reconfigure(config).unwrap() };
        assert_eq!(tokio::join!(waiting, change).0, expected, "its turn is after {turn} ms");
    }
}

/// Turns are 10 us apart, timers 1 ms, and no burst makes up for it: of a thousand that could pass in 10 ms, one a millisecond does.
#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_twice_max_wait() {
    let limiter = RateLimiter::builder("r").rate(Rate::per_second(100_000)).burst(1).max_wait(millis(10)).build();
    let limiter = Arc::new(limiter.unwrap());
    let began = Instant::now();
    let waiting: Vec<_> = (0..1000)
        .map(|_| {
            let limiter = Arc::clone(&limiter);
            tokio::spawn(async move { limiter.acquire().await.map(drop).map_err(|_| began.elapsed()) })
        })
        .collect();
    for caller in waiting {
        if let Err(refused_after) = caller.await.unwrap() {
            assert!(refused_after <= millis(20), "{refused_after:?}");
        }
    }
    assert!(began.elapsed() <= millis(20), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_mistake_changes_nothing() {
    let limiter = limiter(2, Duration::ZERO);
    assert_eq!(limiter.reconfigure(RateLimitConfig::new()).unwrap_err().broken_rules()[0].key, "rate");
    assert_eq!((limiter.snapshot().burst, limiter.snapshot().available), (2, 2));
    assert_eq!(RateLimiter::builder("r").build().unwrap_err().broken_rules()[0].key, "rate");
}

#[test]
fn a_name_is_one_rate_limiter() {
    let build = |count| RateLimiter::builder("shared").rate(Rate::per_hour(count)).register();
    let shared = build(7).unwrap();
    assert!(Arc::ptr_eq(&shared, &registry().rate_limiter("shared").unwrap()));
    assert!(Arc::ptr_eq(&shared, &build(7).unwrap()));
    assert!(matches!(build(8), Err(RegisterError::Conflict { kind: Kind::RateLimit, .. })));
    assert!(registry().rate_limiters().any(|limiter| limiter.name() == "shared"));
    let json = serde_json::to_value(registry().snapshot()).unwrap();
    assert_eq!(json["rate_limiters"][0]["rate"], 7);
}

/// When a caller comes, and after how long it loses patience.
type Caller = (u64, Option<u64>);

fn schedule() -> impl Strategy<Value = Vec<Caller>> {
    let caller = (0..40_000_u64, proptest::option::of(0..60_000_u64));
    proptest::collection::vec((0..4_u8, caller), 1..80).prop_map(|callers| {
        let mut at = 0;
        let next = |(together, (gap, patience)): (u8, Caller)| {
            // Most come in crowds.
            at += if together == 0 { gap } else { 0 };
            (at, patience)
        };
        callers.into_iter().map(next).collect()
    })
}

#[derive(Debug, Default)]
struct Seen {
    passed: Vec<Duration>,
    cancelled: u32,
    refused: Vec<(Duration, Duration)>,
}

fn run(rate: Rate, burst: u32, max_wait: Duration, callers: Vec<Caller>) -> (Seen, RateLimiter) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let limiter = RateLimiter::builder("r").rate(rate).burst(burst).max_wait(max_wait).build().unwrap();
    let seen = RefCell::new(Seen::default());
    runtime.block_on(async {
        let began = Instant::now();
        let local = tokio::task::LocalSet::new();
        let (limiter, seen) = (&limiter, &seen);
        let call = |(at, patience): Caller| async move {
            sleep(Duration::from_micros(at)).await;
            let came = Instant::now();
            let turn = limiter.acquire();
            let ended = match patience {
                Some(patience) => timeout(Duration::from_micros(patience), turn).await,
                None => Ok(turn.await),
            };
            let mut seen = seen.borrow_mut();
            match ended {
                Ok(Ok(())) => seen.passed.push(began.elapsed()),
                Ok(Err(rejection)) => {
                    seen.refused.push((came.elapsed(), rejection.retry_after().unwrap()));
                }
                Err(_) => seen.cancelled += 1,
            }
        };
        local.run_until(join_all(callers.into_iter().map(call))).await;
    });
    (seen.into_inner(), limiter)
}

async fn join_all<F: Future<Output = ()>>(futures: impl Iterator<Item = F>) {
    let mut left: Vec<_> = futures.map(Box::pin).collect();
    std::future::poll_fn(|context| {
        left.retain_mut(|future| future.as_mut().poll(context).is_pending());
        if left.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

proptest! {
    /// Over any interval at most burst + rate x time, whoever waits, is late or is cancelled; and nobody is let down.
    #[test]
    fn never_above_burst_and_rate(
        count in 1..5000_u32,
        burst in 1..20_u32,
        max_wait in 0..300_u64,
        callers in schedule(),
    ) {
        let all = callers.len();
        let (seen, limiter) = run(Rate::per_second(count), burst, millis(max_wait), callers);
        let passed = &seen.passed;
        prop_assert!(passed.is_sorted());
        for (from, first) in passed.iter().enumerate() {
            for (to, last) in passed.iter().enumerate().skip(from) {
                // In whole numbers: calls x nanoseconds a second.
                let over = (to - from + 1) as u128 - u128::from(burst.min((to - from + 1) as u32));
                let bound = u128::from(count) * (*last - *first).as_nanos();
                prop_assert!(over * 1_000_000_000 <= bound, "{:?} to {:?}: {}", first, last, to - from + 1);
            }
        }
        // Whoever was not refused at once and had patience has passed, and nothing is left behind.
        prop_assert_eq!(passed.len() + seen.refused.len() + seen.cancelled as usize, all);
        // Timers are to the millisecond. Who is late by two has lost nothing where the burst makes up for it.
        let late = millis(2);
        let turns_are_kept = u128::from(count) * late.as_nanos() <= u128::from(burst) * 1_000_000_000;
        for (after, retry_after) in &seen.refused {
            if after.is_zero() {
                prop_assert!(*retry_after > millis(max_wait));
            } else {
                // It was told to wait, and would have to wait for more than that again.
                let waited = millis(max_wait)..=2 * millis(max_wait) + late;
                prop_assert!(!turns_are_kept && waited.contains(after), "refused after {after:?}");
            }
        }
        let snapshot = limiter.snapshot();
        prop_assert_eq!((snapshot.allowed as usize, snapshot.waiting), (passed.len(), 0));
    }

    /// Whatever the rate becomes and whoever is cancelled: nobody waits for longer than twice `max_wait`, and nobody is left behind. Turned off, it lets
    /// everybody pass.
    #[test]
    fn nobody_is_forgotten_by_another_rate(
        max_wait in 1..50_u64,
        callers in schedule(),
        changes in proptest::collection::vec((0..30_000_u64, 1..5000_u32, 1..20_u32, any::<bool>()), 1..8),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let limiter = RateLimiter::builder("r").rate(Rate::per_second(100)).burst(1).max_wait(millis(max_wait)).build();
        let limiter = limiter.unwrap();
        let longest = 2 * millis(max_wait) + millis(2);
        runtime.block_on(async {
            let call = |(at, patience): Caller| {
                let limiter = &limiter;
                async move {
                    sleep(Duration::from_micros(at)).await;
                    let came = Instant::now();
                    let _ = timeout(patience.map_or(Duration::MAX, Duration::from_micros), limiter.acquire()).await;
                    assert!(came.elapsed() <= longest, "{:?}", came.elapsed());
                }
            };
            let change = async {
                for (gap, count, burst, enabled) in changes {
                    sleep(Duration::from_micros(gap)).await;
                    let config = RateLimitConfig::new().rate(Rate::per_second(count)).burst(burst);
                    limiter.reconfigure(config.max_wait(millis(max_wait)).enabled(enabled)).unwrap();
                    if !enabled {
                        let began = Instant::now();
                        limiter.acquire().await.unwrap();
                        // Each wakes the next.
                        for _ in 0..100 {
                            tokio::task::yield_now().await;
                        }
                        assert_eq!((limiter.snapshot().waiting, began.elapsed()), (0, Duration::ZERO), "all have passed");
                    }
                }
            };
            tokio::join!(join_all(callers.into_iter().map(call)), change);
        });
        assert_eq!(limiter.snapshot().waiting, 0);
    }

    /// A rejection tells the time after which a call passes if nobody else comes.
    #[test]
    fn retry_after_is_enough(count in 1..5000_u32, burst in 1..20_u32, spent in 0..20_u64) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let limiter = RateLimiter::builder("r").rate(Rate::per_second(count)).burst(burst).build().unwrap();
            sleep(Duration::from_micros(spent * 137)).await;
            while limiter.try_acquire().is_ok() {}
            let retry_after = limiter.try_acquire().unwrap_err().retry_after().unwrap();
            advance(retry_after).await;
            limiter.try_acquire().unwrap();
        });
    }
}

#[test]
fn what_waits_is_send_and_small() {
    fn is_send<T: Send>(value: T) -> usize {
        size_of_val(&value)
    }
    let limiter = limiter(1, millis(10));
    let size = is_send(limiter.acquire());
    // An `Acquire` (88) and a `Sleep` (96), and 64 for the policy.
    assert!(size <= 88 + 96 + 64, "{size}");
}
