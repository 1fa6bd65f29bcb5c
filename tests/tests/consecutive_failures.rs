//! How many failures in a row open a breaker where nobody wrote it, and that those of one moment are one event.

use resilience_runtime::{CircuitBreaker, CircuitBreakerBuilder, CircuitBreakerConfig, OpenReason, State, Window};
use std::time::Duration;
use tokio::time::advance;

fn quiet(name: &'static str) -> CircuitBreakerBuilder {
    // So many calls that no rate counts.
    CircuitBreaker::builder(name).minimum_calls(1_000_000)
}

async fn fail(breaker: &CircuitBreaker, failures: u32, every: Duration) {
    for _ in 0..failures {
        advance(every).await;
        breaker.try_acquire().unwrap().failure();
    }
}

#[tokio::test(start_paused = true)]
async fn ten_failures_in_a_row_open_a_breaker_whatever_else_is_written() {
    for builder in [quiet("a"), quiet("b").window(Window::Time(Duration::from_secs(60))), quiet("c").failure_rate(1.0)]
    {
        let breaker = builder.build().unwrap();
        fail(&breaker, 9, Duration::from_millis(50)).await;
        breaker.try_acquire().unwrap().success();
        fail(&breaker, 9, Duration::from_millis(50)).await;
        assert_eq!(breaker.state(), State::Closed);
        fail(&breaker, 1, Duration::from_millis(50)).await;
        assert_eq!(breaker.state(), State::Open);
        assert_eq!(breaker.snapshot().reason, Some(OpenReason::ConsecutiveFailures { failures: 10 }));
    }
}

#[tokio::test(start_paused = true)]
async fn a_higher_rate_takes_more_of_them_and_none_can_be_written() {
    let breaker = quiet("seventy").failure_rate(70.0).build().unwrap();
    fail(&breaker, 19, Duration::from_millis(50)).await;
    assert_eq!(breaker.state(), State::Closed);
    fail(&breaker, 1, Duration::from_millis(50)).await;
    assert_eq!(breaker.state(), State::Open);
    for builder in [quiet("all").failure_rate(100.0), quiet("none").no_consecutive_failures()] {
        let breaker = builder.build().unwrap();
        fail(&breaker, 1000, Duration::from_millis(1)).await;
        assert_eq!(breaker.state(), State::Closed);
    }
}

#[tokio::test(start_paused = true)]
async fn failures_of_one_moment_are_one_event_unless_their_number_was_written() {
    let breaker = quiet("one connection").build().unwrap();
    // A lost connection: all that was in flight fails at once.
    let permits: Vec<_> = (0..50).map(|_| breaker.try_acquire().unwrap()).collect();
    permits.into_iter().for_each(|permit| permit.failure());
    fail(&breaker, 1, Duration::from_millis(99)).await;
    assert_eq!(breaker.state(), State::Closed);
    fail(&breaker, 1, Duration::from_millis(1)).await;
    assert_eq!(breaker.state(), State::Open, "it has lasted 100 ms");

    let written = quiet("written").consecutive_failures(10).build().unwrap();
    fail(&written, 10, Duration::ZERO).await;
    assert_eq!(written.state(), State::Open);

    let breaker = quiet("reconfigured").build().unwrap();
    fail(&breaker, 12, Duration::ZERO).await;
    assert_eq!(breaker.state(), State::Closed);
    breaker.reconfigure(CircuitBreakerConfig::new().minimum_calls(1_000_000).consecutive_failures(10)).unwrap();
    fail(&breaker, 1, Duration::ZERO).await;
    assert_eq!(breaker.state(), State::Open);
}
