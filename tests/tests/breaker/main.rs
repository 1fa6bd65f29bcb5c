//! The circuit breaker against a plain reference: random sequences of calls, times, commands and reconfigurations, and after every
//! step the same state, counts, rejections and events.

mod reference;

use proptest::prelude::*;
use reference::{Admitted, End, Reference, Told};
use resilience_runtime::{
    CircuitBreaker, CircuitBreakerConfig, Event, EventFilter, Mode, NextCall, Rejection, Timestamp, Topic, Window,
    WindowCounts, registry,
};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

#[derive(Clone, Debug)]
enum Step {
    Acquire,
    /// Of the permits that are out, the one at this place.
    Finish(usize, End),
    /// Its body is asked, and waits.
    Wait(usize),
    Call(End),
    Pass(u64),
    ForceOpen,
    Disable,
    Monitor,
    Enforce,
    EnforceShare(u8),
    Reset,
    Reconfigure(CircuitBreakerConfig),
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![
        4 => Just(End::Success),
        4 => Just(End::Failure),
        1 => Just(End::Ignored),
        2 => Just(End::Cancelled),
        1 => Just(End::Abandoned),
        1 => Just(End::Panicked),
    ]
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn config() -> impl Strategy<Value = CircuitBreakerConfig> {
    let window = prop_oneof![
        4 => prop::sample::select(vec![100, 250, 1000, 1337, 10_000]).prop_map(|length| Window::Time(millis(length))),
        4 => (1u32..12).prop_map(Window::Count),
        1 => Just(Window::None),
    ];
    let trip = (
        prop::sample::select(vec![1.0, 20.0, 33.3, 50.0, 55.0, 100.0]),
        1u32..8,
        window,
        prop::option::of(1u32..6),
        prop::option::weighted(0.3, (20u64..200, prop::sample::select(vec![10.0, 50.0, 100.0]))),
        prop::sample::select(vec![Some(None), None, Some(Some(50)), Some(Some(2000))]),
    );
    let open = (
        prop::sample::select(vec![1u64, 50, 1000, 30_000]),
        prop::sample::select(vec![1.0, 1.5, 2.0]),
        1u32..5,
        1u32..5,
        prop::sample::select(vec![1u64, 200, 60_000]),
        prop_oneof![6 => Just(Mode::Enforce), 1 => Just(Mode::Monitor), 1 => Just(Mode::Off)],
    );
    (trip, open).prop_map(
        |(
            (rate, minimum, window, row, slow, abandoned_after),
            (open_for, backoff, calls, successes, timeout, mode),
        )| {
            let mut config = CircuitBreakerConfig::new()
                .failure_rate(rate)
                .window(window)
                .open_for(millis(open_for))
                .open_backoff(backoff)
                .half_open_calls(calls)
                .half_open_successes(successes.min(calls))
                .half_open_timeout(millis(timeout))
                .mode(mode);
            if window != Window::None {
                let most = if let Window::Count(calls) = window { calls } else { u32::MAX };
                config = config.minimum_calls(minimum.min(most));
            }
            // From 99 % up there is no default.
            if row.is_some() || window == Window::None && rate == 100.0 {
                config = config.consecutive_failures(row.unwrap_or(3));
            }
            config = match abandoned_after {
                Some(Some(time)) => config.abandoned_after(millis(time)),
                Some(None) => config.no_abandoned_after(),
                None => config,
            };
            if let Some((slow, rate)) = slow {
                config = config.slow_call(millis(slow)).slow_call_rate(rate);
            }
            config
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Acquire),
        6 => (0usize..8, end()).prop_map(|(which, end)| Step::Finish(which, end)),
        4 => (0usize..8).prop_map(Step::Wait),
        14 => end().prop_map(Step::Call),
        6 => prop::sample::select(vec![1u64, 9, 37, 100, 250, 1000, 1001, 9000, 60_000]).prop_map(Step::Pass),
        1 => prop_oneof![
            Just(Step::ForceOpen),
            Just(Step::Disable),
            Just(Step::Monitor),
            Just(Step::Enforce),
            prop::sample::select(vec![0, 1, 10, 50, 70, 99, 100]).prop_map(Step::EnforceShare),
            Just(Step::Reset),
        ],
        1 => config().prop_map(Step::Reconfigure),
    ]
}

fn two_thirds(counts: &WindowCounts) -> bool {
    counts.calls >= 3 && counts.failures * 3 >= counts.calls * 2
}

fn finish(permit: resilience_runtime::Permit<'_>, end: End) {
    match end {
        End::Success => permit.success(),
        End::Failure => permit.failure(),
        End::Ignored => permit.ignore(),
        End::Cancelled => drop(permit),
        End::Abandoned => permit.abandoned(),
        End::Panicked => {
            let unwound = catch_unwind(AssertUnwindSafe(|| {
                let permit = permit;
                let body = pin!(async { std::panic::resume_unwind(Box::new("the body's own")) });
                let watch = pin!(permit.watch(body));
                let _: std::task::Poll<()> = watch.poll(&mut Context::from_waker(Waker::noop()));
            }));
            assert!(unwound.is_err());
        }
    }
}

async fn run(config: CircuitBreakerConfig, with_trip_if: bool, steps: Vec<Step>) {
    let trip_if = with_trip_if.then_some(two_thirds as fn(&WindowCounts) -> bool);
    let mut builder = CircuitBreaker::builder("reference").config(config);
    if let Some(trip_if) = trip_if {
        builder = builder.trip_if(trip_if);
    }
    let breaker = builder.build().unwrap();
    let mut events = registry().subscribe_with(EventFilter::of([Topic::Transition]));
    let mut reference = Reference::new(config, trip_if, Timestamp::now().as_millis());
    let mut permits = Vec::new();

    for (at, step) in steps.iter().enumerate() {
        let context = || format!("after step {at}, {step:?}");
        match step.clone() {
            Step::Acquire | Step::Call(_) => {
                let said = breaker.next_call();
                let (real, expected) = (breaker.try_acquire(), reference.acquire());
                match (&said, &real, &expected) {
                    (NextCall::Rejected(said), Err(real), Err(_)) => assert_eq!(said, real, "{}", context()),
                    (said, Ok(_), Ok(expected)) => {
                        let fits = match expected.admitted {
                            Admitted::Closed { .. } => matches!(said, NextCall::Admitted),
                            Admitted::Probe { .. } => matches!(said, NextCall::Probe { .. }),
                            Admitted::Unjudged => matches!(said, NextCall::WouldReject(_)),
                            Admitted::Uncounted => matches!(said, NextCall::Unguarded),
                        };
                        assert!(fits, "{said:?} was said of {expected:?} {}", context());
                    }
                    other => panic!("{other:?} {}", context()),
                }
                match (real, expected) {
                    (Ok(real), Ok(expected)) => permits.push((real, expected)),
                    (Err(Rejection::CircuitOpen { reason, retry_after, .. }), Err(expected)) => {
                        assert_eq!((reason, retry_after), (expected.0, expected.1.map(millis)), "{}", context());
                    }
                    (real, expected) => panic!("{real:?} in place of {expected:?} {}", context()),
                }
                if let Step::Call(end) = step
                    && permits.last().is_some()
                {
                    let (real, expected) = permits.pop().unwrap();
                    finish(real, *end);
                    reference.finish(expected, *end);
                }
            }
            Step::Finish(which, end) => {
                if which < permits.len() {
                    let (real, expected) = permits.remove(which);
                    finish(real, end);
                    reference.finish(expected, end);
                }
            }
            Step::Wait(which) => {
                if let Some((real, expected)) = permits.get_mut(which) {
                    let mut body = pin!(std::future::pending::<()>());
                    let watch = pin!(real.watch(body.as_mut()));
                    assert!(watch.poll(&mut Context::from_waker(Waker::noop())).is_pending());
                    expected.waits(reference.now);
                }
            }
            Step::Pass(time) => {
                tokio::time::advance(millis(time)).await;
                reference.now += time;
            }
            Step::ForceOpen => {
                breaker.force_open();
                reference.force_open();
            }
            Step::Disable => {
                breaker.disable();
                reference.disable();
            }
            Step::Monitor => {
                breaker.monitor();
                reference.set_monitored(true);
            }
            Step::Enforce => {
                breaker.enforce();
                reference.set_monitored(false);
            }
            Step::EnforceShare(percent) => {
                breaker.steer().enforce_share(percent).unwrap();
                reference.enforce_share(percent);
            }
            Step::Reset => {
                breaker.reset();
                reference.reset();
            }
            Step::Reconfigure(config) => {
                breaker.reconfigure(config).unwrap();
                reference.reconfigure(config.has_trip_if(with_trip_if));
            }
        }
        compare(&breaker, &reference, permits.len() as u64, &context);
        let told: Vec<Told> = std::iter::from_fn(|| events.try_recv())
            .map(|event| match event {
                Event::Transition(transition) => {
                    let (from, to) = (transition.from, transition.to);
                    let (reason, monitored) = (transition.reason, transition.monitored);
                    Told::new(from, to, reason, monitored, transition.at.as_millis())
                }
                other => panic!("{other:?} {}", context()),
            })
            .collect();
        assert_eq!(told, std::mem::take(&mut reference.told), "{}", context());
    }
}

fn compare(breaker: &CircuitBreaker, reference: &Reference, out: u64, context: &dyn Fn() -> String) {
    let real = breaker.snapshot();
    assert_eq!((real.state, real.decided), (reference.state(), reference.decided()), "{}", context());
    assert_eq!(real.window, reference.window(), "{}", context());
    assert_eq!(real.consecutive_failures, reference.row(), "{}", context());
    assert_eq!(real.reason, reference.reason(), "{}", context());
    assert_eq!(real.enforced_percent, reference.enforced_percent(), "{}", context());
    let due = reference.probe_due().map(|due| millis(due.saturating_sub(reference.now)));
    assert_eq!(real.probe_due_in, due, "{}", context());
    let probes = real.probes.map(|probes| (probes.in_flight, probes.succeeded, probes.failed));
    assert_eq!(probes, reference.probes(), "{}", context());

    let (totals, expected) = (real.totals, reference.totals);
    let real = reference::Totals {
        successes: totals.successes,
        failures: totals.failures,
        slow: totals.slow,
        ignored: totals.ignored,
        cancelled: totals.cancelled,
        abandoned: totals.abandoned,
        panicked: totals.panicked,
        stale: totals.stale,
        rejected: totals.rejected,
        would_reject: totals.would_reject,
        admitted: expected.admitted,
    };
    assert_eq!(real, expected, "{}", context());
    let ended =
        totals.successes + totals.failures + totals.ignored + totals.cancelled + totals.abandoned + totals.stale;
    assert!(ended <= expected.admitted && expected.admitted <= ended + out, "{}", context());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_breaker_does_what_the_reference_does(
        config in config(),
        with_trip_if in prop::bool::weighted(0.1),
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(run(config, with_trip_if, steps));
    }
}
