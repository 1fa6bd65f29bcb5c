//! When a retry tries again, how long it waits, why it ends, and what it counts of that: by attribute and by hand.

use proptest::prelude::*;
use resilience_runtime::testing::Scope;
use resilience_runtime::{
    Backoff, Bulkhead, CircuitBreaker, Event, EventFilter, Failure, GaveUp, GaveUpCounts, Jitter, NextCall, Pipeline,
    Rate, RateLimiter, Rejection, RejectionKind, Rejections, Retry, RetryConfig, RetryEvent, RetrySnapshot, Timeout,
    Topic, Verdict, bulkhead, circuit_breaker, private, rate_limit, registry, retry, timeout,
};
use std::cell::{Cell, RefCell};
use std::future::pending;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{Instant, advance, sleep};

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn plain() -> RetryConfig {
    RetryConfig::new().jitter(Jitter::None).delay(millis(10)).backoff(Backoff::Constant)
}

fn retry(config: RetryConfig) -> Retry {
    Retry::builder("attempts").config(config).build().unwrap()
}

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
enum Error {
    #[error("{0}")]
    Own(&'static str),
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

const KINDS: [(RejectionKind, Rejections); 4] = [
    (RejectionKind::CircuitOpen, Rejections::CIRCUIT_OPEN),
    (RejectionKind::BulkheadFull, Rejections::BULKHEAD_FULL),
    (RejectionKind::RateLimited, Rejections::RATE_LIMITED),
    (RejectionKind::TimedOut, Rejections::TIMED_OUT),
];

/// A real one of that kind.
async fn rejection(kind: RejectionKind) -> Rejection {
    let rejection = match kind {
        RejectionKind::CircuitOpen => {
            let breaker = CircuitBreaker::builder("rejects").build().unwrap();
            breaker.force_open();
            breaker.try_acquire().unwrap_err()
        }
        RejectionKind::BulkheadFull => {
            let bulkhead = Bulkhead::builder("rejects").max_concurrent(1).build().unwrap();
            let _held = bulkhead.try_acquire().unwrap();
            bulkhead.try_acquire().unwrap_err()
        }
        RejectionKind::RateLimited => {
            let limiter = RateLimiter::builder("rejects").rate(Rate::new(1, millis(1000))).build().unwrap();
            limiter.try_acquire().unwrap();
            limiter.try_acquire().unwrap_err()
        }
        RejectionKind::TimedOut => {
            let timeout = Timeout::builder("rejects").after(millis(1)).build().unwrap();
            match timeout.call(pending::<Result<(), ()>>()).await {
                Err(Failure::Rejected(rejection)) => rejection,
                other => panic!("{other:?}"),
            }
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(rejection.kind(), kind);
    rejection
}

/// What `run` makes of a failure: the wait, or nothing.
fn wait_after(retry: &Retry, failure: Failure<&'static str>, asked: Option<Duration>) -> Option<Duration> {
    match retry.start().after(Err::<(), _>(failure), |_| true, |_| asked, |_| ()) {
        ControlFlow::Continue(wait) => Some(wait.duration()),
        ControlFlow::Break(_) => None,
    }
}

#[tokio::test(start_paused = true)]
async fn each_kind_of_rejection_is_tried_again_if_it_is_in_the_set() {
    for (kind, _) in KINDS {
        let rejection = rejection(kind).await;
        let is_tried =
            |set| wait_after(&retry(plain().retry_rejections(set)), Failure::Rejected(rejection.clone()), None);
        assert_eq!(is_tried(Rejections::NONE), None, "{kind:?}");
        for (other, alone) in KINDS {
            assert_eq!(is_tried(alone).is_some(), kind == other, "{kind:?} in {alone:?}");
            let others = KINDS.into_iter().filter(|(one, _)| *one != other);
            let others = others.fold(Rejections::NONE, |set, (_, one)| set.and(one));
            assert_eq!(is_tried(others).is_some(), kind != other, "{kind:?} in {others:?}");
        }
        let by_default = wait_after(&retry(plain()), Failure::Rejected(rejection.clone()), None);
        assert_eq!(by_default.is_some(), kind != RejectionKind::CircuitOpen, "{kind:?}");
    }
}

/// Functions that retry one kind of rejection each, and how many attempts every kind gets by it.
macro_rules! retried {
    ($($name:ident ($($rejections:tt)*) tries $kinds:expr;)*) => {
        $(
            #[retry(attempts = 3, delay = "1ms", max_delay = "2h", $($rejections)*)]
            #[circuit_breaker(window = none, consecutive_failures = 100)]
            #[bulkhead(1)]
            #[rate_limit("2/h")]
            #[timeout("1s")]
            async fn $name(hangs: bool) -> Result<(), Error> {
                if hangs { pending().await } else { Ok(()) }
            }
        )*

        #[tokio::test(start_paused = true)]
        async fn by_attribute_too() {
            $(
                for (kind, _) in KINDS {
                    let _entered = Scope::new().enter();
                    $name(false).await.unwrap();
                    let bulkhead = registry().bulkheads().next().unwrap();
                    let held = (kind == RejectionKind::BulkheadFull).then(|| bulkhead.try_acquire().unwrap());
                    match kind {
                        RejectionKind::CircuitOpen => registry().circuit_breakers().next().unwrap().force_open(),
                        RejectionKind::RateLimited => {
                            registry().rate_limiters().next().unwrap().try_acquire().unwrap();
                        }
                        _ => {}
                    }
                    let result = $name(kind == RejectionKind::TimedOut).await;
                    drop(held);
                    let retries = registry().retries().next().unwrap().snapshot().retries;
                    let kinds: &[RejectionKind] = &$kinds;
                    if !kinds.contains(&kind) {
                        assert_eq!(retries, 0, "{} {kind:?}", stringify!($name));
                        assert!(matches!(result, Err(Error::Rejected(last)) if last.kind() == kind));
                    } else if kind == RejectionKind::RateLimited {
                        // It waits for the turn that it was told of.
                        assert_eq!((result, retries), (Ok(()), 1));
                    } else {
                        assert!(retries > 0, "{} {kind:?}", stringify!($name));
                    }
                }
            )*
        }
    };
}

retried! {
    by_default () tries [RejectionKind::BulkheadFull, RejectionKind::RateLimited, RejectionKind::TimedOut];
    none (retry_rejections = []) tries [];
    circuit_open (retry_rejections = [circuit_open]) tries [RejectionKind::CircuitOpen];
    bulkhead_full (retry_rejections = [bulkhead_full]) tries [RejectionKind::BulkheadFull];
    rate_limited (retry_rejections = [rate_limited]) tries [RejectionKind::RateLimited];
    timed_out (retry_rejections = [timed_out]) tries [RejectionKind::TimedOut];
}

/// `(retries, recovered, gave up after all attempts, gave up for the budget)`
type Counts = (u64, u64, u64, u64);

fn counts(retry: &Retry) -> Counts {
    let snapshot = retry.snapshot();
    (snapshot.retries, snapshot.recovered, snapshot.gave_up.attempts, snapshot.gave_up.budget)
}

/// One attempt of a call as it ends.
#[derive(Clone, Copy, Debug)]
enum Attempt {
    Succeeds,
    /// With an error that is worth another try.
    Fails,
    /// With one that is not.
    FailsForGood,
    /// With one that asks for so long a wait, in milliseconds.
    Asks(u64),
}

use Attempt::{Asks, Fails, FailsForGood, Succeeds};

/// The reasons for which the calls of a retry in the current registry have ended, with their attempts.
fn ends(config: RetryConfig, attempts: &[Attempt]) -> (Vec<(GaveUp, u32)>, Counts) {
    let _entered = Scope::new().enter();
    let mut events = registry().subscribe_with(EventFilter::of([Topic::RetriesEnded]));
    let retry = Retry::builder("ends").config(config).register().unwrap();
    let mut run = retry.start();
    let mut made = 0;
    for attempt in attempts {
        made += 1;
        let result = match attempt {
            Succeeds => Ok(()),
            other => Err(Failure::Call(*other)),
        };
        let after = run.after(
            result,
            |attempt| !matches!(attempt, FailsForGood),
            |attempt| if let Asks(wait) = attempt { Some(millis(*wait)) } else { None },
            |_| (),
        );
        if after.is_break() {
            break;
        }
    }
    assert_eq!(made, attempts.len(), "it ended before: {attempts:?}");
    let told = std::iter::from_fn(|| events.try_recv()).map(|event| match event {
        Event::RetriesEnded { why, attempts, .. } => (why, attempts),
        other => panic!("{other:?}"),
    });
    (told.collect(), counts(&retry))
}

#[tokio::test(start_paused = true)]
async fn each_end_of_a_call_is_told_and_counted_as_what_it_is() {
    let three = plain().attempts(3);
    for (attempts, told, counted) in [
        (vec![Succeeds], vec![], (0, 0, 0, 0)),
        (vec![Fails, Succeeds], vec![], (1, 1, 0, 0)),
        (vec![Fails, Fails, Succeeds], vec![], (2, 1, 0, 0)),
        (vec![Fails, Fails, Fails], vec![(GaveUp::Attempts, 3)], (2, 0, 1, 0)),
        (vec![Fails, Fails, Asks(1)], vec![(GaveUp::Attempts, 3)], (2, 0, 1, 0)),
        (vec![FailsForGood], vec![], (0, 0, 0, 0)),
        (vec![Fails, FailsForGood], vec![(GaveUp::NotRetryable, 2)], (1, 0, 0, 0)),
        (vec![Fails, Fails, FailsForGood], vec![(GaveUp::NotRetryable, 3)], (2, 0, 0, 0)),
        (vec![Asks(10_001)], vec![(GaveUp::AskedTooMuch, 1)], (0, 0, 0, 0)),
        (vec![Fails, Asks(10_001)], vec![(GaveUp::AskedTooMuch, 2)], (1, 0, 0, 0)),
        (vec![Asks(10_000), Asks(10_000), Asks(10_001)], vec![(GaveUp::Attempts, 3)], (2, 0, 1, 0)),
    ] {
        assert_eq!(ends(three, &attempts), (told, counted), "{attempts:?}");
    }
    let one = plain().attempts(1);
    assert_eq!(ends(one, &[Fails]), (vec![(GaveUp::Attempts, 1)], (0, 0, 1, 0)));
    assert_eq!(ends(one, &[FailsForGood]), (vec![], (0, 0, 0, 0)));
    assert_eq!(ends(one, &[Succeeds]), (vec![], (0, 0, 0, 0)));
    let late = plain().attempts(3).delay(millis(100)).backoff(Backoff::Exponential).max_elapsed(millis(199));
    assert_eq!(ends(late, &[Fails, Fails]), (vec![(GaveUp::Elapsed, 2)], (1, 0, 0, 0)));
    assert_eq!(ends(late.max_elapsed(millis(200)), &[Fails, Fails, Succeeds]), (vec![], (2, 1, 0, 0)));
    let in_time = plain().attempts(3).delay(millis(100)).max_elapsed(millis(250));
    assert_eq!(ends(in_time, &[Asks(251)]), (vec![(GaveUp::Elapsed, 1)], (0, 0, 0, 0)));
    assert_eq!(ends(in_time, &[Asks(250), Succeeds]), (vec![], (1, 1, 0, 0)));
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_is_turned_off_meanwhile_ends_as_such() {
    let _entered = Scope::new().enter();
    let mut events = registry().subscribe_with(EventFilter::of([Topic::RetriesEnded]));
    let retry = Retry::builder("turned off").config(plain()).register().unwrap();
    let (mut first, mut second) = (retry.start(), retry.start());
    let failed = || Err::<(), _>(Failure::Call(()));
    assert!(first.after(failed(), |_| true, |_| None, |_| ()).is_continue());
    retry.reconfigure(plain().enabled(false)).unwrap();
    assert!(first.after(failed(), |_| true, |_| None, |_| ()).is_break());
    assert!(second.after(failed(), |_| true, |_| None, |_| ()).is_break());
    let told: Vec<_> = std::iter::from_fn(|| events.try_recv()).collect();
    assert_eq!(told.len(), 1, "the first attempt of a retry that is off is an ordinary call: {told:?}");
    assert!(matches!(told[0], Event::RetriesEnded { why: GaveUp::TurnedOff, attempts: 2, .. }));
    assert_eq!(counts(&retry), (1, 0, 0, 0));
    let next = retry.snapshot().next;
    assert_eq!(next, NextCall::Attempts { at_most: 1, budget_spent: false });
    retry.reconfigure(plain().attempts(7)).unwrap();
    assert_eq!(retry.snapshot().next, NextCall::Attempts { at_most: 7, budget_spent: false });
}

#[tokio::test(start_paused = true)]
async fn no_attempt_ends_after_max_elapsed_and_one_at_that_moment_begins() {
    for (most, attempts) in [(300, 4_u32), (299, 3), (201, 3), (200, 3), (199, 2), (101, 2)] {
        let retry = retry(plain().attempts(10).delay(millis(100)).max_elapsed(millis(most)));
        let made = Cell::new(0);
        let began = Instant::now();
        let failed = retry.call(|| async {
            made.set(made.get() + 1);
            Err::<(), _>(())
        });
        failed.await.unwrap_err();
        assert_eq!(made.get(), attempts, "{most}");
        assert_eq!(began.elapsed(), millis(100 * u64::from(attempts - 1)), "it does not wait for nothing");
    }
    advance(Duration::from_micros(900)).await;
    let retry = retry(plain().max_elapsed(millis(100)));
    let wait = wait_after(&retry, Failure::Call("down"), Some(millis(100)));
    assert_eq!(wait, Some(millis(100)), "no time has passed since it began, in the middle of a millisecond");
}

#[tokio::test(start_paused = true)]
async fn by_hand_a_verdict_says_whether_there_is_another_attempt() {
    let retry = retry(plain().attempts(5));
    let verdicts = [Verdict::FAILURE, Verdict::IGNORED.again(), Verdict::FAILURE.after(millis(70)), Verdict::SUCCESS];
    let (made, began) = (Cell::new(0), Instant::now());
    let call = || async {
        made.set(made.get() + 1);
        if made.get() % 2 == 0 { Ok(made.get()) } else { Err(made.get()) }
    };
    let nth = |result: Result<&usize, &usize>| *result.unwrap_or_else(|nth| nth);
    assert_eq!(retry.call_classified(call, |result| verdicts[nth(result) - 1]).await, Ok(4));
    // What is asked for is not made shorter.
    assert!((millis(90)..=millis(100)).contains(&began.elapsed()), "{:?}", began.elapsed());
    assert_eq!(counts(&retry), (3, 1, 0, 0));
    assert_eq!(retry.call_classified(call, |_| Verdict::FAILURE.not_again()).await, Err(5));
}

fn spend(retry: &Retry) {
    let _ = wait_after(retry, Failure::Call("down"), None);
}

#[tokio::test(start_paused = true)]
async fn a_budget_counts_calls_from_when_it_is_set() {
    // A hundred are free in ten seconds; half of a thousand calls are five hundred more.
    let granted = |retry: &Retry| {
        (0..1000).for_each(|_| spend(retry));
        counts(retry)
    };
    assert_eq!(granted(&retry(plain().budget(50.0))), (600, 0, 0, 400));
    let set_later = retry(plain());
    set_later.reconfigure(plain().budget(50.0)).unwrap();
    assert_eq!(granted(&set_later), (600, 0, 0, 400));

    let without = retry(plain());
    assert_eq!(granted(&without), (1000, 0, 0, 0));
    without.reconfigure(plain().budget(50.0)).unwrap();
    without.reconfigure(plain()).unwrap();
    assert_eq!(granted(&without), (2000, 0, 0, 0), "and none once it is gone");

    // What was called before earns nothing, whether there was no budget or the retry was off.
    for before in [plain(), plain().budget(50.0).enabled(false)] {
        let retry = retry(before);
        granted(&retry);
        let retries = counts(&retry).0;
        retry.reconfigure(plain().budget(50.0)).unwrap();
        assert_eq!(granted(&retry), (retries + 600, 0, 0, 400), "{before:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn calls_that_succeed_earn_the_budget() {
    let retry = retry(plain());
    retry.reconfigure(plain().budget(10.0)).unwrap();
    for _ in 0..10_000 {
        retry.call(|| async { Ok::<_, ()>(()) }).await.unwrap();
    }
    (0..5000).for_each(|_| spend(&retry));
    // A tenth of the calls, these included, and a hundred.
    let expected = 100 + 1500;
    assert_eq!(counts(&retry).0, expected);
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_says_that_the_budget_is_spent_and_that_it_is_there_again() {
    let retry = retry(plain().budget(10.0).attempts(4));
    let next = || retry.snapshot().next;
    let left = NextCall::Attempts { at_most: 4, budget_spent: false };
    let spent = NextCall::Attempts { at_most: 1, budget_spent: true };
    assert_eq!(next(), left);
    for _ in 0..99 {
        spend(&retry);
        assert_eq!(next(), left);
    }
    while retry.snapshot().gave_up.budget == 0 {
        spend(&retry);
    }
    assert_eq!(next(), spent);
    assert_eq!(wait_after(&retry, Failure::Call("down"), None), None);
    retry.reconfigure(plain().attempts(4)).unwrap();
    assert_eq!(next(), left, "without a budget there is none that is spent");
    retry.reconfigure(plain().budget(10.0).attempts(4)).unwrap();
    assert_eq!(next(), spent);
    retry.reconfigure(plain().budget(10.0).attempts(4).enabled(false)).unwrap();
    assert_eq!(next(), NextCall::Attempts { at_most: 1, budget_spent: false }, "one attempt for another reason");
    retry.reconfigure(plain().budget(10.0).attempts(4)).unwrap();
    advance(Duration::from_secs(11)).await;
    assert_eq!(next(), left);
    assert!(wait_after(&retry, Failure::Call("down"), None).is_some());
}

/// The least and the most of many waits after a first failure.
fn bounds(config: RetryConfig, asked: Option<Duration>) -> (Duration, Duration) {
    let retry = retry(config);
    let waits = (0..2000).map(|_| wait_after(&retry, Failure::Call("down"), asked).unwrap());
    waits.fold((Duration::MAX, Duration::ZERO), |(least, most), wait| (least.min(wait), most.max(wait)))
}

/// Whether many random values lie between these and come close to both.
#[track_caller]
fn assert_fills((least, most): (Duration, Duration), from: u64, to: u64) {
    let (from, to) = (millis(from), millis(to));
    let near = (to - from).mul_f64(0.05);
    let rounding = Duration::from_nanos(2);
    assert!(least + rounding >= from && least <= from + near, "{least:?} to {most:?}, not {from:?} to {to:?}");
    assert!(most <= to + rounding && most + near >= to, "{least:?} to {most:?}, not {from:?} to {to:?}");
}

#[tokio::test(start_paused = true)]
async fn jitter_fills_its_range() {
    let config = |jitter| plain().delay(millis(1000)).jitter(jitter);
    assert_eq!(bounds(config(Jitter::None), None), (millis(1000), millis(1000)));
    assert_fills(bounds(config(Jitter::Equal), None), 500, 1000);
    assert_fills(bounds(config(Jitter::Full), None), 0, 1000);
    assert_fills(bounds(config(Jitter::Share(0.2)), None), 800, 1200);
    assert_fills(bounds(config(Jitter::Share(0.2)).max_delay(millis(1100)), None), 800, 1100);
    assert_fills(bounds(config(Jitter::Share(1.0)), None), 0, 2000);
}

#[tokio::test(start_paused = true)]
async fn jitter_comes_on_top_of_what_was_asked_for_up_to_a_delay_and_to_the_cap() {
    let config = |jitter| plain().delay(millis(100)).max_delay(millis(1000)).jitter(jitter);
    let asked = |wait| Some(millis(wait));
    assert_eq!(bounds(config(Jitter::None), asked(500)), (millis(500), millis(500)));
    assert_fills(bounds(config(Jitter::Full), asked(500)), 500, 600);
    assert_fills(bounds(config(Jitter::Equal), asked(500)), 500, 600);
    assert_fills(bounds(config(Jitter::Share(0.5)), asked(500)), 500, 550);
    assert_fills(bounds(config(Jitter::Full), asked(960)), 960, 1000);
    assert_fills(bounds(config(Jitter::Full), asked(0)), 0, 100);
    assert_eq!(bounds(config(Jitter::Full), asked(1000)), (millis(1000), millis(1000)));
}

#[tokio::test(start_paused = true)]
async fn a_rejection_brings_its_own_wait_and_one_that_is_too_long_ends_it() {
    let limited = rejection(RejectionKind::RateLimited).await;
    let asked = limited.retry_after().unwrap();
    assert!(asked > millis(900));
    let wait = |config| wait_after(&retry(config), Failure::Rejected(limited.clone()), None);
    assert_eq!(wait(plain()), Some(asked));
    assert_eq!(wait(plain().max_delay(asked)), Some(asked));
    assert_eq!(wait(plain().max_delay(asked - millis(1))), None);
    let timed_out = rejection(RejectionKind::TimedOut).await;
    assert_eq!(wait_after(&retry(plain()), Failure::Rejected(timed_out), None), Some(millis(10)));
}

/// The waits of one loop of attempts that all fail.
fn waits(config: RetryConfig, count: usize) -> Vec<Duration> {
    let retry = retry(config.attempts(100));
    let mut run = retry.start();
    let wait = || match run.after(Err::<(), _>(Failure::Call(())), |_| true, |_| None, |_| ()) {
        ControlFlow::Continue(wait) => wait.duration(),
        ControlFlow::Break(_) => panic!("there are more"),
    };
    std::iter::repeat_with(wait).take(count).collect()
}

#[tokio::test(start_paused = true)]
async fn each_backoff_grows_in_its_way_up_to_the_cap() {
    let config = |backoff| plain().delay(millis(100)).max_delay(millis(1000)).backoff(backoff);
    let in_millis = |config| waits(config, 7).iter().map(|wait| wait.as_millis()).collect::<Vec<_>>();
    assert_eq!(in_millis(config(Backoff::Constant)), [100; 7]);
    assert_eq!(in_millis(config(Backoff::Linear)), [100, 200, 300, 400, 500, 600, 700]);
    assert_eq!(in_millis(config(Backoff::Exponential)), [100, 200, 400, 800, 1000, 1000, 1000]);
    assert_eq!(in_millis(config(Backoff::Exponential).factor(1.5)), [100, 150, 225, 337, 506, 759, 1000]);
    assert_eq!(in_millis(config(Backoff::Fibonacci)), [100, 100, 200, 300, 500, 800, 1000]);
}

#[tokio::test(start_paused = true)]
async fn a_decorrelated_wait_lies_between_the_delay_and_three_times_the_one_before() {
    // The first is drawn as if one of `delay` had gone before it.
    let config = plain().delay(millis(100)).max_delay(Duration::from_secs(3600)).backoff(Backoff::Decorrelated);
    assert_fills(bounds(config, None), 100, 300);
    assert_fills(bounds(config.max_delay(millis(250)), None), 100, 250);
    // As a share of what is allowed it is spread evenly, whatever the wait before was.
    let mut shares = Vec::new();
    for _ in 0..200 {
        let mut before = millis(100);
        for wait in waits(config, 8) {
            let most = before * 3;
            assert!((millis(100)..=most).contains(&wait), "{wait:?} after {before:?}");
            shares.push((wait - millis(100)).as_secs_f64() / (most - millis(100)).as_secs_f64());
            before = wait;
        }
    }
    let mean = shares.iter().sum::<f64>() / shares.len() as f64;
    assert!((0.45..0.55).contains(&mean), "{mean}");
    assert!(shares.iter().any(|share| *share > 0.95) && shares.iter().any(|share| *share < 0.05));
}

fn is_again(error: &Error) -> bool {
    *error == Error::Own("again")
}

fn asked(error: &Error) -> Option<Duration> {
    (*error == Error::Own("again")).then_some(millis(700))
}

#[retry(
    attempts = 3,
    delay = "100ms",
    backoff = linear,
    jitter = none,
    retry_if = is_again,
    retry_after = asked
)]
async fn asks(runs: &Cell<u32>, error: &'static str) -> Result<(), Error> {
    runs.set(runs.get() + 1);
    Err(Error::Own(error))
}

#[retry(attempts = 4, delay = "100ms", backoff = fibonacci, jitter = none, max_delay = "150ms")]
async fn fibonacci(runs: &Cell<u32>, succeeds_at: u32) -> Result<u32, Error> {
    runs.set(runs.get() + 1);
    sleep(millis(1)).await;
    if runs.get() == succeeds_at { Ok(succeeds_at) } else { Err(Error::Own("again")) }
}

#[tokio::test(start_paused = true)]
async fn the_keys_of_the_attribute_are_in_force() {
    let the_retry = || -> Arc<Retry> { registry().retries().next().unwrap() };
    for (error, attempts, waited, counted) in
        [("again", 3, millis(1400), (2, 0, 1, 0)), ("no", 1, Duration::ZERO, (0, 0, 0, 0))]
    {
        let _entered = Scope::new().enter();
        let (runs, began) = (Cell::new(0), Instant::now());
        assert_eq!(asks(&runs, error).await, Err(Error::Own(error)));
        assert_eq!((runs.get(), began.elapsed(), counts(&the_retry())), (attempts, waited, counted), "{error}");
    }
    for (succeeds_at, waited, counted) in
        [(1, 1, (0, 0, 0, 0)), (2, 102, (1, 1, 0, 0)), (3, 203, (2, 1, 0, 0)), (4, 354, (3, 1, 0, 0))]
    {
        let _entered = Scope::new().enter();
        let (runs, began) = (Cell::new(0), Instant::now());
        assert_eq!(fibonacci(&runs, succeeds_at).await, Ok(succeeds_at));
        assert_eq!((began.elapsed(), counts(&the_retry())), (millis(waited), counted), "{succeeds_at}");
    }
}

/// Fails after 10, 40 and 90 ms, in a function or a loop of one of these kinds.
async fn down() -> Result<(), Error> {
    sleep(millis(10)).await;
    Err(Error::Own("down"))
}

thread_local! {
    static TOLD_TO_HOOKS: RefCell<Vec<Duration>> = const { RefCell::new(Vec::new()) };
}

fn tell_hook(event: &RetryEvent) {
    TOLD_TO_HOOKS.with_borrow_mut(|told| told.push(event.elapsed));
}

#[retry(attempts = 3, delay = "20ms", jitter = none)]
async fn down_by_attribute() -> Result<(), Error> {
    down().await
}

#[retry(attempts = 3, delay = "20ms", jitter = none, on_retry = tell_hook)]
async fn down_with_a_hook() -> Result<(), Error> {
    down().await
}

#[retry(attempts = 3, delay = "20ms", jitter = none, max_elapsed = "1h")]
async fn down_with_max_elapsed() -> Result<(), Error> {
    down().await
}

#[retry(attempts = 3, delay = "20ms", jitter = none, budget = 10)]
async fn down_with_a_budget() -> Result<(), Error> {
    down().await
}

fn down_by_hand() -> Arc<Retry> {
    Retry::builder("down").attempts(3).delay(millis(20)).jitter(Jitter::None).register().unwrap()
}

async fn down_by_hand_with_a_hook() -> Result<(), Error> {
    let retry = down_by_hand();
    let mut run = retry.start();
    loop {
        match run.after(down().await.map_err(Failure::Call), |_| true, |_| None, tell_hook) {
            ControlFlow::Continue(wait) => wait.await,
            ControlFlow::Break(Err(Failure::Call(error))) => return Err(error),
            ControlFlow::Break(other) => panic!("{other:?}"),
        }
    }
}

async fn down_in_a_pipeline() -> Result<(), Error> {
    let config = RetryConfig::new().attempts(3).delay(millis(20)).jitter(Jitter::None);
    let pipeline = Pipeline::builder("down").retry(config).build().unwrap();
    pipeline.call(down).await.map_err(|failure| match failure {
        Failure::Call(error) => error,
        other => panic!("{other:?}"),
    })
}

/// What the events of these topics say of the time, to somebody who has listened since then, and what the hook was told.
async fn times_told(
    call: impl Future<Output = Result<(), Error>>,
    topics: &[Topic],
    since: Duration,
) -> (Vec<u128>, Vec<u128>) {
    let listen = async {
        if !since.is_zero() {
            sleep(since).await;
        }
        registry().subscribe_with(EventFilter::of(topics.iter().copied()))
    };
    let (mut events, ended) = tokio::join!(listen, call);
    assert_eq!(ended, Err(Error::Own("down")));
    let told = std::iter::from_fn(|| events.try_recv()).map(|event| told(&event).2.as_millis()).collect();
    (told, TOLD_TO_HOOKS.take().iter().map(Duration::as_millis).collect())
}

type Call = fn() -> std::pin::Pin<Box<dyn Future<Output = Result<(), Error>>>>;

#[tokio::test(start_paused = true)]
async fn the_time_counts_from_the_beginning_and_from_the_first_failure_where_nobody_was_there_before() {
    let both = [Topic::Retry, Topic::RetriesEnded];
    let calls: [(&str, Call, bool, &[u128]); 9] = [
        ("by attribute", || Box::pin(down_by_attribute()), false, &[]),
        ("with a hook", || Box::pin(down_with_a_hook()), true, &[10, 40]),
        ("with max_elapsed", || Box::pin(down_with_max_elapsed()), true, &[]),
        ("with a budget", || Box::pin(down_with_a_budget()), true, &[]),
        ("by hand", || Box::pin(async { down_by_hand().call(down).await }), false, &[]),
        ("by hand, if", || Box::pin(async { down_by_hand().call_if(down, |_| true).await }), false, &[]),
        (
            "by hand, classified",
            || Box::pin(async { down_by_hand().call_classified(down, |_| Verdict::FAILURE).await }),
            false,
            &[],
        ),
        ("by hand with a hook", || Box::pin(down_by_hand_with_a_hook()), true, &[10, 40]),
        ("in a pipeline", || Box::pin(down_in_a_pipeline()), false, &[]),
    ];
    for (what, call, always_known, to_hook) in calls {
        let from_the_first_failure = if always_known { 0 } else { 10 };
        for (topics, since, least, times) in [
            (&both[..], 0, 0, &[10, 40, 90][..]),
            (&both[..1], 0, 0, &[10, 40]),
            (&both[1..], 0, 0, &[90]),
            (&both, 5, from_the_first_failure, &[10, 40, 90]),
            (&both, 15, from_the_first_failure, &[40, 90]),
            (&both, 85, from_the_first_failure, &[90]),
        ] {
            let _entered = Scope::new().enter();
            let told = times_told(call(), topics, millis(since)).await;
            let expected: Vec<u128> = times.iter().map(|time| time - least).collect();
            assert_eq!(told, (expected, to_hook.to_vec()), "{what}, {topics:?} since {since}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_max_elapsed_that_is_set_under_way_counts_like_that_too() {
    for (listens, why, attempts) in [(true, GaveUp::Elapsed, 2), (false, GaveUp::Attempts, 3)] {
        let _entered = Scope::new().enter();
        let _listener = listens.then(|| registry().subscribe_with(EventFilter::of([Topic::Retry])));
        let set = async {
            sleep(millis(5)).await;
            // The second failure is after 40 ms, 30 after the first, and is waited for 40 more.
            let config = RetryConfig::new().attempts(3).delay(millis(20)).jitter(Jitter::None);
            registry().retries().next().unwrap().reconfigure(config.max_elapsed(millis(75))).unwrap();
            registry().subscribe_with(EventFilter::of([Topic::RetriesEnded]))
        };
        let (ended, mut events) = tokio::join!(down_by_attribute(), set);
        assert_eq!(ended, Err(Error::Own("down")));
        let (made, ended, ..) = told(&events.try_recv().unwrap());
        assert_eq!((made, ended), (attempts, Err(why)), "somebody listens: {listens}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_synchronous_call_counts_alike() {
    let retry = retry(plain().delay(Duration::ZERO).attempts(3));
    let made = Cell::new(0);
    let ends_at = |succeeds_at: u32| {
        made.set(0);
        retry.call_sync(
            || {
                made.set(made.get() + 1);
                if made.get() == succeeds_at { Ok(made.get()) } else { Err(made.get()) }
            },
            |error| *error < 10,
        )
    };
    assert_eq!((ends_at(1), counts(&retry)), (Ok(1), (0, 0, 0, 0)));
    assert_eq!((ends_at(3), counts(&retry)), (Ok(3), (2, 1, 0, 0)));
    assert_eq!((ends_at(4), counts(&retry)), (Err(3), (4, 1, 1, 0)));
}

/// Sleeps for real, as a synchronous function does whatever clock a test has paused.
#[test]
fn a_synchronous_call_waits_with_its_thread() {
    let retry = retry(plain().delay(millis(20)).attempts(3));
    let began = std::time::Instant::now();
    retry.call_sync(|| Err::<(), _>(()), |()| true).unwrap_err();
    assert!(began.elapsed() >= millis(40), "{:?}", began.elapsed());
}

#[derive(Clone)]
struct Shop(Arc<AtomicU32>);

impl Shop {
    #[retry(attempts = 3, delay = "1ms")]
    async fn sells_at_the_third(self) -> Result<u32, Error> {
        let nth = self.0.fetch_add(1, Relaxed) + 1;
        if nth < 3 { Err(Error::Own("sold out")) } else { Ok(nth) }
    }
}

#[tokio::test(start_paused = true)]
async fn each_attempt_has_a_receiver_of_its_own() {
    let asked = Arc::new(AtomicU32::new(0));
    assert_eq!(Shop(Arc::clone(&asked)).sells_at_the_third().await, Ok(3));
    assert_eq!(Arc::strong_count(&asked), 1);
}

static IS_HELD: AtomicBool = AtomicBool::new(true);
/// At the end of each attempt.
static HELD: Mutex<Vec<bool>> = Mutex::new(Vec::new());

/// No `Clone`.
struct Held;

impl Drop for Held {
    fn drop(&mut self) {
        IS_HELD.store(false, Relaxed);
    }
}

#[retry(attempts = 3, delay = "1ms", classify = |result| {
    HELD.lock().unwrap().push(IS_HELD.load(Relaxed));
    result.map_or(Verdict::FAILURE, |()| Verdict::SUCCESS)
})]
async fn cannot_see(_: Held) -> Result<(), Error> {
    Err(Error::Own("no"))
}

#[tokio::test(start_paused = true)]
async fn an_argument_that_no_attempt_can_see_goes_with_the_last_one() {
    cannot_see(Held).await.unwrap_err();
    assert_eq!(*HELD.lock().unwrap(), [true, true, false]);
}

#[tokio::test(start_paused = true)]
async fn the_last_attempt_is_known_before_it_is_made() {
    let retry = retry(plain().attempts(3));
    let mut run = retry.start();
    let mut last = Vec::new();
    loop {
        last.push(run.is_last_attempt());
        if run.after(Err::<(), _>(Failure::Call(())), |_| true, |_| None, |_| ()).is_break() {
            break;
        }
    }
    assert_eq!(last, [false, false, true]);
}

/// An error of the function's own, and what each hook says of it.
#[derive(Clone, Debug)]
struct Said {
    is_again: bool,
    asks: Option<Duration>,
    verdict: Verdict,
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("busy")
    }
}

/// How an attempt ends, and how long after the one before it.
#[derive(Clone, Debug)]
struct Ending {
    takes: Duration,
    result: Result<Verdict, Failure<Said>>,
    /// Whether the breaker below will still be open when the wait is over.
    is_shut: bool,
}

/// Who says what a result is worth.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Judge {
    /// Every `Ok` is a success, and `retry_if` decides about an error.
    Predicate,
    Classify,
    /// `classify`, and `retry_if` about errors.
    Both,
}

#[derive(Clone, Debug)]
struct Case {
    config: RetryConfig,
    /// Another configuration after so many attempts.
    change: Option<(usize, RetryConfig)>,
    judge: Judge,
    endings: Vec<Ending>,
    is_hooked: bool,
    /// Who listens: to retries, to the end of them.
    listens: [bool; 2],
    tells_causes: bool,
    is_spent: bool,
}

/// Tenths of seconds, so that two of them are often the same.
fn tenths(tenths: std::ops::RangeInclusive<u64>) -> impl Strategy<Value = Duration> + Clone {
    tenths.prop_map(|tenths| millis(tenths * 100))
}

fn verdicts() -> impl Strategy<Value = Verdict> {
    let plain = [
        Verdict::SUCCESS,
        Verdict::FAILURE,
        Verdict::FAILURE,
        Verdict::FAILURE.not_again(),
        Verdict::IGNORED,
        Verdict::IGNORED.again(),
    ];
    prop_oneof![
        prop::sample::select(plain.to_vec()),
        tenths(0..=7).prop_map(|wait| Verdict::FAILURE.after(wait)),
        tenths(0..=7).prop_map(|wait| Verdict::IGNORED.after(wait)),
    ]
}

fn rejections() -> impl Strategy<Value = Rejection> {
    let name = || "below".into();
    prop_oneof![
        Just(Rejection::TimedOut { name: name(), after: millis(5) }),
        Just(Rejection::BulkheadFull { name: name(), key: None }),
        Just(Rejection::Unsuccessful { name: name() }),
        prop::option::weighted(0.8, tenths(0..=7)).prop_map(move |retry_after| Rejection::RateLimited {
            name: name(),
            key: None,
            retry_after
        }),
        Just({
            let breaker = CircuitBreaker::builder("below").build().unwrap();
            breaker.force_open();
            breaker.try_acquire().unwrap_err()
        }),
    ]
}

fn endings() -> impl Strategy<Value = Ending> {
    let said = (any::<bool>(), prop::option::weighted(0.4, tenths(0..=7)), verdicts())
        .prop_map(|(is_refused, asks, verdict)| Said { is_again: !is_refused || asks.is_some(), asks, verdict });
    let result = prop_oneof![
        1 => verdicts().prop_map(Ok),
        4 => said.prop_map(|said| Err(Failure::Call(said))),
        2 => rejections().prop_map(|rejection| Err(Failure::Rejected(rejection))),
    ];
    (tenths(0..=3), result, prop::bool::weighted(0.1)).prop_map(|(takes, result, is_shut)| Ending {
        takes,
        result,
        is_shut,
    })
}

fn configs() -> impl Strategy<Value = RetryConfig> {
    let backoffs = [Backoff::Constant, Backoff::Linear, Backoff::Exponential, Backoff::Fibonacci];
    let sets = prop::collection::vec(prop::sample::select(KINDS.map(|(_, set)| set).to_vec()), 0..5);
    (
        (1..6_u32, tenths(0..=3), tenths(3..=6), prop::sample::select(backoffs.to_vec())),
        prop::option::weighted(0.5, tenths(4..=15)),
        prop_oneof![Just(None), sets.prop_map(|sets| Some(sets.into_iter().fold(Rejections::NONE, Rejections::and)))],
        (any::<bool>(), prop::bool::weighted(0.1)),
    )
        .prop_map(|((attempts, delay, max_delay, backoff), max_elapsed, set, (has_budget, is_off))| {
            let mut config = plain().attempts(attempts).delay(delay).max_delay(max_delay).backoff(backoff);
            config = max_elapsed.map_or(config, |most| config.max_elapsed(most));
            config = set.map_or(config, |set| config.retry_rejections(set));
            let config = if has_budget { config.budget(10.0) } else { config };
            config.enabled(!is_off)
        })
}

fn cases() -> impl Strategy<Value = Case> {
    (
        configs(),
        prop::option::weighted(0.3, (0..4_usize, configs())),
        prop::sample::select(vec![Judge::Predicate, Judge::Classify, Judge::Both]),
        prop::collection::vec(endings(), 6),
        (any::<bool>(), any::<[bool; 2]>(), prop::bool::weighted(0.8), prop::bool::weighted(0.15)),
    )
        .prop_map(|(config, change, judge, endings, (is_hooked, listens, tells_causes, is_spent))| Case {
            config,
            change,
            judge,
            endings,
            is_hooked,
            listens,
            tells_causes,
            is_spent,
        })
}

/// What a failed attempt leads to by the rules, with a closure for what the hooks are asked.
fn decided(
    case: &Case,
    config: RetryConfig,
    (made, attempts): (u32, u32),
    elapsed: Duration,
    ending: &Ending,
    asked_hooks: &mut Vec<&'static str>,
) -> Result<Duration, GaveUp> {
    let settings = config.resolve();
    if !settings.enabled {
        return Err(GaveUp::TurnedOff);
    }
    let is_last = made >= attempts;
    let (is_again, asks) = match &ending.result {
        Ok(verdict) => (verdict.is_worth_another_try(), verdict.retry_after()),
        Err(Failure::Call(said)) => {
            if case.judge != Judge::Classify {
                asked_hooks.push("retry_if");
            }
            if !is_last {
                asked_hooks.push("retry_after");
            }
            let by_verdict = case.judge == Judge::Classify;
            let of_verdict = if case.judge == Judge::Predicate { None } else { said.verdict.retry_after() };
            let is_again = if by_verdict { said.verdict.is_worth_another_try() } else { said.is_again };
            (is_again, said.asks.or(of_verdict))
        }
        Err(Failure::Rejected(rejection)) => {
            let costs_too_much = matches!(rejection, Rejection::RateLimited { retry_after: None, .. });
            let of_kind = KINDS.into_iter().find(|(kind, _)| *kind == rejection.kind());
            let is_in_set = of_kind.is_some_and(|(_, set)| settings.retry_rejections.contains(set));
            (is_in_set && !costs_too_much, rejection.retry_after())
        }
        Err(other) => panic!("{other:?}"),
    };
    let growing = match settings.backoff {
        Backoff::Constant => 1,
        Backoff::Linear => made,
        Backoff::Exponential => 1 << (made - 1),
        _ => [1, 1, 2, 3, 5, 8][made as usize - 1],
    };
    let wait = asks.unwrap_or_else(|| (settings.delay * growing).min(settings.max_delay));
    let opens_later = settings.retry_rejections.contains(Rejections::CIRCUIT_OPEN);
    match () {
        () if !is_again => Err(GaveUp::NotRetryable),
        () if is_last => Err(GaveUp::Attempts),
        () if asks.is_some_and(|asked| asked > settings.max_delay) => Err(GaveUp::AskedTooMuch),
        () if settings.max_elapsed.is_some_and(|most| elapsed + wait > most) => Err(GaveUp::Elapsed),
        () if ending.is_shut && !opens_later => Err(GaveUp::CircuitOpen),
        () if settings.budget.is_some() && case.is_spent => Err(GaveUp::Budget),
        () => Ok(wait),
    }
}

/// What is told: of a failed attempt which, the wait and the time before; of the end its reason and the failure before the last one.
type Told = (u32, Result<Duration, GaveUp>, Duration, [Option<RejectionKind>; 2], Option<String>);

fn told(event: &Event) -> Told {
    match event {
        Event::Retry(event) => (
            event.attempt,
            Ok(event.wait),
            event.elapsed,
            [event.rejection, None],
            event.cause.as_ref().map(ToString::to_string),
        ),
        Event::RetriesEnded { attempts, why, elapsed, rejection, before, cause, .. } => {
            (*attempts, Err(*why), *elapsed, [*rejection, *before], cause.as_ref().map(ToString::to_string))
        }
        other => panic!("{other:?}"),
    }
}

async fn as_decided(case: Case) {
    let _entered = Scope::new().enter();
    registry().configure_from_str(if case.tells_causes { "" } else { "causes = false" }).unwrap();
    let retry = Retry::builder("decides").config(case.config).register().unwrap();
    if case.is_spent {
        retry.reconfigure(plain().budget(10.0)).unwrap();
        (0..112).for_each(|_| spend(&retry));
        assert_eq!(counts(&retry).3, 1);
        retry.reconfigure(case.config).unwrap();
    }
    let before = retry.snapshot();
    let topics = [Topic::Retry, Topic::RetriesEnded];
    let listened = topics.into_iter().zip(case.listens).filter(|(_, listens)| *listens).map(|(topic, _)| topic);
    let mut events = registry().subscribe_with(EventFilter::of(listened.collect::<Vec<_>>()));

    let judge = |result: Result<&Verdict, &Said>| *result.unwrap_or_else(|said| &said.verdict);
    let judge = private::Returned::<Result<Verdict, Said>>::by::<Verdict, Said, _, _>(judge);
    use private::DescribeError as _;
    let describe = private::error_of(&case.endings[0].result).describe_error();
    let (asked, hooked) = (RefCell::new(Vec::new()), RefCell::new(Vec::new()));
    let retry_if = |said: &Said| {
        asked.borrow_mut().push("retry_if");
        said.is_again
    };
    let retry_after = |said: &Said| {
        asked.borrow_mut().push("retry_after");
        said.asks
    };
    let on_retry = |event: &RetryEvent| hooked.borrow_mut().push(told(&Event::Retry(event.clone())));

    let attempts = if case.config.resolve().enabled { case.config.resolve().attempts } else { 1 };
    let (mut run, began, mut config) = (retry.start(), Instant::now(), case.config);
    let (mut to_hook, mut to_listeners, mut to_ask) = (Vec::new(), Vec::new(), Vec::new());
    let (mut retries, mut recovered, mut ended, mut last) = (0, 0, None, None);
    for (nth, ending) in case.endings.iter().enumerate() {
        if let Some((after, other)) = case.change
            && after == nth
        {
            retry.reconfigure(other).unwrap();
            config = other;
        }
        let made = nth as u32 + 1;
        assert_eq!((run.attempt(), run.is_last_attempt()), (made, made >= attempts), "{case:?}");
        advance(ending.takes).await;
        let elapsed = began.elapsed();
        let shut = |_: Duration| ending.is_shut;
        let (described, result) = ((describe, case.is_hooked), ending.result.clone());
        let after = match case.judge {
            Judge::Predicate => run.after_above(described, result, retry_if, retry_after, on_retry, shut),
            with => {
                let is_written = with == Judge::Both;
                run.after_classified(described, result, &judge, is_written, retry_if, retry_after, on_retry, shut)
            }
        };
        let is_success = match &ending.result {
            Ok(_) if case.judge == Judge::Predicate => true,
            Ok(verdict) => *verdict == Verdict::SUCCESS,
            Err(_) => false,
        };
        if is_success {
            assert!(after.is_break(), "{case:?}");
            recovered = u64::from(made > 1);
            break;
        }
        let expected = decided(&case, config, (made, attempts), elapsed, ending, &mut to_ask);
        let cause = match &ending.result {
            _ if !case.tells_causes => None,
            Ok(_) => Some("an answer that is classified as a failure".to_owned()),
            Err(Failure::Call(_)) => Some("busy".to_owned()),
            Err(_) => None,
        };
        let kind = match &ending.result {
            Err(Failure::Rejected(rejection)) => Some(rejection.kind()),
            _ => None,
        };
        match expected {
            Ok(wait) => {
                assert!(
                    matches!(after, ControlFlow::Continue(next) if next.duration() == wait),
                    "{after:?} in {case:?}"
                );
                let event = (made, Ok(wait), elapsed, [kind, None], cause);
                (retries, last) = (retries + 1, kind);
                if case.is_hooked {
                    to_hook.push(event.clone());
                }
                if case.listens[0] {
                    to_listeners.push(event);
                }
                advance(wait).await;
            }
            Err(why) => {
                assert!(after.is_break(), "{after:?} in place of {why:?} in {case:?}");
                let is_ordinary = made == 1 && matches!(why, GaveUp::NotRetryable | GaveUp::TurnedOff);
                if !is_ordinary {
                    ended = Some(why);
                    if case.listens[1] {
                        to_listeners.push((made, Err(why), elapsed, [kind, last], cause));
                    }
                }
                break;
            }
        }
    }
    assert_eq!(*asked.borrow(), to_ask, "{case:?}");
    if case.is_hooked {
        assert_eq!(*hooked.borrow(), to_hook, "{case:?}");
    }
    let events: Vec<Told> = std::iter::from_fn(|| events.try_recv()).map(|event| told(&event)).collect();
    assert_eq!(events, to_listeners, "{case:?}");
    let after = retry.snapshot();
    assert_eq!((after.retries - before.retries, after.recovered), (retries, recovered), "{case:?}");
    for (why, [before, after]) in GaveUp::ALL
        .iter()
        .zip(counted_by_reason(&before).into_iter().zip(counted_by_reason(&after)).map(<[u64; 2]>::from))
    {
        assert_eq!(after - before, u64::from(ended == Some(*why)), "{why:?} in {case:?}");
    }
}

fn counted_by_reason(snapshot: &RetrySnapshot) -> [u64; 7] {
    let GaveUpCounts { attempts, not_retryable, elapsed, asked_too_much, budget, circuit_open, turned_off, .. } =
        snapshot.gave_up;
    [attempts, not_retryable, elapsed, asked_too_much, budget, circuit_open, turned_off]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever ends an attempt and whoever judges, asks and listens: what comes next, what is told and what is counted is what the rules say.
    #[test]
    fn each_attempt_leads_to_what_the_rules_say(case in cases()) {
        prop_assume!(case.config.validate().is_ok());
        prop_assume!(case.change.is_none_or(|(_, config)| config.validate().is_ok()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(as_decided(case));
    }
}
