//! What a breaker tells of itself, to whoever wants to know.

use super::breaker::{CircuitBreaker, TELL_OUTCOMES};
use super::state::Word;
use crate::error::OpenReason;
use crate::event::{Ended, Event, Order, Runs, Topic, Transition, Turn};
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
        turn.push(Topic::Transition, to.since(at), |order| {
            let monitored = from.monitored() && to.monitored();
            // A monitoring breaker's own moves are told as what they would have been.
            let state = |word: Word| if monitored { word.decided() } else { word.state() };
            let at = Timestamp::from_millis(at);
            let (name, key, from, to) = (self.name(), self.key(), state(from), state(to));
            Event::Transition(Transition { name, key, from, to, reason, monitored, at, order })
        });
    }

    /// Lets the next one have its turn, and tells what this one was.
    pub(super) fn end(&self, turn: Turn<'_>) {
        turn.end(|| self.runs_alone()).tell();
    }

    /// With keys, the sum over all of them is known only to whoever waits for the lock.
    pub(super) fn runs_alone(&self) -> Option<Runs> {
        (!self.of_keys.is_of_an_instance() && !self.of_keys.has_instances()).then(|| self.counted().runs(0))
    }

    #[cold]
    #[inline(never)]
    pub(super) fn tell_ended(&self, ended: Ended) {
        if self.emitter.wants(Topic::Outcome) {
            let event = |order| self.ended(ended, order);
            self.emitter.emit(Topic::Outcome, self.generation(), event);
        }
    }

    fn ended(&self, ended: Ended, order: Order) -> Event {
        Event::Outcome { name: self.name(), key: self.key(), ended, at: Timestamp::now(), order }
    }

    /// What the transitions of this turn have followed from.
    pub(super) fn push_ended(&self, turn: &mut Turn<'_>, generation: u64, ended: Ended) {
        turn.push_cause(Topic::Outcome, generation, |order| self.ended(ended, order));
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

    /// Of a call that was admitted while closed. The switch is in a word that such a call reads anyway, and in every breaker: the bus is another
    /// line of memory.
    #[cold]
    pub(super) fn tell_judged(&self, ended: Ended) {
        if self.judge_all.get() & TELL_OUTCOMES == 0 {
            return;
        }
        if self.emitter.wants(Topic::Outcome) {
            return self.tell_ended(ended);
        }
        // Nobody wants to know any more. Whoever has come meanwhile has either set the switch after this, or is seen by now.
        self.judge_all.change(|why| why & !TELL_OUTCOMES);
        if self.emitter.wants(Topic::Outcome) {
            self.tell_outcomes();
        }
    }

    /// As [`tell_outcomes`](Self::tell_outcomes), where somebody wants them already; a collector of `tracing` is asked: never under a lock.
    pub(super) fn tell_wanted_outcomes(&self) {
        if self.emitter.wants(Topic::Outcome) {
            self.tell_outcomes();
        }
    }
}
