//! What the breaker would do with the next call, found without touching anything.

use super::breaker::CircuitBreaker;
use super::nested;
use super::state::{Due, Phase, Word};
use crate::error::{OpenReason, Rejection};
use crate::next_call::NextCall;
use crate::state::State;
use crate::time::precise_millis;
use std::time::Duration;

impl CircuitBreaker {
    /// What would happen to the next call, if it came now. Asking changes nothing and holds up no call.
    ///
    /// ```
    /// # use resilience_runtime::{CircuitBreaker, NextCall};
    /// let breaker = CircuitBreaker::builder("payment").build()?;
    /// assert_eq!(breaker.next_call(), NextCall::Admitted);
    /// breaker.force_open();
    /// assert_eq!(
    ///     breaker.next_call().to_string(),
    ///     "it is rejected: circuit breaker `payment` is open: forced open by hand"
    /// );
    /// # Ok::<(), resilience_runtime::ConfigError>(())
    /// ```
    pub fn next_call(&self) -> NextCall {
        self.next_call_in(self.word.load(), precise_millis())
    }

    /// Whether it will still be open when so much time has passed.
    #[cold]
    pub(crate) fn is_shut_after(&self, wait: Duration) -> bool {
        let is_open = matches!(self.state(), State::Open | State::ForcedOpen);
        is_open
            && match self.next_call() {
                NextCall::Rejected(rejection) => rejection.retry_after().is_none_or(|due| due > wait),
                _ => false,
            }
    }

    pub(super) fn next_call_in(&self, word: Word, now: u64) -> NextCall {
        let rule = self.settings.half_open_rule();
        match word.phase() {
            Phase::Closed => NextCall::Admitted,
            Phase::Disabled => NextCall::Unguarded,
            Phase::Forced => self.rejected(word, None, None),
            Phase::Open => self.of_open(word, None, now),
            Phase::HalfOpen => match word.due(now, &rule) {
                Due::Close => NextCall::Admitted,
                Due::ReopenFailed { failures } => {
                    self.of_open(word.reopened(now), Some(OpenReason::ProbesFailed { failures }), now)
                }
                Due::ReopenTimedOut { at } => self.of_open(word.reopened(at), Some(OpenReason::ProbeTimedOut), now),
                Due::Nothing => match self.would_admit_probe(word, now) {
                    true => NextCall::Probe { reason: self.reason_of(word).into() },
                    false => self.rejected(word, None, Some(self.ask_again_in(word, now))),
                },
            },
        }
    }

    /// Half-open: as it is, or once the permits of cancelled probes are free; or as part of the probe that asks.
    fn would_admit_probe(&self, word: Word, now: u64) -> bool {
        if let Some(failed) = nested::is_in_probe(self, word.generation()) {
            return !failed;
        }
        let is_due = self.cold.get().is_some_and(|parts| parts.cooling.is_due(word, now));
        let free = if is_due { self.cooling(word) } else { 0 };
        word.without_probes(free).admit_probe(now, &self.settings.half_open_rule()).is_some()
    }

    /// Open, for the reason that was written down or for one that is due.
    fn of_open(&self, word: Word, due_reason: Option<OpenReason>, now: u64) -> NextCall {
        match self.probe_due_in(word, now) {
            0 => NextCall::Probe { reason: due_reason.unwrap_or_else(|| self.reason_of(word).into()) },
            left => self.rejected(word, due_reason, Some(left)),
        }
    }

    fn rejected(&self, word: Word, due_reason: Option<OpenReason>, retry_after_millis: Option<u64>) -> NextCall {
        let rejection = Rejection::CircuitOpen {
            name: self.name(),
            key: self.key(),
            retry_after: retry_after_millis.map(Duration::from_millis),
            reason: due_reason.unwrap_or_else(|| self.reason_of(word).into()),
        };
        let is_enforced = !word.monitored() && (word.phase() == Phase::Forced || self.enforcement.would_enforce());
        if is_enforced { NextCall::Rejected(rejection) } else { NextCall::WouldReject(rejection) }
    }
}

#[cfg(all(test, not(resilience_loom)))]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn a_breaker_is_shut_after_a_wait_that_is_shorter_than_its_opening_if_it_rejects_the_next_call() {
        let breaker = CircuitBreaker::builder("shut").max_open_for(10 * HOUR).build().unwrap();
        let is_shut_after = |hours: [u32; 2]| hours.map(|hours| breaker.is_shut_after(hours * HOUR));
        assert_eq!(is_shut_after([0, 1]), [false, false]);
        breaker.force_open_for(2 * HOUR);
        assert_eq!(is_shut_after([1, 3]), [true, false]);
        breaker.force_open();
        assert_eq!(is_shut_after([1, 1_000_000]), [true, true], "nobody knows for how long");
        breaker.monitor();
        assert_eq!(is_shut_after([0, 1]), [false, false], "it lets everybody pass");

        breaker.reset();
        breaker.force_open_for(2 * HOUR);
        breaker.steer().enforce_share(50).unwrap();
        let mut rejected = 0;
        for _ in 0..100 {
            let is_shut = breaker.is_shut_after(HOUR);
            assert_eq!(breaker.try_acquire().map(|permit| permit.success()).is_err(), is_shut);
            rejected += u32::from(is_shut);
        }
        assert_eq!(rejected, 50);

        // Half-open, it rejects whoever is not a probe, and is not open.
        let breaker = CircuitBreaker::builder("half-open").half_open_calls(1).build().unwrap();
        breaker.force_open_for(Duration::from_millis(1));
        while breaker.try_acquire().map(std::mem::forget).is_err() {
            std::thread::yield_now();
        }
        assert!(matches!(breaker.next_call(), NextCall::Rejected(_)) && !breaker.is_shut_after(Duration::ZERO));
    }
}
