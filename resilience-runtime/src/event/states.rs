//! How often a circuit breaker was in each state and for how long, why it opened, and how long its outages took: kept by its registry, at each transition.

use super::{Event, Transition};
use crate::error::OpenReason;
use crate::name::Key;
use crate::state::State;
use crate::time::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// A value for each state of a circuit breaker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ByState<T> {
    /// Of [`State::Closed`].
    pub closed: T,
    /// Of [`State::Open`].
    pub open: T,
    /// Of [`State::HalfOpen`].
    pub half_open: T,
    /// Of [`State::ForcedOpen`].
    pub forced_open: T,
    /// Of [`State::Disabled`].
    pub disabled: T,
    /// Of [`State::Monitoring`].
    pub monitoring: T,
}

impl<T> ByState<T> {
    /// That of a state.
    pub fn of(&self, state: State) -> &T {
        match state {
            State::Closed => &self.closed,
            State::Open => &self.open,
            State::HalfOpen => &self.half_open,
            State::ForcedOpen => &self.forced_open,
            State::Disabled => &self.disabled,
            State::Monitoring => &self.monitoring,
        }
    }

    fn of_mut(&mut self, state: State) -> &mut T {
        match state {
            State::Closed => &mut self.closed,
            State::Open => &mut self.open,
            State::HalfOpen => &mut self.half_open,
            State::ForcedOpen => &mut self.forced_open,
            State::Disabled => &mut self.disabled,
            State::Monitoring => &mut self.monitoring,
        }
    }
}

#[cfg(feature = "serde")]
impl crate::json::InSeconds for ByState<Duration> {
    type Number = ByState<f64>;

    fn in_seconds(&self) -> ByState<f64> {
        ByState {
            closed: self.closed.as_secs_f64(),
            open: self.open.as_secs_f64(),
            half_open: self.half_open.as_secs_f64(),
            forced_open: self.forced_open.as_secs_f64(),
            disabled: self.disabled.as_secs_f64(),
            monitoring: self.monitoring.as_secs_f64(),
        }
    }
}

/// How often a circuit breaker opened, by the [`OpenReason`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Openings {
    /// [`OpenReason::FailureRate`]
    pub failure_rate: u64,
    /// [`OpenReason::SlowCallRate`]
    pub slow_call_rate: u64,
    /// [`OpenReason::ConsecutiveFailures`]
    pub consecutive_failures: u64,
    /// [`OpenReason::TripIf`]
    pub trip_if: u64,
    /// [`OpenReason::Verdict`]
    pub verdict: u64,
    /// [`OpenReason::ProbesFailed`]
    pub probes_failed: u64,
    /// [`OpenReason::ProbeTimedOut`]
    pub probe_timed_out: u64,
    /// [`OpenReason::Forced`]
    pub forced: u64,
    /// [`OpenReason::ForcedFor`]
    pub forced_for: u64,
}

/// Where a circuit breaker has been since it came into its registry.
///
/// What a breaker that only monitors would have done is no part of it: it is in [`State::Monitoring`] all the while. Of a breaker with keys, `entered`, `openings` and
/// the recoveries are those of all keys together, and `time` is that of the overflow breaker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct StateHistory {
    /// How often it entered each state. It was built in one, which is not counted.
    pub entered: ByState<u64>,
    /// How long it was in each state, up to now.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::json::seconds"))]
    pub time: ByState<Duration>,
    /// How often it opened, and why.
    pub openings: Openings,
    /// Outages that are over: how often it has closed after it had opened.
    pub recoveries: u64,
    /// How long the last of them took, from leaving closed to closing.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::json::seconds"))]
    pub last_recovery: Option<Duration>,
}

/// Writes the history of one breaker and those of its keys.
pub(super) struct Historian {
    state: State,
    /// From when on the time in it is counted.
    since: Timestamp,
    /// When somebody read last. A transition may be written after that and have happened before: the time in between has been told as that of the state it left.
    read: Timestamp,
    /// Without the time in the present state.
    so_far: StateHistory,
    /// Who is not closed, and since when. A key that is open keeps its breaker, so these are no more than there are keys.
    outages: BTreeMap<Option<Key>, Timestamp>,
}

impl Historian {
    pub(super) fn new(state: State, since: Timestamp) -> Self {
        Self { state, since, read: since, so_far: StateHistory::default(), outages: BTreeMap::new() }
    }

    pub(super) fn write(&mut self, event: &Event) {
        let Event::Transition(Transition { key, to, reason, monitored: false, at, .. }) = event else { return };
        *self.so_far.entered.of_mut(*to) += 1;
        if let Some(reason) = reason {
            self.so_far.openings.count(*reason);
        }
        if key.is_none() {
            let left = self.read.max(*at);
            *self.so_far.time.of_mut(self.state) += left.duration_since(self.since);
            (self.state, self.since) = (*to, left);
        }
        match to {
            State::Open | State::HalfOpen | State::ForcedOpen => {
                self.outages.entry(key.clone()).or_insert(*at);
            }
            State::Closed => {
                if let Some(began) = self.outages.remove(key) {
                    self.so_far.recoveries += 1;
                    self.so_far.last_recovery = Some(at.duration_since(began));
                }
            }
            State::Disabled | State::Monitoring => _ = self.outages.remove(key),
        }
    }

    pub(super) fn read(&mut self, now: Timestamp) -> StateHistory {
        self.read = self.read.max(now);
        let mut history = self.so_far;
        *history.time.of_mut(self.state) += self.read.duration_since(self.since);
        history
    }
}

impl Openings {
    fn count(&mut self, reason: OpenReason) {
        let count = match reason {
            OpenReason::FailureRate { .. } => &mut self.failure_rate,
            OpenReason::SlowCallRate { .. } => &mut self.slow_call_rate,
            OpenReason::ConsecutiveFailures { .. } => &mut self.consecutive_failures,
            OpenReason::TripIf { .. } => &mut self.trip_if,
            OpenReason::Verdict { .. } => &mut self.verdict,
            OpenReason::ProbesFailed { .. } => &mut self.probes_failed,
            OpenReason::ProbeTimedOut => &mut self.probe_timed_out,
            OpenReason::Forced => &mut self.forced,
            OpenReason::ForcedFor { .. } => &mut self.forced_for,
            // Of one that was open when it was saved, and it is not known why.
            OpenReason::JustOpened => return,
        };
        *count += 1;
    }
}

#[cfg(all(test, not(resilience_loom)))]
mod tests {
    use super::*;
    use crate::event::Order;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn enter(historian: &mut Historian, key: Option<&str>, to: State, reason: Option<OpenReason>, millis: u64) {
        let (key, from) = (key.map(Key::from), historian.state);
        historian.write(&Event::Transition(Transition {
            name: "states".into(),
            key,
            from,
            to,
            reason,
            cause: None,
            monitored: false,
            at: at(millis),
            order: Order::default(),
        }));
    }

    const FAILED: Option<OpenReason> = Some(OpenReason::FailureRate { failures: 1, calls: 2 });
    const TIMED_OUT: Option<OpenReason> = Some(OpenReason::ProbeTimedOut);

    fn sum(time: ByState<Duration>) -> Duration {
        time.closed + time.open + time.half_open + time.forced_open + time.disabled + time.monitoring
    }

    #[test]
    fn the_times_in_all_states_are_together_the_time_since_it_came() {
        let mut historian = Historian::new(State::Closed, at(1000));
        enter(&mut historian, None, State::Open, FAILED, 1500);
        enter(&mut historian, None, State::HalfOpen, None, 31_500);
        enter(&mut historian, None, State::Open, TIMED_OUT, 32_000);
        enter(&mut historian, None, State::HalfOpen, None, 62_000);
        enter(&mut historian, None, State::Closed, None, 62_500);
        for now in [62_500, 62_501, 63_500] {
            let history = historian.read(at(now));
            assert_eq!(sum(history.time), Duration::from_millis(now - 1000));
        }
        let history = historian.read(at(63_500));
        assert_eq!(history.time.closed, Duration::from_millis(1500));
        assert_eq!(history.time.open, Duration::from_secs(60));
        assert_eq!(history.time.half_open, Duration::from_secs(1));
        assert_eq!((history.entered.open, history.entered.half_open, history.entered.closed), (2, 2, 1));
        assert_eq!((history.openings.failure_rate, history.openings.probe_timed_out), (1, 1));
        assert_eq!((history.recoveries, history.last_recovery), (1, Some(Duration::from_secs(61))));
    }

    /// A number for each, by the word that the state or the reason has elsewhere.
    #[test]
    fn each_state_and_each_reason_has_a_number_of_its_own() {
        for state in State::ALL {
            let from = if *state == State::Closed { State::Open } else { State::Closed };
            let mut historian = Historian::new(from, at(0));
            enter(&mut historian, None, *state, None, 1000);
            let history = historian.read(at(3000));
            for other in State::ALL {
                assert_eq!(*history.entered.of(*other), u64::from(other == state), "{other} of {state}");
                let seconds = if other == state { 2 } else { u64::from(*other == from) };
                assert_eq!(*history.time.of(*other), Duration::from_secs(seconds), "{other} of {state}");
            }
            let printed = format!("{:?}", history.entered);
            assert!(printed.contains(&format!("{}: 1", state.as_str())), "{state}: {printed}");
        }
        let (failures, calls, open_for) = (1, 2, Duration::from_secs(1));
        for reason in [
            OpenReason::FailureRate { failures, calls },
            OpenReason::SlowCallRate { slow: failures, calls },
            OpenReason::ConsecutiveFailures { failures },
            OpenReason::TripIf { failures, calls },
            OpenReason::ProbesFailed { failures },
            OpenReason::ProbeTimedOut,
            OpenReason::Forced,
            OpenReason::Verdict { open_for },
            OpenReason::ForcedFor { open_for },
            OpenReason::JustOpened,
        ] {
            let mut openings = Openings::default();
            openings.count(reason);
            let printed = format!("{openings:?}");
            let own = printed.contains(&format!(" {}: 1", reason.as_str()));
            assert_eq!(own, reason != OpenReason::JustOpened, "{printed}");
            assert_eq!(printed.matches(": 1").count(), usize::from(own), "{printed}");
        }
    }

    #[test]
    fn no_time_falls_where_the_clock_that_reads_is_behind_the_one_that_wrote() {
        let mut historian = Historian::new(State::Closed, at(1000));
        enter(&mut historian, None, State::Open, FAILED, 2000);
        let history = historian.read(at(1990));
        assert_eq!((history.time.closed, history.time.open), (Duration::from_secs(1), Duration::ZERO));
    }

    #[test]
    fn no_time_falls_where_a_transition_is_written_after_a_reader_who_came_later() {
        let mut historian = Historian::new(State::Closed, at(1000));
        enter(&mut historian, None, State::Open, FAILED, 2000);
        assert_eq!(historian.read(at(2012)).time.open, Duration::from_millis(12));
        // It closed at 2007, and the thread that did it waited before it wrote that down.
        enter(&mut historian, None, State::Closed, None, 2007);
        for now in [2007, 2012, 2020] {
            let history = historian.read(at(now));
            assert_eq!(history.time.open, Duration::from_millis(12), "{now}");
            assert_eq!(sum(history.time), Duration::from_millis(now.max(2012) - 1000), "each moment counts once");
        }
        assert_eq!(historian.read(at(2020)).last_recovery, Some(Duration::from_millis(7)));
        // Nor do those of one who is behind an earlier reader.
        assert_eq!(historian.read(at(2015)).time.closed, Duration::from_millis(1008));
    }

    #[test]
    fn keys_are_counted_together_and_each_has_its_own_outage() {
        let mut historian = Historian::new(State::Closed, at(0));
        enter(&mut historian, Some("a"), State::Open, FAILED, 1000);
        enter(&mut historian, Some("b"), State::Open, FAILED, 2000);
        enter(&mut historian, Some("b"), State::Closed, None, 4000);
        enter(&mut historian, Some("a"), State::Closed, None, 9000);
        let history = historian.read(at(10_000));
        assert_eq!((history.entered.open, history.entered.closed, history.openings.failure_rate), (2, 2, 2));
        assert_eq!((history.recoveries, history.last_recovery), (2, Some(Duration::from_secs(8))));
        assert_eq!(history.time.closed, Duration::from_secs(10));
        assert!(historian.outages.is_empty());
    }

    #[test]
    fn what_is_turned_off_has_not_recovered() {
        for off in [State::Disabled, State::Monitoring] {
            let mut historian = Historian::new(State::Closed, at(0));
            enter(&mut historian, None, State::ForcedOpen, Some(OpenReason::Forced), 1000);
            enter(&mut historian, None, off, None, 2000);
            enter(&mut historian, None, State::Closed, None, 3000);
            let history = historian.read(at(3000));
            assert_eq!((history.recoveries, history.last_recovery, history.openings.forced), (0, None, 1));
        }
    }
}
