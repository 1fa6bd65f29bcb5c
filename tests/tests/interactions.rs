//! What happens where two features meet: found by asking what nobody had tried.

use resilience_runtime::{
    CircuitBreaker, CircuitBreakerConfig, Event, EventFilter, Mode, Rejection, RetryEvent, State, Topic, Window,
    bulkhead, circuit_breaker, registry, retry,
};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};

/// With a clock of 1 ms steps and a slot that is taken many times in each.
#[tokio::test(start_paused = true)]
async fn a_breaker_that_many_keys_have_had_stays_open_for_as_long_as_any_other() {
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
        assert_eq!(retry_after, open_for, "{max_keys} keys");
        let keys = breaker.snapshot().keys.unwrap();
        assert_eq!(keys.held + keys.evicted + keys.overflowed, 50_000);
        assert_eq!(keys.overflowed, 0, "{keys:?}");
    }
}

/// All in one millisecond.
#[tokio::test(start_paused = true)]
async fn no_number_of_resets_lengthens_an_opening() {
    let open_for = Duration::from_millis(100);
    let breaker = CircuitBreaker::builder("resets").consecutive_failures(1).open_for(open_for).build().unwrap();
    for resets in [1, 1000, 100_000] {
        let late = breaker.try_acquire().unwrap();
        (0..resets).for_each(|_| breaker.reset());
        assert_eq!(breaker.snapshot().age, Duration::ZERO);
        late.failure();
        assert_eq!(breaker.state(), State::Closed, "an outcome of another generation");
        breaker.try_acquire().unwrap().failure();
        assert_eq!(breaker.try_acquire().unwrap_err().retry_after(), Some(open_for), "{resets} resets");
        breaker.reset();
    }
}

fn held(breaker: &CircuitBreaker) -> Vec<String> {
    breaker.of_keys().iter().map(|of_key| of_key.key().unwrap().to_string()).collect()
}

#[tokio::test(start_paused = true)]
async fn the_longest_unused_key_goes_first_whatever_the_window_was_when_it_was_used() {
    let window = |window| CircuitBreakerConfig::new().window(Window::Time(window)).max_keys(2);
    let [short, long] = [Duration::from_millis(100), Duration::from_secs(60)];
    let call = |breaker: &CircuitBreaker, key: &str| breaker.keyed(key).try_acquire().unwrap().success();
    for (before, after) in [(short, long), (long, short), (long, long)] {
        let breaker = CircuitBreaker::builder("stock").config(window(before)).build().unwrap();
        call(&breaker, "old");
        tokio::time::advance(Duration::from_secs(10)).await;
        breaker.reconfigure(window(after)).unwrap();
        call(&breaker, "young");
        tokio::time::advance(Duration::from_secs(10)).await;
        call(&breaker, "new");
        assert_eq!(held(&breaker), ["new", "young"], "{before:?} to {after:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_closed_by_hand_has_a_place_for_a_new_key_at_once() {
    let breaker = CircuitBreaker::builder("stock").consecutive_failures(1).max_keys(1).build().unwrap();
    breaker.keyed("broken").try_acquire().unwrap().failure();
    breaker.keyed("shares").try_acquire().unwrap().success();
    assert_eq!((held(&breaker), breaker.snapshot().keys.unwrap().overflowed), (vec!["broken".into()], 1));
    breaker.reset();
    breaker.keyed("new").try_acquire().unwrap().success();
    assert_eq!((held(&breaker), breaker.snapshot().keys.unwrap().overflowed), (vec!["new".into()], 1));
}

struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        std::panic::resume_unwind(Box::new("the waker's own"));
    }
}

#[test]
fn a_waker_that_panics_harms_no_call_and_no_other_reader() {
    let filter = || EventFilter::of([Topic::Transition]).named("interactions: waker".parse().unwrap());
    let (mut broken, mut sound) = (registry().subscribe_with(filter()), registry().subscribe_with(filter()));
    let waker = Waker::from(Arc::new(Panics));
    assert!(pin!(broken.recv()).poll(&mut Context::from_waker(&waker)).is_pending());

    let breaker = CircuitBreaker::builder("interactions: waker").consecutive_failures(1).build().unwrap();
    breaker.try_acquire().unwrap().failure();
    assert_eq!((breaker.state(), breaker.totals().failures), (State::Open, 1));
    assert!(matches!(sound.try_recv(), Some(Event::Transition(_))));
    assert!(matches!(broken.try_recv(), Some(Event::Transition(_))));
}

#[test]
fn a_rule_that_panics_while_a_call_panics_ends_no_process() {
    let builder = CircuitBreaker::builder("interactions: rule").window(Window::Count(5)).minimum_calls(5);
    let breaker = builder.trip_if(|_| std::panic::resume_unwind(Box::new("the rule's own"))).build().unwrap();
    let call = breaker.call(async { std::panic::resume_unwind(Box::new("the body's own")) as Result<(), ()> });
    let polled = catch_unwind(AssertUnwindSafe(|| {
        let mut call = pin!(call);
        let _ = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    }));
    assert_eq!(polled.unwrap_err().downcast_ref(), Some(&"the body's own"));
    let totals = breaker.totals();
    assert_eq!((totals.failures, totals.panicked, breaker.state()), (1, 1, State::Closed));
}

#[test]
fn what_a_rule_panics_with_is_the_callers_of_a_call_that_does_not_panic() {
    let builder = CircuitBreaker::builder("interactions: rule alone").window(Window::Count(5)).minimum_calls(5);
    let breaker = builder.trip_if(|_| std::panic::resume_unwind(Box::new("the rule's own"))).build().unwrap();
    let permit = breaker.try_acquire().unwrap();
    let panic = catch_unwind(AssertUnwindSafe(|| permit.failure())).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"the rule's own"));
    let totals = breaker.totals();
    assert_eq!((totals.failures, totals.panicked, breaker.state()), (1, 0, State::Closed));
}

#[test]
fn a_disabled_breaker_counts_no_panic() {
    let breaker = CircuitBreaker::builder("interactions: off").build().unwrap();
    let panics = || -> Result<(), ()> { panic!("of a call that nobody counts") };
    for counted in [1, 1] {
        catch_unwind(AssertUnwindSafe(|| breaker.call_sync(panics))).unwrap_err();
        assert_eq!((breaker.totals().panicked, breaker.totals().failures), (counted, counted));
        breaker.disable();
    }
}

#[tokio::test(start_paused = true)]
async fn a_disabled_breaker_tells_no_slow_call() {
    let filter = EventFilter::of([Topic::SlowCall]).named("interactions: slow".parse().unwrap());
    let mut events = registry().subscribe_with(filter);
    let builder = CircuitBreaker::builder("interactions: slow").slow_call(Duration::from_millis(10));
    let breaker = builder.build().unwrap();
    for (mode, told) in [(Mode::Off, false), (Mode::Monitor, true)] {
        let config = CircuitBreakerConfig::new().slow_call(Duration::from_millis(10)).mode(mode);
        breaker.reconfigure(config).unwrap();
        let permit = breaker.try_acquire().unwrap();
        tokio::time::advance(Duration::from_secs(1)).await;
        permit.success();
        assert_eq!((events.try_recv().is_some(), breaker.totals().slow), (told, u64::from(told)), "{mode:?}");
    }
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("unreachable")]
    Unreachable,
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

fn own(_: &RetryEvent) {
    std::panic::resume_unwind(Box::new("the hook's own"));
}

#[circuit_breaker("interactions: hook", consecutive_failures = 1)]
#[bulkhead(1, name = "interactions: hook")]
#[retry(name = "interactions: hook", attempts = 2, jitter = none, on_retry = own)]
async fn hooked() -> Result<(), Error> {
    Err(Error::Unreachable)
}

#[circuit_breaker("interactions: hook, sync", consecutive_failures = 1)]
#[retry(name = "interactions: hook, sync", attempts = 2, delay = "1ms", on_retry = own)]
fn hooked_sync() -> Result<(), Error> {
    Err(Error::Unreachable)
}

/// It is not the body that panics: the breaker above knows no more than that the call was dropped.
#[test]
fn a_hook_that_panics_leaves_no_place_taken_and_is_a_cancellation_to_the_breaker_above() {
    fn unwinds(call: impl FnOnce()) {
        let unwound = catch_unwind(AssertUnwindSafe(call)).unwrap_err();
        assert_eq!(unwound.downcast_ref(), Some(&"the hook's own"));
    }
    let poll = || _ = pin!(hooked()).poll(&mut Context::from_waker(Waker::noop()));
    for _ in 0..2 {
        unwinds(poll);
        unwinds(|| _ = hooked_sync());
    }
    for name in ["interactions: hook", "interactions: hook, sync"] {
        let breaker = registry().circuit_breaker(name).unwrap();
        let totals = breaker.totals();
        assert_eq!((totals.failures, totals.panicked, totals.cancelled), (0, 0, 2), "{name}");
    }
    let bulkhead = registry().bulkhead("interactions: hook").unwrap();
    assert_eq!(bulkhead.snapshot().inside, 0);
}

/// xorshift, seeded.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// What the callers have seen.
#[derive(Default)]
struct Seen {
    uncounted: AtomicU64,
    counted: AtomicU64,
    cancelled: AtomicU64,
    ignored: AtomicU64,
    rejected: AtomicU64,
}

fn one_of(dice: &mut Dice, configs: &[CircuitBreakerConfig]) -> CircuitBreakerConfig {
    configs[dice.throw(configs.len() as u64) as usize]
}

/// Of every window, every number of probes, and turned off.
fn configs() -> Vec<CircuitBreakerConfig> {
    let windows = [Window::Count(20), Window::Time(Duration::from_millis(20)), Window::Count(50), Window::None];
    let config = |window| {
        let config = CircuitBreakerConfig::new().window(window).open_for(Duration::from_millis(1));
        match window {
            Window::None => config.consecutive_failures(2),
            _ => config.failure_rate(25.0).minimum_calls(10),
        }
    };
    let mut configs: Vec<_> = windows.into_iter().map(config).collect();
    configs.push(config(windows[0]).half_open_calls(1));
    configs.push(
        config(windows[1]).half_open_calls(20).half_open_successes(3).half_open_timeout(Duration::from_millis(2)),
    );
    configs.push(config(windows[2]).slow_call(Duration::from_nanos(1000)).mode(Mode::Monitor));
    configs.push(config(windows[0]).mode(Mode::Off));
    configs
}

/// Calls and all that can be done to a breaker by hand, on many threads: real ones and real time, because their races are wanted; bounded by the number
/// of calls.
fn storm(keys: u64) {
    const CALLS: u64 = 200_000;
    const THREADS: u64 = 4;
    let configs = configs();
    let breaker = CircuitBreaker::builder("interactions: storm").config(configs[0]).max_keys(3).build().unwrap();
    let seen = Seen::default();
    let count = |counter: &AtomicU64| _ = counter.fetch_add(1, Relaxed);
    std::thread::scope(|scope| {
        for thread in 1..=THREADS {
            let (breaker, seen, configs) = (&breaker, &seen, &configs);
            scope.spawn(move || {
                let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ thread);
                // Under way for a while.
                let mut out = Vec::new();
                for _ in 0..CALLS / THREADS {
                    let acquired =
                        if keys == 0 { breaker.try_acquire() } else { breaker.keyed(dice.throw(keys)).try_acquire() };
                    match acquired {
                        Err(Rejection::CircuitOpen { .. }) => count(&seen.rejected),
                        Err(other) => panic!("{other:?}"),
                        Ok(permit) => out.push(permit),
                    }
                    while out.len() > dice.throw(5) as usize {
                        let permit = out.swap_remove(dice.throw(out.len() as u64) as usize);
                        let is_counted = !format!("{permit:?}").contains("Uncounted");
                        count(if is_counted { &seen.counted } else { &seen.uncounted });
                        match dice.throw(10) {
                            0 | 1 => permit.failure(),
                            2 => {
                                permit.ignore();
                                _ = is_counted && {
                                    count(&seen.ignored);
                                    true
                                };
                            }
                            3 => {
                                drop(permit);
                                _ = is_counted && {
                                    count(&seen.cancelled);
                                    true
                                };
                            }
                            _ => permit.success(),
                        }
                    }
                    match dice.throw(2000) {
                        0 => breaker.reset(),
                        1 | 2 => breaker.reconfigure(one_of(&mut dice, configs).max_keys(3)).unwrap(),
                        3 => breaker.monitor(),
                        4 => breaker.force_open(),
                        5 => breaker.disable(),
                        6 => breaker.steer().enforce_share(dice.throw(101) as u8).unwrap(),
                        7..20 => breaker.enforce(),
                        20..30 => std::thread::yield_now(),
                        30 => _ = breaker.snapshot(),
                        _ => {}
                    }
                }
                for permit in out {
                    let is_counted = !format!("{permit:?}").contains("Uncounted");
                    count(if is_counted { &seen.counted } else { &seen.uncounted });
                    permit.success();
                }
            });
        }
    });

    let totals = breaker.totals();
    let [uncounted, counted, cancelled, ignored, rejected] =
        [&seen.uncounted, &seen.counted, &seen.cancelled, &seen.ignored, &seen.rejected]
            .map(|count| count.load(Relaxed));
    assert_eq!(uncounted + counted + rejected, CALLS);
    assert_eq!((totals.rejected, totals.cancelled, totals.ignored), (rejected, cancelled, ignored));
    let ended = totals.successes + totals.failures + totals.stale + totals.cancelled + totals.ignored;
    assert_eq!(ended, counted, "{totals:?}");

    // Whatever was done to it: it opens by failures, and closes by successes.
    breaker.reconfigure(configs[1].max_keys(3)).unwrap();
    breaker.reset();
    let mut all = breaker.of_keys();
    if keys == 0 {
        assert!(all.is_empty());
    }
    let alone = Arc::new(breaker);
    all.push(alone);
    for breaker in all {
        let deadline = Instant::now() + Duration::from_secs(10);
        let until = |state: State, outcome: fn(resilience_runtime::Permit<'_>)| {
            while breaker.state() != state {
                let _ = breaker.try_acquire().map(outcome);
                assert!(Instant::now() < deadline, "stuck: {:?}", breaker.snapshot());
            }
        };
        until(State::Closed, |permit| permit.success());
        until(State::Open, |permit| permit.failure());
        until(State::Closed, |permit| permit.success());
    }
}

#[test]
fn all_that_can_be_done_to_a_breaker_at_once_loses_nothing_and_leaves_it_sound() {
    storm(0);
}

#[test]
fn all_that_can_be_done_to_the_breakers_of_keys_at_once_loses_nothing_and_leaves_them_sound() {
    storm(6);
}
