//! What a breaker tells of itself, to whoever wants to know.

use super::breaker::{CircuitBreaker, TELL_OUTCOMES};
use super::state::Word;
use crate::error::OpenReason;
use crate::event::{Ended, Event, Runs, Topic, Transition};
use crate::time::Timestamp;
use std::time::Duration;

impl CircuitBreaker {
    /// Under no lock: what listens is the user's.
    pub(super) fn announce(&self, from: Word, to: Word, reason: Option<OpenReason>, at: u64) {
        self.keep(Topic::Transition, || {
            let monitored = from.monitored() && to.monitored();
            // A monitoring breaker's own moves are told as what they would have been.
            let state = |word: Word| if monitored { word.decided() } else { word.state() };
            let at = Timestamp::from_millis(at);
            Event::Transition(Transition { name: self.name(), from: state(from), to: state(to), reason, monitored, at })
        });
    }

    /// Tells a rare event, which the registry keeps. That of a key's breaker is kept under the name of all of them.
    pub(super) fn keep(&self, topic: Topic, event: impl FnOnce() -> Event) {
        let in_registry = self.enforcement.is_in_registry();
        if in_registry || self.bus.wants(topic) {
            crate::event::keep(&self.bus, in_registry.then_some(&self.name), &event(), || self.runs_alone());
        }
    }

    /// With keys, the sum over all of them is known only to whoever waits for the lock.
    pub(super) fn runs_alone(&self) -> Option<Runs> {
        (self.past.is_none() && self.keys.get().is_none()).then(|| self.counted().runs(0))
    }

    #[cold]
    #[inline(never)]
    pub(super) fn tell_ended(&self, ended: Ended) {
        self.bus.emit(Topic::Outcome, || Event::Outcome { name: self.name(), ended, at: Timestamp::now() });
    }

    #[cold]
    pub(super) fn tell_slow_call(&self, took: u64, limit: u64) {
        let [took, limit] = [took, limit].map(Duration::from_nanos);
        self.bus.emit(Topic::SlowCall, || Event::SlowCall { name: self.name(), took, limit, at: Timestamp::now() });
    }

    /// Of a call that was admitted while closed. The switch is in a word that such a call reads anyway, and in every breaker: the bus is another
    /// line of memory.
    #[cold]
    pub(super) fn tell_judged(&self, failed: bool) {
        if self.judge_all.get() & TELL_OUTCOMES == 0 {
            return;
        }
        if self.bus.wants(Topic::Outcome) {
            return self.tell_ended(if failed { Ended::Failed } else { Ended::Succeeded });
        }
        // Nobody wants to know any more. Whoever has come meanwhile has either set the switch after this, or is seen by now.
        self.judge_all.change(|why| why & !TELL_OUTCOMES);
        if self.bus.wants(Topic::Outcome) {
            self.tell_outcomes();
        }
    }
}
