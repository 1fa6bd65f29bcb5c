//! Tokio's clock is paused, and the library, without the feature `test-util`, reads the system's.

#![cfg(not(feature = "test-util"))]

use resilience_runtime::{Event, EventFilter, Events, Kind, Rejection, Topic, Trap, circuit_breaker, registry, retry};
use std::time::Duration;

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("it is down")]
    Down,
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

fn traps(name: &str) -> Events {
    registry().subscribe_with(EventFilter::of([Topic::Trap]).named(name.parse().unwrap()))
}

fn told(traps: &mut Events) -> Vec<String> {
    std::iter::from_fn(|| traps.try_recv()).map(|event| event.to_string()).collect()
}

#[circuit_breaker("paused breaker")]
async fn fails() -> Result<(), Error> {
    Err(Error::Down)
}

#[tokio::test(start_paused = true)]
async fn a_breaker_tells_of_it_once_at_a_failure() {
    let mut traps = traps("paused breaker");
    for _ in 0..3 {
        fails().await.unwrap_err();
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    assert_eq!(
        told(&mut traps),
        [
            "circuit_breaker `paused breaker`: tokio's clock is paused and the system's is read; turn on the feature `test-util` of `resilience-runtime` in \
             `[dev-dependencies]`"
        ]
    );
    let kept = registry().recent_events(Kind::CircuitBreaker, "paused breaker");
    assert!(matches!(kept[..], [Event::Trap { trap: Trap::PausedClock, .. }]), "{kept:?}");
}

#[circuit_breaker("advanced breaker")]
async fn fails_later() -> Result<(), Error> {
    Err(Error::Down)
}

#[tokio::test]
async fn a_clock_that_was_advanced_is_no_clock_either() {
    let mut traps = traps("advanced breaker");
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(3600)).await;
    tokio::time::resume();
    fails_later().await.unwrap_err();
    assert_eq!(told(&mut traps).len(), 1);
}

#[retry(name = "paused retry", attempts = 3)]
async fn tries() -> Result<(), Error> {
    Err(Error::Down)
}

#[tokio::test(start_paused = true)]
async fn a_retry_tells_of_it_once_when_it_waits() {
    let mut traps = traps("paused retry");
    tries().await.unwrap_err();
    tries().await.unwrap_err();
    assert_eq!(told(&mut traps).len(), 1);
}

#[circuit_breaker("running breaker", consecutive_failures = 2)]
#[retry(name = "running retry", attempts = 2, delay = "1ms")]
async fn tries_on() -> Result<(), Error> {
    Err(Error::Down)
}

#[tokio::test]
async fn a_clock_that_runs_is_told_of_by_nobody() {
    let mut traps = traps("running *");
    for _ in 0..4 {
        tries_on().await.unwrap_err();
    }
    tokio::task::spawn_blocking(|| {
        let breaker = registry().circuit_breaker("running breaker").unwrap();
        breaker.reset();
        breaker.try_acquire().unwrap().failure_because(&"on another thread");
    });
    std::thread::spawn(|| {
        let breaker = registry().circuit_breaker("running breaker").unwrap();
        breaker.reset();
        breaker.try_acquire().unwrap().failure_because(&"outside of every runtime");
    })
    .join()
    .unwrap();
    assert_eq!(told(&mut traps), Vec::<String>::new());
}
