//! The clock that users have, without the feature `test-util`: coarse where it picks a bucket, precise where it judges.
//!
//! These sleep for real, because it is the real clock that they are about. They ask for "not before" and for "within seconds", never for a
//! time to the millisecond, so a loaded machine does not fail them.

#![cfg(not(feature = "test-util"))]

use resilience_runtime::{CircuitBreaker, State, Timestamp, Window};
use std::thread::sleep;
use std::time::{Duration, Instant};

fn fail(breaker: &CircuitBreaker) {
    breaker.try_acquire().unwrap().failure();
}

#[test]
fn an_open_breaker_is_never_early_and_counts_down() {
    let open_for = Duration::from_millis(120);
    let breaker = CircuitBreaker::builder("real").consecutive_failures(1).open_for(open_for).build().unwrap();
    for _ in 0..3 {
        let before = Instant::now();
        fail(&breaker);
        let mut last = open_for + Duration::from_millis(1);
        while let Err(rejection) = breaker.try_acquire() {
            let left = rejection.retry_after().unwrap();
            // Two clocks: the coarse one may lag by a kernel's tick or two, so that it says a little more.
            assert!(left <= last + Duration::from_millis(20), "{left:?} after {last:?}");
            assert!(before.elapsed() + left + Duration::from_millis(1) >= open_for, "{left:?} is too little");
            last = left;
            assert!(before.elapsed() < Duration::from_secs(10));
            sleep(Duration::from_millis(1));
        }
        assert!(before.elapsed() >= open_for, "a probe after {:?}", before.elapsed());
        breaker.reset();
    }
}

#[test]
fn a_slow_call_is_measured_precisely() {
    let breaker =
        CircuitBreaker::builder("real").slow_call(Duration::from_micros(500)).window(Window::Count(2)).build().unwrap();
    for _ in 0..2 {
        let permit = breaker.try_acquire().unwrap();
        sleep(Duration::from_millis(1));
        permit.success();
    }
    assert_eq!(breaker.totals().slow, 2);
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn a_time_window_expires() {
    let breaker = CircuitBreaker::builder("real")
        .window(Window::Time(Duration::from_millis(200)))
        .minimum_calls(100)
        .build()
        .unwrap();
    fail(&breaker);
    sleep(Duration::from_millis(300));
    assert_eq!(breaker.snapshot().window.calls, 0);
    fail(&breaker);
    assert_eq!(breaker.snapshot().window.calls, 1);
}

#[test]
fn time_goes_on() {
    let before = Timestamp::now();
    sleep(Duration::from_millis(30));
    assert!(Timestamp::now().duration_since(before) >= Duration::from_millis(30));
}
