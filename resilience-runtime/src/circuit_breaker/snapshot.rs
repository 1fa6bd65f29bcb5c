//! A breaker as it is at one moment, for dashboards, health checks and tests.

use super::breaker::CircuitBreaker;
use super::last_error::LastError;
use super::state::Phase;
use super::totals::Totals;
use crate::error::OpenReason;
use crate::event::StateHistory;
use crate::keyed::KeyCounts;
use crate::name::{Key, Name};
use crate::next_call::NextCall;
use crate::overlay::Setting;
use crate::state::State;
use crate::time::precise_millis;
use crate::window::{Latency, WindowCounts};
use std::time::Duration;

/// What a [`CircuitBreaker`] has counted, what it does, and what it would do next. Taking one disturbs no call.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct CircuitBreakerSnapshot {
    /// Which breaker.
    pub name: Name,
    /// Of which of its keys, where it is the breaker of one.
    pub key: Option<Key>,
    /// What it does with calls. Of a breaker with keys that is closed itself: what the one of its keys does that lets the least through.
    pub state: State,
    /// Under [`State::Monitoring`] what an enforcing breaker would do; otherwise the same as `state`.
    pub decided: State,
    /// How long ago it entered its state, or was built. Of a half-open breaker, how long ago a probe last entered while no other was under way.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::json::seconds"))]
    pub age: Duration,
    /// What would happen to the next call.
    pub next: NextCall,
    /// All that was counted since it was built; these only grow.
    pub totals: Totals,
    /// How long its calls took, of one with keys those of all keys. `None` where [`latency`](crate::CircuitBreakerConfig::latency) was never on, and of a breaker of a key.
    pub latency: Option<Latency>,
    /// What is in the window; of a breaker that has opened, what was in it then; of a disabled one, nothing.
    pub window: WindowCounts,
    /// Of a closed breaker: failures in a row.
    pub consecutive_failures: u64,
    /// Why it opened, unless it has closed since.
    pub reason: Option<OpenReason>,
    /// What its last failure said, and when: of those whose error says something. A failure is looked at for this at most ten times a second.
    pub last_error: Option<LastError>,
    /// Of an open breaker: how long until the next call is let through as a probe. Zero: the next call is one.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::json::seconds"))]
    pub probe_due_in: Option<Duration>,
    /// Percent of the calls to be rejected that are rejected: 100, less while [a share is enforced](crate::Steer::enforce_share), 0 while
    /// monitoring or disabled. The others pass, and are in `would_reject`.
    pub enforced_percent: u8,
    /// Openings in a row that followed a failed half-open.
    pub reopenings: u64,
    /// Of a half-open breaker: its probes.
    pub probes: Option<Probes>,
    /// Of a breaker that was called with keys: how many it holds. Its totals are then the sums over all of them, its state is never closed while that of a key is not, and the rest is that
    /// of the overflow breaker.
    pub keys: Option<KeyCounts>,
    /// Where it has been since it came into its registry; of a breaker of a key, or in no registry, nothing.
    pub history: Option<StateHistory>,
    /// What is in force, key by key, and where each value came from.
    pub settings: Vec<Setting>,
}

/// The probes of a half-open breaker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Probes {
    /// Under way.
    pub in_flight: u64,
    /// Succeeded.
    pub succeeded: u64,
    /// Failed.
    pub failed: u64,
}

/// Of a breaker's own state and that of one of its keys the one that lets less through, where its own is closed.
fn less_open(state: State, of_key: State) -> State {
    let shut = |state: State| match state {
        State::ForcedOpen => 3,
        State::Open => 2,
        State::HalfOpen => 1,
        State::Closed | State::Monitoring | State::Disabled => 0,
    };
    let is_plain = !matches!(state, State::Monitoring | State::Disabled);
    if is_plain && shut(of_key) > shut(state) { of_key } else { state }
}

impl CircuitBreaker {
    pub(super) fn snapshot_with(&self, settings: Vec<Setting>) -> CircuitBreakerSnapshot {
        let now = precise_millis();
        let word = self.word.load();
        let phase = word.phase();
        let probes = word.probes();
        let opened = !matches!(phase, Phase::Closed | Phase::Disabled);
        let (mut state, mut decided) = (word.state(), word.decided());
        self.of_keys.for_each_instance(|of_key| {
            let word = of_key.word.load();
            state = less_open(state, word.state());
            decided = less_open(decided, word.decided());
        });
        CircuitBreakerSnapshot {
            name: self.name(),
            key: self.key(),
            state,
            decided,
            age: Duration::from_millis(word.age(now)),
            next: self.next_call_in(word, now),
            totals: self.totals(),
            latency: if self.of_keys.is_of_an_instance() { None } else { self.times.read() },
            window: self.frozen(word, now),
            consecutive_failures: if phase == Phase::Closed { self.window.streak(word.closed_generation()) } else { 0 },
            reason: self.last_opening().filter(|_| opened).map(|opening| opening.reason),
            last_error: self.last_error(),
            probe_due_in: (phase == Phase::Open).then(|| Duration::from_millis(self.probe_due_in(word, now))),
            enforced_percent: match phase {
                Phase::Disabled => 0,
                Phase::Forced => 100,
                _ if word.monitored() => 0,
                _ => self.enforcement.share(),
            },
            reopenings: word.openings(),
            probes: (phase == Phase::HalfOpen).then_some(Probes {
                in_flight: probes.in_flight.saturating_sub(self.cooling(word)),
                succeeded: probes.succeeded,
                failed: probes.failed,
            }),
            keys: self.of_keys.counts(),
            history: if self.of_keys.is_of_an_instance() { None } else { self.emitter.state_history() },
            settings,
        }
    }
}

#[cfg(all(test, not(resilience_loom)))]
mod tests {
    use super::*;

    #[test]
    fn of_two_states_the_one_is_shown_that_lets_less_through() {
        let states = [State::Closed, State::HalfOpen, State::Open, State::ForcedOpen];
        for (own, state) in states.into_iter().enumerate() {
            for (of_key, key_state) in states.into_iter().enumerate() {
                assert_eq!(less_open(state, key_state), states[own.max(of_key)], "{state:?} and {key_state:?}");
            }
            for passes in [State::Monitoring, State::Disabled] {
                assert_eq!((less_open(state, passes), less_open(passes, state)), (state, passes), "{state:?}");
            }
        }
    }
}
