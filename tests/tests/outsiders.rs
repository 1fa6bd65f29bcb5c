//! What runs inside of the library and is not its own: wakers, keys that print themselves, hooks, and values whose destructors make calls.

use resilience_runtime::testing::Scope;
use resilience_runtime::{
    Bulkhead, BulkheadConfig, CircuitBreaker, Rate, RateLimitConfig, RateLimiter, Rejection, RetryEvent, State,
    Verdict, WindowCounts, bulkhead, circuit_breaker, fallback, registry, retry,
};
use std::cell::Cell;
use std::fmt::{self, Display};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

type Answer = Result<u32, Error>;

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
enum Error {
    #[error("it failed")]
    Failed,
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("this waker panics");
    }
}

#[test]
fn a_waker_that_panics_harms_no_call_that_makes_room_and_nobody_behind_it() {
    let panics = Waker::from(Arc::new(Panics));
    let mut panicking = Context::from_waker(&panics);
    let mut quiet = Context::from_waker(Waker::noop());
    let bulkhead = Bulkhead::builder("woken").max_concurrent(1).max_queue(100).build().unwrap();
    let place = bulkhead.try_acquire().unwrap();
    let (mut first, mut second) = (pin!(bulkhead.acquire()), pin!(bulkhead.acquire()));
    assert!(first.as_mut().poll(&mut panicking).is_pending() && second.as_mut().poll(&mut quiet).is_pending());
    drop(place);
    assert!(first.as_mut().poll(&mut quiet).is_ready());
    // That one is inside until here.
    assert!(second.as_mut().poll(&mut quiet).is_ready());
    assert_eq!(bulkhead.snapshot().inside, 0, "what was polled to its end has dropped its place");

    // More of them than are woken at one go.
    let place = bulkhead.try_acquire().unwrap();
    let mut waiters: Vec<_> = (0..80).map(|_| Box::pin(bulkhead.acquire())).collect();
    for (nth, waiter) in waiters.iter_mut().enumerate() {
        assert!(waiter.as_mut().poll(if nth % 3 == 0 { &mut panicking } else { &mut quiet }).is_pending());
    }
    bulkhead.reconfigure(BulkheadConfig::new().max_concurrent(100).max_queue(100)).unwrap();
    let inside: Vec<_> = waiters.iter_mut().map(|waiter| waiter.as_mut().poll(&mut quiet)).collect();
    assert!(inside.iter().all(|polled| polled.is_ready()));
    drop((place, inside, waiters));
    assert_eq!((bulkhead.snapshot().inside, bulkhead.snapshot().waiting), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_waker_that_panics_harms_no_call_that_has_its_turn_before_it() {
    let panics = Waker::from(Arc::new(Panics));
    let mut panicking = Context::from_waker(&panics);
    let config = RateLimitConfig::new().rate(Rate::per_second(1)).max_wait(Duration::from_secs(10));
    let limiter = RateLimiter::builder("woken").rate(Rate::per_second(1)).max_wait(Duration::from_secs(10));
    let limiter = limiter.build().unwrap();
    limiter.try_acquire().unwrap();
    let mut first = Box::pin(limiter.acquire());
    assert!(first.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    let mut second = Box::pin(limiter.acquire());
    assert!(second.as_mut().poll(&mut panicking).is_pending());
    // It leaves the head of the line to the second.
    assert_eq!(first.await, Ok(()));
    assert!(second.as_mut().poll(&mut panicking).is_pending());
    limiter.reconfigure(config.rate(Rate::per_second(1000))).unwrap();
    assert_eq!(second.await, Ok(()));
}

/// What it panics with panics when it is dropped.
struct PanicsTwice;

impl Wake for PanicsTwice {
    fn wake(self: Arc<Self>) {
        std::panic::panic_any(PanicsWhenDropped);
    }
}

struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("what was panicked with panics");
    }
}

#[test]
fn what_a_waker_panics_with_harms_nobody_either() {
    let panics = Waker::from(Arc::new(PanicsTwice));
    let bulkhead = Bulkhead::builder("woken twice").max_concurrent(1).max_queue(1).build().unwrap();
    let place = bulkhead.try_acquire().unwrap();
    let mut waits = pin!(bulkhead.acquire());
    assert!(waits.as_mut().poll(&mut Context::from_waker(&panics)).is_pending());
    catch_unwind(AssertUnwindSafe(|| drop(place))).unwrap();
    assert!(waits.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
}

/// A key that does something while it is printed.
#[derive(Clone, Copy)]
enum Key {
    Of(u32),
    Panics,
    /// Calls the same function with another key.
    Calls(u32),
}

impl Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Of(key) => write!(f, "{key}"),
            Self::Panics => panic!("this key panics"),
            Self::Calls(key) => {
                write!(f, "calls ")?;
                assert_eq!(keyed(Self::Of(*key), *key == 2), if *key == 2 { Err(Error::Failed) } else { Ok(1) });
                write!(f, "{key}")
            }
        }
    }
}

#[bulkhead(4, name = "outsiders: keyed")]
#[circuit_breaker("outsiders: keyed", key = key, consecutive_failures = 1, max_keys = 2)]
fn keyed(#[allow(unused_variables)] key: Key, fails: bool) -> Answer {
    if fails { Err(Error::Failed) } else { Ok(1) }
}

#[retry(attempts = 2, delay = "0s")]
#[circuit_breaker("outsiders: async", key = key)]
#[bulkhead(1, name = "outsiders: async")]
async fn keyed_async(key: Key) -> Answer {
    tokio::task::yield_now().await;
    Ok(1)
}

#[tokio::test(start_paused = true)]
async fn a_key_that_panics_while_it_is_printed_takes_nothing_with_it() {
    let _entered = Scope::new().enter();
    for _ in 0..10 {
        catch_unwind(|| keyed(Key::Panics, false)).unwrap_err();
        let mut call = Box::pin(keyed_async(Key::Panics));
        let mut context = Context::from_waker(Waker::noop());
        catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(&mut context).is_ready())).unwrap_err();
    }
    assert_eq!((keyed(Key::Of(1), false), keyed_async(Key::Of(1)).await), (Ok(1), Ok(1)));
    let snapshot = registry().snapshot();
    assert!(snapshot.bulkheads.iter().all(|bulkhead| bulkhead.inside == 0), "{:?}", snapshot.bulkheads);
    let held =
        snapshot.circuit_breakers.iter().map(|breaker| (breaker.keys.as_ref().unwrap().held, breaker.totals.successes));
    assert_eq!(held.collect::<Vec<_>>(), [(1, 1), (1, 1)]);
}

#[test]
fn a_key_may_make_a_call_of_the_same_breaker_while_it_is_printed() {
    let _entered = Scope::new().enter();
    assert_eq!(keyed(Key::Calls(1), false), Ok(1));
    assert_eq!(keyed(Key::Calls(2), false), Ok(1), "in the place of the first one");
    let breaker = registry().circuit_breaker("outsiders: keyed").unwrap();
    assert_eq!((breaker.totals().successes, breaker.totals().failures), (3, 1));
    assert_eq!(breaker.of_key("2").unwrap().state(), State::Open);
}

thread_local! {
    static HOOKS: Cell<u32> = const { Cell::new(0) };
    static OWN: Cell<u64> = const { Cell::new(0) };
}

/// What a hook may do that is told of a call: everything, to the policies of that very call too.
fn meddles() {
    let depth = HOOKS.get();
    if depth > 40 {
        return;
    }
    HOOKS.set(depth + 1);
    let breaker = registry().circuit_breaker("outsiders: hooked").unwrap();
    let _ = (breaker.snapshot(), breaker.recent_events(), registry().snapshot(), registry().describe().to_string());
    match depth % 5 {
        0 => {
            breaker.try_acquire().unwrap().success();
            OWN.set(OWN.get() + 1);
        }
        1 => breaker.reset(),
        2 => drop(registry().subscribe()),
        3 => drop(breaker.steer().by("hook").enforce_share(50)),
        _ => drop(CircuitBreaker::builder("outsiders: new").register()),
    }
}

fn yes(_: &Error) -> bool {
    meddles();
    true
}

fn rule(_: &WindowCounts) -> bool {
    meddles();
    false
}

fn told(_: &RetryEvent) {
    meddles();
}

fn classified(result: Result<&u32, &Error>) -> Verdict {
    meddles();
    if result.is_ok() { Verdict::SUCCESS } else { Verdict::FAILURE }
}

#[fallback(answers)]
#[retry(attempts = 3, delay = "1ms", retry_if = yes, on_retry = told, classify = classified)]
#[circuit_breaker("outsiders: hooked", failure_if = yes, trip_if = rule, consecutive_failures = 50)]
#[bulkhead(1, name = "outsiders: hooked")]
async fn hooked(fails: bool) -> Answer {
    if fails { Err(Error::Failed) } else { Ok(1) }
}

async fn answers(_: bool) -> Answer {
    meddles();
    Ok(2)
}

#[tokio::test(start_paused = true)]
async fn a_hook_may_do_anything_to_the_policies_of_its_own_call() {
    let _entered = Scope::new().enter();
    for call in 0..40 {
        HOOKS.set(call % 5);
        let failed = call % 2 == 0;
        assert_eq!(hooked(failed).await, Ok(if failed { 2 } else { 1 }));
    }
    let snapshot = registry().snapshot();
    assert_eq!((snapshot.bulkheads[0].inside, snapshot.retries[0].recovered), (0, 0));
    let totals = registry().circuit_breaker("outsiders: hooked").unwrap().totals();
    // What was admitted before one of the resets is stale.
    let ended = totals.successes + totals.failures + totals.stale;
    assert_eq!((ended, totals.rejected), (20 + 20 * 3 + OWN.get(), 0), "{totals:?}");
    assert!(OWN.get() >= 20 && totals.failures > 0 && totals.stale > 0, "{totals:?}");
}

static DROPPED: AtomicU32 = AtomicU32::new(0);

/// Calls the breaker that its function is guarded by when it is dropped.
#[derive(Debug)]
struct CallsWhenDropped;

impl Drop for CallsWhenDropped {
    fn drop(&mut self) {
        DROPPED.fetch_add(1, Relaxed);
        let _ = leaf();
    }
}

impl From<Rejection> for CallsWhenDropped {
    fn from(_: Rejection) -> Self {
        Self
    }
}

#[circuit_breaker("outsiders: drops", consecutive_failures = 3, open_for = "1s", half_open_calls = 1)]
fn leaf() -> Answer {
    Ok(1)
}

#[retry(attempts = 3, delay = "1ms")]
#[circuit_breaker("outsiders: drops")]
#[bulkhead(1, name = "outsiders: drops")]
async fn drops(_argument: Arc<CallsWhenDropped>, fails: bool) -> Result<CallsWhenDropped, CallsWhenDropped> {
    let _local = CallsWhenDropped;
    tokio::task::yield_now().await;
    if fails { Err(CallsWhenDropped) } else { Ok(CallsWhenDropped) }
}

#[tokio::test(start_paused = true)]
async fn a_value_of_the_call_may_make_calls_of_the_same_breaker_when_it_is_dropped() {
    let _entered = Scope::new().enter();
    drop(drops(Arc::new(CallsWhenDropped), false).await.unwrap());
    assert_eq!(DROPPED.swap(0, Relaxed), 3, "local, argument, answer");
    let breaker = registry().circuit_breaker("outsiders: drops").unwrap();
    assert_eq!(breaker.totals().successes, 1 + 3);
    // Between two attempts the error of the one before is dropped, which succeeds: never three in a row.
    drop(drops(Arc::new(CallsWhenDropped), true).await.unwrap_err());
    assert_eq!((breaker.state(), breaker.totals().failures), (State::Closed, 3));
    // The future is dropped while it waits, in the state of a probe too.
    for half_open in [false, true] {
        if half_open {
            breaker.force_open_for(Duration::from_secs(1));
            tokio::time::advance(Duration::from_secs(2)).await;
        }
        let mut call = Box::pin(drops(Arc::new(CallsWhenDropped), false));
        assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        drop(call);
        assert_eq!(registry().bulkhead("outsiders: drops").unwrap().snapshot().inside, 0);
    }
    tokio::time::advance(Duration::from_secs(2)).await;
    drop(drops(Arc::new(CallsWhenDropped), false).await.unwrap());
    assert_eq!(breaker.state(), State::Closed, "it is left half-open by nobody");
}

#[test]
fn a_listener_may_subscribe_steer_register_and_end_itself() {
    let scope = Scope::new();
    let registry = scope.registry();
    let breaker = {
        let _entered = scope.enter();
        CircuitBreaker::builder("outsiders: listened").register().unwrap()
    };
    let (told, hears) = std::sync::mpsc::channel();
    let inside = registry.clone();
    let (hand_over, handle) = std::sync::mpsc::channel::<resilience_runtime::Listener>();
    let listener = registry.on_event(move |event| {
        let mut events = inside.subscribe();
        let other = inside.on_event(|_| {});
        inside.steer("outsiders: listened").by("listener").reset().unwrap();
        assert!(events.try_recv().is_some());
        inside.circuit_breaker("outsiders: listened").unwrap().monitor();
        other.stop();
        handle.recv().unwrap().stop();
        told.send(event.clone()).unwrap();
    });
    hand_over.send(listener.clone()).unwrap();
    breaker.force_open();
    hears.recv_timeout(Duration::from_secs(20)).unwrap();
    assert!(hears.recv_timeout(Duration::from_secs(20)).is_err(), "it hears no more of what it has done itself");
    assert!(listener.is_stopped());
    assert_eq!(breaker.state(), State::Monitoring);
}

#[tokio::test(start_paused = true)]
async fn time_may_jump_by_decades() {
    let year = Duration::from_secs(365 * 24 * 60 * 60);
    let breaker = CircuitBreaker::builder("jumps").consecutive_failures(1).half_open_calls(1).build().unwrap();
    let limiter = RateLimiter::builder("jumps").rate(Rate::per_minute(1)).build().unwrap();
    let late = breaker.try_acquire().unwrap();
    // All together less than the 36 years for which a limiter can count nanoseconds: the other tests of this process go on from there.
    for years in [1, 2, 4, 8] {
        limiter.try_acquire().unwrap();
        limiter.try_acquire().unwrap_err();
        breaker.try_acquire().unwrap().failure();
        let rejection = breaker.try_acquire().unwrap_err();
        assert!(rejection.retry_after().unwrap() <= Duration::from_secs(60), "{rejection}");
        tokio::time::advance(years * year).await;
        let probe = breaker.try_acquire().unwrap();
        assert_eq!(breaker.state(), State::HalfOpen, "after {years} years");
        breaker.try_acquire().unwrap_err();
        tokio::time::advance(years * year).await;
        // That probe is not waited for any more, and the opening at its deadline is over as well.
        drop(probe);
        breaker.try_acquire().unwrap().success();
        assert_eq!(breaker.state(), State::Closed, "after {} years", 2 * years);
        assert_eq!(breaker.snapshot().window.calls, 0);
    }
    late.failure();
    assert_eq!((breaker.state(), breaker.totals().stale), (State::Closed, 1), "of a state that is over for 30 years");
}

#[test]
fn a_rule_that_panics_while_the_body_panics_does_not_end_the_process() {
    let builder = CircuitBreaker::builder("outsiders: rule").trip_if(|_| panic!("the rule panics"));
    let breaker = builder.build().unwrap();
    let body = || -> Result<(), Error> { panic!("the body panics") };
    let panic = catch_unwind(AssertUnwindSafe(|| drop(breaker.call_sync(body)))).unwrap_err();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"the body panics"));
    assert_eq!((breaker.state(), breaker.totals().failures), (State::Closed, 1));
}
