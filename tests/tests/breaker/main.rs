//! The circuit breaker against a plain reference: random sequences of calls, times, commands and reconfigurations, and after every
//! step the same state, counts, rejections and events. The breaker is one without keys or that of a key, and may go on in another process.

mod calls;
mod keys;
mod reference;

use calls::{Form, Guard, UnderWay, form};
use proptest::prelude::*;
use reference::{Admitted, End, Moved, Reference, Told, Verdict};
use resilience_runtime::testing::Scope;
use resilience_runtime::{
    CircuitBreaker, CircuitBreakerConfig, CircuitBreakerSnapshot, Event, EventFilter, Events, Mode, NextCall,
    OpenReason, Rejection, Timestamp, Topic, Window, WindowCounts, registry,
};
use std::cell::Cell;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone, Debug)]
enum Step {
    /// A call that is under way.
    Begin(Form),
    /// Of the calls that are under way, the one at this place, counted over and over again.
    Finish(usize, Verdict),
    /// Its body is asked, and waits.
    Wait(usize),
    /// An item of its stream comes.
    Item(usize, Verdict),
    /// In its body there is another call.
    CallIn(usize, End),
    /// A call that ends at once.
    Call(Form, Verdict),
    Pass(u64),
    /// As much time as it takes until an open breaker probes.
    PassUntilDue,
    Act(Act),
    Reconfigure(CircuitBreakerConfig),
    /// Another length for the window, of the same kind, and all else as it is.
    Resize(u32),
    /// Somebody wants to know of each call that ends, or nobody does any more.
    Listen(bool),
    /// Another key is called, which gets the breaker if it is closed.
    AnotherKey,
}

#[derive(Clone, Copy, Debug)]
enum Act {
    ForceOpen,
    ForceOpenFor(u64),
    Disable,
    Monitor,
    Enforce,
    EnforceShare(u8),
    Reset,
}

fn end() -> impl Strategy<Value = End> {
    let failure = prop::sample::select(vec![None, Some("refused"), Some("busy")]).prop_map(End::Failure);
    prop_oneof![
        4 => Just(End::Success),
        4 => failure,
        1 => Just(End::Ignored),
        2 => Just(End::Cancelled),
        1 => Just(End::Abandoned),
        1 => Just(End::Panicked),
    ]
}

fn verdict() -> impl Strategy<Value = Verdict> {
    let opens = prop::option::weighted(0.05, prop::sample::select(vec![0, 1, 70, 5000, 1_000_000]));
    (end(), opens).prop_map(|(end, opens)| Verdict { end, opens })
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
        prop::bool::weighted(0.2),
    );
    (trip, open).prop_map(
        |(
            (rate, minimum, window, row, slow, abandoned_after),
            (open_for, backoff, calls, successes, timeout, mode, latency),
        )| {
            let mut config = CircuitBreakerConfig::new()
                .failure_rate(rate)
                .window(window)
                .open_for(millis(open_for))
                .open_backoff(backoff)
                .half_open_calls(calls)
                .half_open_successes(successes.min(calls))
                .half_open_timeout(millis(timeout))
                .mode(mode)
                .latency(latency)
                .max_keys(1);
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

fn resized(config: CircuitBreakerConfig, length: u32) -> CircuitBreakerConfig {
    match config.resolve().window {
        Window::Time(_) => config.window(Window::Time(millis(u64::from(length) * 100))),
        Window::Count(_) => {
            config.window(Window::Count(length)).minimum_calls(config.resolve().minimum_calls.min(length))
        }
        _ => config,
    }
}

fn step() -> impl Strategy<Value = Step> {
    let act = prop_oneof![
        Just(Act::ForceOpen),
        prop::sample::select(vec![0, 1, 70, 5000, 1_000_000]).prop_map(Act::ForceOpenFor),
        Just(Act::Disable),
        Just(Act::Monitor),
        Just(Act::Enforce),
        prop::sample::select(vec![0, 1, 10, 50, 70, 99, 100]).prop_map(Act::EnforceShare),
        Just(Act::Reset),
    ];
    prop_oneof![
        6 => form().prop_map(Step::Begin),
        6 => (0usize..8, verdict()).prop_map(|(which, verdict)| Step::Finish(which, verdict)),
        2 => (0usize..8).prop_map(Step::Wait),
        2 => (0usize..8, end()).prop_map(|(which, end)| Step::CallIn(which, end)),
        8 => (0usize..8, verdict()).prop_map(|(which, verdict)| Step::Item(which, verdict)),
        14 => (form(), verdict()).prop_map(|(form, verdict)| Step::Call(form, verdict)),
        6 => prop::sample::select(vec![1u64, 9, 37, 100, 250, 1000, 1001, 9000, 60_000]).prop_map(Step::Pass),
        3 => Just(Step::PassUntilDue),
        1 => act.prop_map(Step::Act),
        1 => config().prop_map(Step::Reconfigure),
        1 => (1u32..12).prop_map(Step::Resize),
        1 => any::<bool>().prop_map(Step::Listen),
        1 => Just(Step::AnotherKey),
    ]
}

fn two_thirds(counts: &WindowCounts) -> bool {
    counts.calls >= 3 && counts.failures * 3 >= counts.calls * 2
}

/// What is told of a breaker, to somebody who wants to know of each change, and to somebody who wants to know of each call too.
struct Listening {
    changes: Events,
    all: Option<Events>,
}

impl Listening {
    fn new() -> Self {
        Self { changes: registry().subscribe_with(EventFilter::of([Topic::Transition])), all: None }
    }

    fn listen(&mut self, listens: bool) {
        let filter = EventFilter::of([Topic::Transition, Topic::Outcome, Topic::SlowCall]);
        self.all = listens.then(|| registry().subscribe_with(filter));
    }

    fn compare(&mut self, key: Option<&str>, expected: Vec<Told>, context: &dyn Fn() -> String) {
        let told = |events: &mut Events| -> Vec<Told> {
            let all = std::iter::from_fn(|| events.try_recv());
            all.filter(|event| event.key().map(|key| &**key) == key).map(told).collect()
        };
        if let Some(all) = &mut self.all {
            assert_eq!(told(all), expected, "{}", context());
        }
        let changes: Vec<_> = expected.into_iter().filter(|told| matches!(told, Told::Moved(_))).collect();
        assert_eq!(told(&mut self.changes), changes, "{}", context());
    }
}

fn told(event: Event) -> Told {
    match event {
        Event::Transition(moved) => {
            let (from, to, at) = (moved.from, moved.to, moved.at.as_millis());
            let cause = moved.cause.map(|cause| cause.to_string());
            Told::Moved(Moved { from, to, reason: moved.reason, cause, monitored: moved.monitored, at, dated: at })
        }
        Event::Outcome { ended, cause, .. } => Told::Ended { ended, cause: cause.map(|cause| cause.to_string()) },
        Event::SlowCall { took, limit, .. } => Told::Slow { took, limit },
        other => panic!("{other:?}"),
    }
}

fn check_rejection(real: Rejection, expected: (OpenReason, Option<u64>), context: &dyn Fn() -> String) {
    let Rejection::CircuitOpen { reason, retry_after, .. } = real else { panic!("{real:?} {}", context()) };
    assert_eq!((reason, retry_after), (expected.0, expected.1.map(millis)), "{}", context());
}

fn act(breaker: &CircuitBreaker, act: Act) {
    match act {
        Act::ForceOpen => breaker.force_open(),
        Act::ForceOpenFor(time) => breaker.force_open_for(millis(time)),
        Act::Disable => breaker.disable(),
        Act::Monitor => breaker.monitor(),
        Act::Enforce => breaker.enforce(),
        Act::EnforceShare(percent) => breaker.steer().enforce_share(percent).unwrap(),
        Act::Reset => breaker.reset(),
    }
}

impl Act {
    fn on(self, reference: &mut Reference) {
        match self {
            Self::ForceOpen => reference.force_open(),
            Self::ForceOpenFor(time) => reference.force_open_for(time),
            Self::Disable => reference.disable(),
            Self::Monitor => reference.set_monitored(true),
            Self::Enforce => reference.set_monitored(false),
            Self::EnforceShare(percent) => reference.enforce_share(percent),
            Self::Reset => reference.reset(),
        }
    }
}

/// One process after the other, each with the configuration and the steps that it makes.
async fn run(processes: Vec<(CircuitBreakerConfig, Vec<Step>)>, with_keys: bool, with_trip_if: bool) {
    let trip_if = with_trip_if.then_some(two_thirds as fn(&WindowCounts) -> bool);
    let directory = (processes.len() > 1).then(|| tempfile::tempdir().unwrap());
    let file = directory.as_ref().map(|directory| directory.path().join("breakers"));
    let mut before: Option<Reference> = None;
    for (nth, (config, steps)) in processes.into_iter().enumerate() {
        let _entered = Scope::new().enter();
        let mut builder = CircuitBreaker::builder("reference").config(config);
        if let Some(trip_if) = trip_if {
            builder = builder.trip_if(trip_if);
        }
        let breaker = builder.register().unwrap();
        let mut listening = Listening::new();
        let config = config.has_trip_if(with_trip_if);
        let reference = match (&before, &file) {
            (Some(before), Some(file)) => {
                let away = registry().restore(file).unwrap().away;
                before.restarted(config, u64::try_from(away.as_millis()).unwrap())
            }
            _ => Reference::new(config, trip_if, Timestamp::now().as_millis()),
        };
        let reference = live(&breaker, &mut listening, reference, with_keys, &steps, &format!("process {nth}")).await;
        if let Some(file) = &file {
            assert_eq!(registry().save(file).unwrap(), usize::from(reference.is_saved()), "process {nth}");
        }
        before = Some(reference);
    }
}

async fn live(
    breaker: &Arc<CircuitBreaker>,
    listening: &mut Listening,
    mut reference: Reference,
    with_keys: bool,
    steps: &[Step],
    process: &str,
) -> Reference {
    let key = Cell::new(with_keys.then_some(0));
    let guard = || Guard { breaker, key: key.get() };
    // What was done to all keys.
    let mut of_all = Reference::new(reference.config(), None, reference.now);
    let mut under_way: Vec<UnderWay<'_>> = Vec::new();
    if with_keys {
        let (real, expected) = (guard().try_acquire().unwrap(), reference.acquire().unwrap());
        real.ignore();
        reference.finish(expected, End::Ignored.into());
    }
    let shown = || key.get().map(|key| key.to_string());
    listening.compare(shown().as_deref(), std::mem::take(&mut reference.told), &|| format!("as {process} begins"));

    for (at, step) in steps.iter().enumerate() {
        let context = || format!("in {process} after step {at}, {step:?}");
        let instance = key.get().map_or_else(|| Arc::clone(breaker), |key| breaker.of_key(key).unwrap());
        let step = match step.clone() {
            Step::Resize(length) => Step::Reconfigure(resized(reference.config(), length)),
            step => step,
        };
        match step {
            Step::Begin(form) | Step::Call(form, _) => {
                let said = instance.next_call();
                match (&said, guard().begin(form), reference.acquire()) {
                    (NextCall::Rejected(said), Err(real), Err(expected)) => {
                        assert_eq!(*said, real, "{}", context());
                        check_rejection(real, expected, &context);
                    }
                    (said, Ok(real), Ok(expected)) => {
                        let fits = match expected.admitted {
                            Admitted::Closed { .. } => matches!(said, NextCall::Admitted),
                            Admitted::Probe { .. } => matches!(said, NextCall::Probe { .. }),
                            Admitted::Unjudged => matches!(said, NextCall::WouldReject(_)),
                            Admitted::Uncounted => matches!(said, NextCall::Unguarded),
                        };
                        assert!(fits, "{said:?} was said of {expected:?} {}", context());
                        let call = UnderWay::new(real, expected, reference.now);
                        match step {
                            Step::Call(_, verdict) => call.finish(verdict, &mut reference),
                            _ => under_way.push(call),
                        }
                    }
                    (said, real, expected) => {
                        panic!("{said:?}, {:?} in place of {expected:?} {}", real.err(), context())
                    }
                }
            }
            Step::Finish(..) | Step::Wait(_) | Step::Item(..) | Step::CallIn(..) if under_way.is_empty() => {}
            Step::Finish(which, verdict) => {
                under_way.remove(which % under_way.len()).finish(verdict, &mut reference);
            }
            Step::Wait(which) => {
                let call = under_way.remove(which % under_way.len());
                under_way.extend(call.waits(&mut reference));
            }
            Step::Item(which, verdict) => {
                let call = under_way.remove(which % under_way.len());
                under_way.extend(call.item(verdict, &mut reference));
            }
            Step::CallIn(which, end) => {
                let which = which % under_way.len();
                under_way[which].call_in(end, &mut reference, &context);
            }
            Step::Pass(_) | Step::PassUntilDue => {
                let until_due = || reference.probe_due().map_or(0, |due| due.saturating_sub(reference.now));
                let time = if let Step::Pass(time) = step { time } else { until_due() };
                tokio::time::advance(millis(time)).await;
                reference.now += time;
                of_all.now += time;
            }
            Step::Act(what) => {
                act(breaker, what);
                what.on(&mut reference);
                what.on(&mut of_all);
            }
            Step::Resize(_) => unreachable!("it is made a configuration above"),
            Step::Reconfigure(config) => {
                breaker.reconfigure(config).unwrap();
                let config = config.has_trip_if(reference.has_trip_if());
                reference.reconfigure(config);
                of_all.reconfigure(config);
            }
            Step::Listen(listens) => listening.listen(listens),
            Step::AnotherKey => {
                // A key keeps its breaker while a call is under way that may still be told to it. A body may make calls, of the key that it has begun with.
                let is_kept = under_way.iter().any(|call| call.is_known() || call.has_a_body());
                if let Some(before) = key.get().filter(|_| reference.is_closed() && !is_kept) {
                    key.set(Some(before + 1));
                    let permit = guard().try_acquire();
                    let counted = under_way.iter().filter(|call| call.is_counted());
                    reference.begin_anew(&of_all, counted.count() as u64);
                    match (permit, reference.acquire()) {
                        (Ok(real), Ok(expected)) => {
                            real.ignore();
                            reference.finish(expected, End::Ignored.into());
                        }
                        (Err(real), Err(expected)) => check_rejection(real, expected, &context),
                        (real, expected) => panic!("{real:?} in place of {expected:?} {}", context()),
                    }
                }
            }
        }
        // Without the settings, which take longer to say than all the rest.
        let mut real = registry().read().circuit_breakers.remove(0);
        if let Some(key) = key.get() {
            let of_all = std::mem::replace(&mut real, breaker.of_key(key).unwrap().snapshot());
            real.latency = of_all.latency;
        }
        compare(&real, &reference, under_way.len() as u64, &context);
        listening.compare(shown().as_deref(), std::mem::take(&mut reference.told), &context);
    }
    // Whoever has made them leaves, before anything is saved.
    for call in under_way {
        call.finish(End::Cancelled.into(), &mut reference);
    }
    reference
}

fn compare(real: &CircuitBreakerSnapshot, reference: &Reference, out: u64, context: &dyn Fn() -> String) {
    assert_eq!((real.state, real.decided), (reference.state(), reference.decided()), "{}", context());
    assert_eq!(real.window, reference.window(), "{}", context());
    assert_eq!(real.consecutive_failures, reference.row(), "{}", context());
    assert_eq!(real.reason, reference.reason(), "{}", context());
    assert_eq!(real.enforced_percent, reference.enforced_percent(), "{}", context());
    assert_eq!(real.reopenings, reference.reopenings(), "{}", context());
    let age = reference.age().map_or(real.age, millis);
    assert_eq!(real.age, age, "{}", context());
    let last_error = real.last_error.as_ref().map(|error| (error.cause.as_str(), error.at.as_millis()));
    assert_eq!(last_error, reference.last_error(), "{}", context());
    let latency = real
        .latency
        .as_ref()
        .map(|latency| [&latency.success, &latency.failure].map(|took| (took.count(), took.sum().as_millis() as u64)));
    assert_eq!(latency, reference.latency(), "{}", context());
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

fn paused(process: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(process);
}

fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 1..most)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_breaker_does_what_the_reference_does(
        config in config(),
        with_keys in prop::bool::weighted(0.2),
        with_trip_if in prop::bool::weighted(0.1),
        steps in steps(60),
    ) {
        paused(run(vec![(config, steps)], with_keys, with_trip_if));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_breaker_that_goes_on_in_another_process_does_too(
        first in config(),
        others in prop::collection::vec((prop::option::weighted(0.2, config()), steps(15)), 1..4),
        with_trip_if in prop::bool::weighted(0.1),
        steps in steps(30),
    ) {
        let others = others.into_iter().map(|(config, steps)| (config.unwrap_or(first), steps));
        paused(run([(first, steps)].into_iter().chain(others).collect(), false, with_trip_if));
    }
}
