//! What a breaker tells of itself, to whoever wants to know.

use super::breaker::{CircuitBreaker, TELL_OUTCOMES};
use super::last_error::{CallEnd, LastError};
use super::state::{Phase, Word};
use crate::cause::{Because, Cause};
use crate::error::OpenReason;
use crate::event::{Ended, Event, Order, Topic, Transition, Trap, Turn, outcomes_may_be_collected};
use crate::keyed::runs_alone;
use crate::policy::Policy;
use crate::time::{self, Timestamp};
use std::time::Duration;

impl CircuitBreaker {
    /// Which of its states it is in, as events count them.
    pub(super) fn generation(&self) -> u64 {
        self.word.load().since(time::precise_millis())
    }

    /// A transition that was made in this turn.
    pub(super) fn push_transition(
        &self,
        turn: &mut Turn<'_>,
        (from, to): (Word, Word),
        reason: Option<OpenReason>,
        at: u64,
    ) {
        // A reset may leave it as it was.
        if from.phase() == to.phase() && from.monitored() == to.monitored() {
            return;
        }
        let cause = turn.cause();
        turn.push(Topic::Transition, to.since(at), |order| {
            let monitored = from.monitored() && to.monitored();
            // A monitoring breaker's own moves are told as what they would have been.
            let state = |word: Word| if monitored { word.decided() } else { word.state() };
            let at = Timestamp::from_millis(at);
            let (name, key, from, to) = (self.name(), self.key(), state(from), state(to));
            Event::Transition(Transition { name, key, from, to, reason, cause, monitored, at, order })
        });
    }

    /// Lets the next one have its turn, and tells what this one was.
    pub(super) fn end(&self, turn: Turn<'_>) {
        turn.end(|| runs_alone(self)).tell();
    }

    #[inline]
    pub(super) fn tell_ended(&self, end: CallEnd<'_>) {
        if self.emitter.wants(Topic::Outcome) {
            self.send_ended(end);
        }
    }

    /// Out of the way of those whom nobody asks: an event is large.
    #[cold]
    #[inline(never)]
    fn send_ended(&self, end: CallEnd<'_>) {
        let cause = end.because.and_then(Because::cause);
        let event = |order| self.ended(end.ended, cause, order);
        self.emitter.emit(Topic::Outcome, self.generation(), event);
    }

    fn ended(&self, ended: Ended, cause: Option<Cause>, order: Order) -> Event {
        Event::Outcome { name: self.name(), key: self.key(), ended, cause, at: Timestamp::now(), order }
    }

    /// What the transitions of this turn have followed from.
    pub(super) fn push_ended(&self, turn: &mut Turn<'_>, generation: u64, end: CallEnd<'_>) {
        let cause = end.because.and_then(|_| turn.cause());
        turn.push_cause(Topic::Outcome, generation, |order| self.ended(end.ended, cause, order));
    }

    #[cold]
    pub(super) fn tell_slow_call(&self, took: u64, limit: u64) {
        let [took, limit] = [took, limit].map(Duration::from_nanos);
        if self.emitter.wants(Topic::SlowCall) {
            let at = Timestamp::now();
            let event = |order| Event::SlowCall { name: self.name(), key: self.key(), took, limit, at, order };
            self.emitter.emit(Topic::SlowCall, self.generation(), event);
        }
    }

    /// Of a call that was admitted while closed. The readers' switch is in every breaker: the bus is another line of memory. What collects for `tracing` comes
    /// and goes without a word, so it is asked each time.
    #[cold]
    pub(super) fn tell_judged(&self, end: CallEnd<'_>) {
        let switched_on = self.judge_all.get() & TELL_OUTCOMES != 0;
        if switched_on || outcomes_may_be_collected() {
            self.tell_ended(end);
        }
        if switched_on && !self.emitter.is_read(Topic::Outcome) {
            // Nobody reads them any more. Whoever has come meanwhile has either set the switch after this, or is seen by now.
            self.judge_all.change(|why| why & !TELL_OUTCOMES);
            if self.emitter.is_read(Topic::Outcome) {
                self.tell_outcomes();
            }
        }
    }

    /// What is to be told of a failure, unless nobody is to be told what failures say.
    pub(super) fn because<'a>(&self, because: &'a Because<'a>) -> Option<&'a Because<'a>> {
        self.emitter.tells_causes().then_some(because)
    }

    /// What the last failure said.
    pub(super) fn last_error(&self) -> Option<LastError> {
        self.cold.get()?.error_kept.read().filter(|_| self.emitter.tells_causes())
    }

    /// As [`keep_error`](Self::keep_error), of those of which there may be many.
    #[inline]
    pub(super) fn keep_error_if_due(&self, admitted: (Phase, u64), now: u64, because: &Because<'_>) {
        if self.cold.get().is_none_or(|parts| parts.error_kept.is_due(now)) {
            self.keep_error(admitted, now, because);
        }
    }

    /// Keeps what a call said that was admitted in the state of that generation, unless the state is over: the breaker may be another key's by then. Code of the user's
    /// may run.
    #[cold]
    pub(super) fn keep_error(&self, (phase, generation): (Phase, u64), now: u64, because: &Because<'_>) {
        self.look_at_the_clock();
        if let Some(words) = because.words() {
            self.cold.keep_error(words, now, || !self.word.load().is_in(phase, generation));
        }
    }

    /// Tells once of a clock by which its test does not wait. Likewise.
    pub(super) fn look_at_the_clock(&self) {
        self.look_for_trap(Trap::PausedClock, time::is_tokios_paused);
    }

    /// What has led to an opening for that reason, the last thing before it being a call that ended so. Code of the user's may run: not in a turn.
    pub(super) fn cause_of(&self, reason: OpenReason, because: Option<&Because<'_>>) -> Option<Cause> {
        let told = because.and_then(Because::cause);
        told.or_else(|| match reason {
            // A success may have done it, of which there are enough by now to take a rate.
            OpenReason::FailureRate { .. } | OpenReason::TripIf { .. } | OpenReason::ProbesFailed { .. } => {
                self.last_error().map(|error| error.cause)
            }
            _ => None,
        })
    }
}

#[cfg(all(test, not(resilience_loom)))]
mod tests {
    use super::*;
    use crate::event::{Bus, Emitter, EventFilter};
    use resilience_config::CircuitBreakerConfig;
    use std::sync::Arc;

    #[test]
    fn outcomes_that_nobody_reads_any_more_cost_one_call_and_the_next_ones_nothing() {
        let bus = Arc::new(Bus::default());
        let subscribe = || bus.subscribe(EventFilter::of([Topic::Outcome]));
        let mut events = subscribe();
        let emitter = Emitter::new(Arc::clone(&bus));
        let breaker = CircuitBreaker::new_at("told".into(), CircuitBreakerConfig::new().resolve(), None, emitter, 1000);
        let fail = || breaker.try_acquire().unwrap().failure();
        let is_switched_on = || breaker.judge_all.get() & TELL_OUTCOMES != 0;
        fail();
        assert!(is_switched_on() && events.try_recv().is_some());
        drop(events);
        assert!(is_switched_on(), "nobody has looked since");
        fail();
        assert!(!is_switched_on());
        let mut events = subscribe();
        breaker.tell_outcomes();
        fail();
        assert!(is_switched_on() && events.try_recv().is_some());
    }
}
