//! Whatever the library calls may call the library: `tracing` subscribers, wakers and listeners run under nothing of ours.
//!
//! `cargo test -p resilience-runtime --features tracing,config,persistence,test-util --test reentry`
#![cfg(all(feature = "tracing", feature = "config", feature = "persistence", feature = "test-util"))]

use resilience_runtime::{
    BulkheadConfig, CircuitBreaker, CircuitBreakerConfig, EventFilter, Kind, Rate, RateLimitConfig, Rejection,
    RetryConfig, TimeoutConfig, bulkhead, circuit_breaker, rate_limit, registry, retry, timeout,
};
use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::mpsc::channel;
use std::sync::{Arc, Once};
use std::task::{Context as TaskContext, Wake, Waker};
use std::time::Duration;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

type Answer = Result<u32, Rejection>;

#[circuit_breaker("reentry", failure_rate = 50)]
fn reentry() -> Answer {
    Ok(1)
}

#[circuit_breaker("reentry", failure_rate = 60)]
fn contradicts() -> Answer {
    Ok(2)
}

#[circuit_breaker("reentry: keys", key = key, max_keys = 4, consecutive_failures = 1)]
fn keyed(key: u32) -> Answer {
    if key.is_multiple_of(2) { Ok(key) } else { Err(Rejection::BulkheadFull { name: "elsewhere".into(), key: None }) }
}

#[circuit_breaker("reentry: saved")]
fn saved() -> Answer {
    Ok(1)
}

#[circuit_breaker("reentry: saved keys", key = key)]
fn saved_key(key: u32) -> Answer {
    Ok(key)
}

#[circuit_breaker(consecutive_failures = 1)]
#[retry(attempts = 2, delay = "1ms")]
#[timeout("1s")]
#[bulkhead(max_concurrent = 1, name = "reentry: bulkhead", max_queue = 4)]
#[rate_limit("1000/s", name = "reentry: rate")]
async fn everything(fails: bool) -> Result<u32, Error> {
    if fails { Err(Error::Failed) } else { Ok(1) }
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("it failed")]
    Failed,
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

thread_local! {
    /// Whether this thread's own calls of the library are answered by more of them.
    static REACTS: Cell<bool> = const { Cell::new(false) };
}

static REACTIONS: AtomicU32 = AtomicU32::new(0);

/// Uses whatever takes a lock somewhere, for policies that are being built at the moment too.
fn react() {
    if !REACTS.replace(false) {
        return;
    }
    let nth = REACTIONS.fetch_add(1, Relaxed);
    let registry = registry();
    let _ = (reentry(), saved(), saved_key(1), keyed(nth % 8));
    let _ = CircuitBreaker::builder("reentry: new").register();
    let keys = registry.circuit_breaker("reentry: keys");
    let _ = registry.recent_events(Kind::CircuitBreaker, "reentry: keys");
    let _ = registry.bulkhead("reentry: bulkhead").map(|bulkhead| bulkhead.try_acquire().map(drop));
    let _ = registry.rate_limiter("reentry: rate").map(|limiter| limiter.try_acquire());
    drop(registry.subscribe_with(EventFilter::default()));
    if nth.is_multiple_of(16) {
        let _ = (registry.snapshot(), registry.health(), registry.configure_from_environment([]));
        for breaker in registry.circuit_breaker("reentry").into_iter().chain(keys) {
            breaker.force_open();
            breaker.reset();
        }
    }
    REACTS.set(true);
}

/// A subscriber that reacts to everything that it is asked or told.
struct Reacts;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Reacts {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        react();
        Interest::sometimes()
    }

    fn enabled(&self, _: &Metadata<'_>, _: Context<'_, S>) -> bool {
        react();
        true
    }

    fn on_new_span(&self, _: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        react();
    }

    fn on_record(&self, _: &Id, _: &Record<'_>, _: Context<'_, S>) {
        react();
    }

    fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
        react();
    }

    fn on_enter(&self, _: &Id, _: Context<'_, S>) {
        react();
    }

    fn on_exit(&self, _: &Id, _: Context<'_, S>) {
        react();
    }
}

/// Runs it on a thread whose subscriber reacts. One that hangs fails the test, where it would hold up all of them.
fn returns(what: &str, act: impl FnOnce() + Send + 'static) {
    static SUBSCRIBER: Once = Once::new();
    SUBSCRIBER.call_once(|| {
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(Reacts)).unwrap();
    });
    let (done, wait) = channel();
    let thread = std::thread::spawn(move || {
        REACTS.set(true);
        act();
        REACTS.set(false);
        done.send(()).unwrap();
    });
    // Two seconds where nothing else runs.
    let returned = wait.recv_timeout(Duration::from_secs(120));
    assert!(returned.is_ok() || thread.is_finished(), "{what} does not return");
    thread.join().unwrap();
}

fn in_runtime(future: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future);
}

/// One test for all, since what happens for the first time in a process happens once, and tests of one process would do it for each other.
#[test]
fn whoever_calls_the_library_while_it_calls_them_holds_up_nobody() {
    a_subscriber_whatever_it_is_told();
    a_waker();
}

fn a_subscriber_whatever_it_is_told() {
    let states = std::env::temp_dir().join(format!("resilience-reentry-{}", std::process::id()));
    {
        let scope = resilience_runtime::testing::Scope::new();
        let _entered = scope.enter();
        CircuitBreaker::builder("reentry: saved").register().unwrap().force_open();
        let keys = CircuitBreaker::builder("reentry: saved keys").consecutive_failures(1).register().unwrap();
        (0..8).for_each(|key| keys.keyed(key).try_acquire().unwrap().failure());
        assert_eq!(registry().save(&states).unwrap(), 9);
    }
    let path = states.clone();
    returns("restoring", move || {
        registry().restore(&path).unwrap();
    });
    std::fs::remove_file(states).unwrap();
    returns("the first call of what was saved", || {
        saved().unwrap_err();
        saved_key(3).unwrap_err();
    });
    returns("a first call, with a conflict", || {
        reentry().unwrap();
        contradicts().unwrap();
    });
    returns("the calls of a breaker with keys", || (0..32).for_each(|key| _ = keyed(key)));
    returns("a stack of all", || {
        in_runtime(async {
            for call in 0..8 {
                let _ = everything(call % 2 == 0).await;
            }
        });
    });
    returns("configuring from outside", || {
        let file = "[circuit_breaker.\"reentry*\"]\nforce_open = true\nmode = \"monitor\"\n\
            [circuit_breaker.\"*\"]\nopen_for = \"1s\"\n[bulkhead.\"reentry: bulkhead\"]\nmax_concurrent = 2\n\
            [rate_limit.\"*\"]\nmax_wait = \"1ms\"\n[retry.\"*\"]\nattempts = 5\n[timeout.\"*\"]\nafter = \"3s\"";
        registry().configure_from_str(file).unwrap();
        registry().configure_from_str("[circuit_breaker.reentry]\nfailure_rate = 300").unwrap_err();
        registry().configure_from_str("").unwrap();
    });
    returns("configuring by hand", || {
        let registry = registry();
        registry.steer("*").reconfigure(CircuitBreakerConfig::new().open_for(Duration::from_secs(3))).unwrap();
        registry.steer("*").reconfigure(RetryConfig::new().attempts(2)).unwrap();
        registry.steer("*").reconfigure(TimeoutConfig::new().after(Duration::from_secs(2))).unwrap();
        registry.steer("*").reconfigure(BulkheadConfig::new().max_concurrent(3)).unwrap();
        registry.steer("*").reconfigure(RateLimitConfig::new().rate(Rate::per_second(7))).unwrap();
    });
    returns("steering", || {
        let steer = || registry().steer("reentry*").by("ops");
        steer().force_open().unwrap();
        steer().monitor().unwrap();
        steer().disable().unwrap();
        steer().enforce_share(10).unwrap();
        steer().reset().unwrap();
    });
    assert!(REACTIONS.load(Relaxed) > 1000);
}

/// A waker that reacts.
struct Reaction;

impl Wake for Reaction {
    fn wake(self: Arc<Self>) {
        react();
    }
}

fn a_waker() {
    let waker = Waker::from(Arc::new(Reaction));
    returns("waking a reader", move || {
        let mut events = registry().subscribe();
        let mut context = TaskContext::from_waker(&waker);
        let breaker = CircuitBreaker::builder("reentry: woken").register().unwrap();
        for act in [CircuitBreaker::force_open, CircuitBreaker::reset] {
            while pin!(events.recv()).poll(&mut context).is_ready() {}
            act(&breaker);
        }
        registry().configure_from_str("[circuit_breaker.\"reentry: woken\"]\nforce_open = true").unwrap();
        registry().configure_from_str("").unwrap();
    });
    let waker = Waker::from(Arc::new(Reaction));
    returns("waking those who wait for a place or a turn", move || {
        let mut context = TaskContext::from_waker(&waker);
        let bulkhead =
            resilience_runtime::Bulkhead::builder("reentry: full").max_concurrent(1).max_queue(8).register().unwrap();
        let _place = bulkhead.try_acquire().unwrap();
        let mut waits = pin!(bulkhead.acquire());
        assert!(waits.as_mut().poll(&mut context).is_pending());
        registry().configure_from_str("[bulkhead.\"reentry: full\"]\nmax_concurrent = 2").unwrap();
        assert!(waits.poll(&mut context).is_ready());
        in_runtime(async {
            let limiter = resilience_runtime::RateLimiter::builder("reentry: limited");
            let limiter = limiter.rate(Rate::per_minute(1)).max_wait(Duration::from_secs(120)).register().unwrap();
            limiter.try_acquire().unwrap();
            let mut waits = pin!(limiter.acquire());
            assert!(waits.as_mut().poll(&mut context).is_pending());
            registry().configure_from_str("[rate_limit.\"reentry: limited\"]\nrate = \"1000/s\"").unwrap();
        });
        registry().configure_from_str("").unwrap();
    });
}
