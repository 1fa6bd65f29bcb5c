//! What the registry knows of the four breakers, and of the policies beside them.

use std::time::Duration;

use resilience_runtime::{Event, EventFilter, Events, Layer, State, Timestamp, Topic, Transition, registry};

use crate::servers::Service;

/// One breaker as it stands.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) state: State,
    /// Calls that were let through and have ended, however they did.
    pub(crate) calls: u64,
    pub(crate) failures: u64,
    /// Dropped by whoever had asked, soon or after a while.
    pub(crate) cancelled: u64,
    pub(crate) abandoned: u64,
    /// Percent of the calls in the window.
    pub(crate) failure_rate: f64,
    pub(crate) rejected: u64,
    pub(crate) fallbacks: u64,
}

impl Reading {
    pub(crate) fn of(service: Service) -> Self {
        let fallbacks = fallbacks(service);
        // A breaker comes into being with its first call.
        let Some(breaker) = registry().circuit_breaker(service.name()) else {
            return Self { fallbacks, ..Self::of_no_calls() };
        };
        let snapshot = breaker.snapshot();
        let totals = snapshot.totals;
        Self {
            state: snapshot.state,
            calls: totals.successes
                + totals.failures
                + totals.ignored
                + totals.cancelled
                + totals.abandoned
                + totals.stale,
            failures: totals.failures,
            cancelled: totals.cancelled,
            abandoned: totals.abandoned,
            failure_rate: snapshot.window.failure_rate(),
            rejected: totals.rejected,
            fallbacks,
        }
    }

    fn of_no_calls() -> Self {
        let (state, failure_rate) = (State::Closed, 0.0);
        Self { state, calls: 0, failures: 0, cancelled: 0, abandoned: 0, failure_rate, rejected: 0, fallbacks: 0 }
    }
}

/// What the other policies of one service have counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Others {
    /// Attempts beyond the first.
    pub(crate) retries: u64,
    pub(crate) timed_out: u64,
    pub(crate) bulkhead_full: u64,
    pub(crate) rate_limited: u64,
}

impl Others {
    pub(crate) fn of(service: Service) -> Self {
        let (registry, name) = (registry(), service.name());
        Self {
            retries: registry.retry(name).map_or(0, |retry| retry.snapshot().retries),
            timed_out: registry.timeout(name).map_or(0, |timeout| timeout.snapshot().timed_out),
            bulkhead_full: registry.bulkhead(name).map_or(0, |bulkhead| bulkhead.snapshot().rejected),
            rate_limited: registry.rate_limiter(name).map_or(0, |limiter| limiter.snapshot().rejected),
        }
    }
}

/// The state alone, which costs one load.
pub(crate) fn state(service: Service) -> State {
    registry().circuit_breaker(service.name()).map_or(State::Closed, |breaker| breaker.state())
}

/// Of all functions that the breaker guards.
fn fallbacks(service: Service) -> u64 {
    let is_its =
        |layer: &Layer| matches!(layer, Layer::CircuitBreaker(breaker) if breaker.name() == Some(service.name()));
    registry()
        .operations()
        .filter(|operation| operation.layers().iter().any(is_its))
        .map(|operation| operation.fallbacks())
        .sum()
}

/// The transitions since a moment.
#[derive(Debug)]
pub(crate) struct History {
    events: Events,
    since: Timestamp,
    transitions: Vec<Transition>,
}

impl History {
    /// From now on.
    pub(crate) fn begin() -> Self {
        Self {
            events: registry().subscribe_with(EventFilter::of([Topic::Transition])),
            since: Timestamp::now(),
            transitions: Vec::new(),
        }
    }

    /// Takes what has arrived. A reader that waits too long loses the oldest events.
    pub(crate) fn catch_up(&mut self) {
        while let Some(event) = self.events.try_recv() {
            match event {
                Event::Transition(transition) => self.transitions.push(transition),
                Event::Missed { events, .. } => eprintln!("{events} events were lost: the transitions are incomplete"),
                _ => {}
            }
        }
    }

    /// The transitions of one breaker, oldest first.
    pub(crate) fn of(&self, service: Service) -> impl Iterator<Item = &Transition> {
        self.transitions.iter().filter(move |transition| transition.name == service.name())
    }

    /// When it was.
    pub(crate) fn at(&self, transition: &Transition) -> Duration {
        transition.at.duration_since(self.since)
    }
}
