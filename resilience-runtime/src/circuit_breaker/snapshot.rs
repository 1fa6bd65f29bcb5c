//! A breaker as it is at one moment, for dashboards, health checks and tests.

use super::state::Phase;
use super::{CircuitBreaker, KeyCounts, State, state_of};
use crate::error::{Name, OpenReason};
use crate::event::Runs;
use crate::next_call::NextCall;
use crate::registry::{Registry, Setting, registry};
use crate::time::precise_millis;
use crate::window::{Counter, WindowCounts};
use std::time::Duration;

/// What a [`CircuitBreaker`] has counted, what it does, and what it would do next. Taking one disturbs no call.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct CircuitBreakerSnapshot {
    /// Which breaker.
    pub name: Name,
    /// What it does with calls.
    pub state: State,
    /// Under [`State::Monitoring`] what an enforcing breaker would do; otherwise the same as `state`.
    pub decided: State,
    /// How long ago it entered its state, or was built. Of a half-open breaker, how long ago a probe last entered while no other was under way.
    pub age: Duration,
    /// What would happen to the next call.
    pub next: NextCall,
    /// All that was counted since it was built; these only grow.
    pub totals: Totals,
    /// What is in the window; of a breaker that has opened, what was in it then; of a disabled one, nothing.
    pub window: WindowCounts,
    /// Of a closed breaker: failures in a row.
    pub consecutive_failures: u64,
    /// Why it opened, unless it has closed since.
    pub reason: Option<OpenReason>,
    /// Of an open breaker: how long until the next call is let through as a probe. Zero: the next call is one.
    pub probe_due_in: Option<Duration>,
    /// Percent of the calls to be rejected that are rejected: 100, less while [a share is enforced](crate::Steer::enforce_share), 0 while
    /// monitoring or disabled. The others pass, and are in `would_reject`.
    pub enforced_percent: u8,
    /// Openings in a row that followed a failed half-open.
    pub reopenings: u64,
    /// Of a half-open breaker: its probes.
    pub probes: Option<Probes>,
    /// Of a breaker that was called with keys: how many it holds. Its totals are then the sums over all of them, and the rest is that of the
    /// overflow breaker.
    pub keys: Option<KeyCounts>,
    /// What is in force, key by key, and where each value came from.
    pub settings: Vec<Setting>,
}

/// All that a breaker has counted. See the table at [`CircuitBreaker`]: every admitted call ends in exactly one of
/// `successes`, `failures`, `ignored`, `cancelled` and `stale`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Totals {
    /// Calls that succeeded.
    pub successes: u64,
    /// Calls that failed.
    pub failures: u64,
    /// Of those two, the ones that took longer than `slow_call`.
    pub slow: u64,
    /// Calls whose end says nothing about the dependency.
    pub ignored: u64,
    /// Calls that were dropped before their end.
    pub cancelled: u64,
    /// Of the failures, those by a panic. Stale ones are counted too.
    pub panicked: u64,
    /// Ends that came too late to count, and those of calls that were let pass and would have been rejected.
    pub stale: u64,
    /// Calls that were rejected.
    pub rejected: u64,
    /// Calls that a monitoring breaker, or one that enforces a share, let pass and would have rejected.
    pub would_reject: u64,
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

impl CircuitBreaker {
    /// The breaker as it is now.
    pub fn snapshot(&self) -> CircuitBreakerSnapshot {
        self.snapshot_in(&registry())
    }

    pub(crate) fn snapshot_in(&self, registry: &Registry) -> CircuitBreakerSnapshot {
        let now = precise_millis();
        let word = self.word.load();
        let phase = word.phase();
        let probes = word.probes();
        let opened = !matches!(phase, Phase::Closed | Phase::Disabled);
        CircuitBreakerSnapshot {
            name: self.name(),
            state: state_of(word),
            decided: state_of(word.with_monitored(false)),
            age: Duration::from_millis(word.age(now)),
            next: self.next_call_in(word, now),
            totals: self.totals(),
            window: self.frozen(word, now),
            consecutive_failures: if phase == Phase::Closed { self.window.row(word.generation()) } else { 0 },
            reason: self.last_opening.read().filter(|_| opened).map(|opening| opening.reason),
            probe_due_in: (phase == Phase::Open)
                .then(|| Duration::from_millis(word.probe_due(now, &self.live.open_rule()).saturating_sub(now))),
            enforced_percent: match phase {
                Phase::Disabled => 0,
                Phase::Forced => 100,
                _ if word.monitored() => 0,
                _ => self.teeth.share(),
            },
            reopenings: word.openings(),
            probes: (phase == Phase::HalfOpen).then_some(Probes {
                in_flight: probes.in_flight,
                succeeded: probes.succeeded,
                failed: probes.failed,
            }),
            keys: self.key_counts(),
            settings: registry.of_circuit_breakers().settings(self),
        }
    }

    /// All that was counted since the breaker was built, or given to its key; of one with keys, the sum over all that it ever had.
    pub fn totals(&self) -> Totals {
        let mut totals = self.without_past(self.counted());
        self.for_each_slot(|slot| totals = totals.and(&slot.counted()));
        totals
    }

    pub(super) fn counted(&self) -> Totals {
        let total = |counter| self.window.total(counter);
        Totals {
            successes: total(Counter::Ok),
            failures: total(Counter::Failed),
            slow: total(Counter::Slow),
            ignored: total(Counter::Ignored),
            cancelled: total(Counter::Cancelled),
            panicked: total(Counter::Panicked),
            stale: total(Counter::Stale),
            rejected: total(Counter::Rejected),
            would_reject: self.would_reject.get(),
        }
    }
}

impl Totals {
    /// The sum of both.
    pub(super) fn and(&self, other: &Self) -> Self {
        self.pair(other, |a, b| a + b)
    }

    /// What was counted since `earlier`.
    pub fn since(&self, earlier: &Self) -> Self {
        self.pair(earlier, u64::saturating_sub)
    }

    /// As far as they are told one by one.
    pub(super) fn runs(&self, evicted: u64) -> Runs {
        Runs { rejected: self.rejected, slow_calls: self.slow, evicted, ..Runs::default() }
    }

    fn pair(&self, other: &Self, with: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            successes: with(self.successes, other.successes),
            failures: with(self.failures, other.failures),
            slow: with(self.slow, other.slow),
            ignored: with(self.ignored, other.ignored),
            cancelled: with(self.cancelled, other.cancelled),
            panicked: with(self.panicked, other.panicked),
            stale: with(self.stale, other.stale),
            rejected: with(self.rejected, other.rejected),
            would_reject: with(self.would_reject, other.would_reject),
        }
    }
}
