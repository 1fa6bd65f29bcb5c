//! A `tracing` subscriber that panics, whatever it is asked or told, harms no guarded call.
//!
//! `cargo test -p resilience-runtime --features tracing,test-util --test panicking_subscriber`
#![cfg(all(feature = "tracing", feature = "test-util"))]

use resilience_runtime::{
    CircuitBreaker, CircuitBreakerConfig, Rejection, State, bulkhead, circuit_breaker, fallback, registry, retry,
    timeout,
};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_core::span::Current;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

#[derive(Debug, PartialEq, thiserror::Error)]
enum Error {
    #[error("it failed")]
    Failed,
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

#[circuit_breaker("panics: sync", consecutive_failures = 2, open_for = "1h")]
#[bulkhead(1, name = "panics: sync")]
fn synchronous(fails: bool) -> Result<u32, Error> {
    if fails { Err(Error::Failed) } else { Ok(1) }
}

#[fallback(instead)]
#[retry(attempts = 2, delay = "1ms")]
#[circuit_breaker("panics: async", consecutive_failures = 4, open_for = "1h")]
#[bulkhead(1, name = "panics: async")]
#[timeout("1h")]
async fn asynchronous(fails: bool) -> Result<u32, Error> {
    tokio::task::yield_now().await;
    if fails { Err(Error::Failed) } else { Ok(2) }
}

async fn instead(_: bool) -> Result<u32, Error> {
    Err(Error::Failed)
}

#[circuit_breaker("panics: twice", failure_rate = 50)]
fn twice() -> Result<u32, Error> {
    Ok(3)
}

#[circuit_breaker("panics: twice", failure_rate = 60)]
fn twice_otherwise() -> Result<u32, Error> {
    Ok(4)
}

#[circuit_breaker("panics: body")]
#[bulkhead(1, name = "panics: body")]
async fn body_panics() -> Result<u32, Error> {
    tokio::task::yield_now().await;
    panic!("the body's own")
}

#[bulkhead(1, name = "panics: dropped")]
async fn waits() -> Result<u32, Error> {
    pending().await
}

thread_local! {
    /// Whether this thread's calls are answered with panics.
    static PANICS: Cell<bool> = const { Cell::new(false) };
    /// Of the span that was begun last, which will do for the one that this thread is in.
    static CURRENT: Cell<Option<&'static Metadata<'static>>> = const { Cell::new(None) };
    static WHERE: RefCell<BTreeSet<&'static str>> = const { RefCell::new(BTreeSet::new()) };
}

fn panics(place: &'static str) {
    if PANICS.get() {
        WHERE.with(|all| all.borrow_mut().insert(place));
        panic!("{place} panics");
    }
}

/// Panics in some of what it is told, behind `tracing-subscriber`'s registry, which has done its part by then.
struct PanickingLayer(&'static [&'static str]);

impl PanickingLayer {
    fn is_told(&self, place: &'static str) {
        if self.0.contains(&place) {
            panics(place);
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for PanickingLayer {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }
    fn on_new_span(&self, _: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        self.is_told("on_new_span");
    }
    fn on_record(&self, _: &Id, _: &Record<'_>, _: Context<'_, S>) {
        self.is_told("on_record");
    }
    fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
        self.is_told("on_event");
    }
    fn on_enter(&self, _: &Id, _: Context<'_, S>) {
        self.is_told("on_enter");
    }
    fn on_exit(&self, _: &Id, _: Context<'_, S>) {
        self.is_told("on_exit");
    }
    fn on_close(&self, _: Id, _: Context<'_, S>) {
        self.is_told("on_close");
    }
}

/// Panics in what a subscriber alone is asked, in those of its questions.
struct Panicking(&'static [&'static str]);

impl Panicking {
    fn asks(&self, place: &'static str) {
        if self.0.contains(&place) {
            panics(place);
        }
    }
}

impl Subscriber for Panicking {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        self.asks("register_callsite");
        Interest::sometimes()
    }
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        self.asks("enabled");
        true
    }
    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        self.asks("new_span");
        CURRENT.set(Some(attributes.metadata()));
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {
        self.asks("record");
    }
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {
        self.asks("event");
    }
    fn enter(&self, _: &Id) {
        self.asks("enter");
    }
    fn exit(&self, _: &Id) {
        CURRENT.set(None);
        self.asks("exit");
    }
    fn current_span(&self) -> Current {
        self.asks("current_span");
        CURRENT.get().map_or_else(Current::none, |metadata| Current::new(Id::from_u64(1), metadata))
    }
    fn clone_span(&self, id: &Id) -> Id {
        self.asks("clone_span");
        id.clone()
    }
    fn try_close(&self, _: Id) -> bool {
        self.asks("try_close");
        false
    }
}

/// Everything that is told of a call, and everything that a call tells while it fails; where the subscriber panicked.
fn makes_calls_under(subscriber: impl Subscriber + Send + Sync + 'static) -> BTreeSet<&'static str> {
    WHERE.take();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    tracing::subscriber::with_default(subscriber, || {
        PANICS.set(true);
        let scope = resilience_runtime::testing::Scope::new();
        let _entered = scope.enter();
        assert_eq!((twice(), twice_otherwise()), (Ok(3), Ok(4)));
        assert_eq!([false, true, true].map(synchronous), [Ok(1), Err(Error::Failed), Err(Error::Failed)]);
        assert!(matches!(synchronous(false), Err(Error::Rejected(Rejection::CircuitOpen { .. }))));
        runtime.block_on(async {
            assert_eq!(asynchronous(false).await, Ok(2));
            for fails in [true, true, false] {
                // The last one is rejected, and answered for as well.
                assert_eq!(asynchronous(fails).await, Err(Error::Failed));
            }
            tokio::time::timeout(Duration::from_millis(1), waits()).await.unwrap_err();
        });
        let body = catch_unwind(AssertUnwindSafe(|| runtime.block_on(body_panics())));
        assert_eq!(body.unwrap_err().downcast_ref::<&str>(), Some(&"the body's own"));

        let breaker = |name: &str| registry().circuit_breaker(name).unwrap();
        let totals = |name: &str| breaker(name).totals();
        assert_eq!((totals("panics: sync").successes, totals("panics: sync").failures), (1, 2));
        assert_eq!((totals("panics: async").successes, totals("panics: async").failures), (1, 4));
        assert_eq!(totals("panics: async").rejected, 1);
        assert_eq!((totals("panics: body").panicked, totals("panics: body").failures), (1, 1));
        for name in ["panics: sync", "panics: async"] {
            assert_eq!(breaker(name).state(), State::Open);
            breaker(name).reset();
            breaker(name).reconfigure(CircuitBreakerConfig::new().consecutive_failures(1)).unwrap();
        }
        registry().bulkheads().for_each(|bulkhead| drop(bulkhead.try_acquire().unwrap()));
        assert_eq!(registry().bulkheads().count(), 4);
        assert_eq!((synchronous(false), runtime.block_on(asynchronous(false))), (Ok(1), Ok(2)));
        let keys = CircuitBreaker::builder("panics: keys").consecutive_failures(1).register().unwrap();
        for key in 0..3 {
            keys.keyed(key).try_acquire().unwrap().failure();
            keys.keyed(key).try_acquire().unwrap_err();
        }
        registry().steer("panics*").force_open().unwrap();
        PANICS.set(false);
        assert!(tracing::Span::current().is_none(), "every span was left");
    });
    WHERE.take()
}

/// Whatever panics keeps what comes after it from being asked, so each comes alone and all of them together.
fn one_by_one_and_all(all: &'static [&'static str]) -> impl Iterator<Item = &'static [&'static str]> {
    all.chunks(1).chain([all])
}

#[test]
fn a_layer_that_panics_harms_no_call_and_is_in_no_span_afterwards() {
    for places in one_by_one_and_all(&["on_new_span", "on_enter", "on_exit", "on_record", "on_close", "on_event"]) {
        let panicked = makes_calls_under(tracing_subscriber::registry().with(PanickingLayer(places)));
        assert!(panicked.contains(places[0]), "{places:?}");
    }
}

#[test]
fn a_subscriber_that_panics_harms_no_call() {
    const ALL: [&str; 9] =
        ["enabled", "new_span", "record", "event", "enter", "exit", "try_close", "current_span", "register_callsite"];
    for places in one_by_one_and_all(&ALL) {
        let panicked = makes_calls_under(Panicking(places));
        // What is registered once in a process may have been under another subscriber.
        assert!(panicked.contains(places[0]) || places[0] == "register_callsite", "{places:?}");
    }
    // One that panics while a panic of it goes on its way.
    makes_calls_under(Panicking(&["record", "exit", "try_close", "event"]));
}
