//! Who may enter and who has to wait: the word, and the line that it hands places to.

use super::line::Line;
use super::state::{AtomicGateWord, GateWord, fence_between};

/// What a caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    Entered,
    /// It is to wait for a ticket, and to [`abandon`](Gate::abandon) the queue if it stops waiting without one.
    Queued,
    Full,
    /// There is no limit: it passes by and is counted nowhere.
    Off,
}

pub(super) struct Gate<L> {
    word: AtomicGateWord,
    line: L,
}

impl<L: Line> Gate<L> {
    /// The line has no tickets.
    pub(super) fn new(limit: u32, line: L) -> Self {
        Self { word: AtomicGateWord::new(GateWord::new(limit)), line }
    }

    pub(super) fn line(&self) -> &L {
        &self.line
    }

    pub(super) fn word(&self) -> GateWord {
        self.word.load()
    }

    /// In one step, so that the queue's bound is exact.
    #[inline]
    pub(super) fn arrive(&self, max_queue: u64) -> Arrival {
        let step = |word: GateWord| match word.enter() {
            Some(entered) => Some((entered, Arrival::Entered)),
            None if word.is_off() => Some((word, Arrival::Off)),
            None => Some((word.join(max_queue)?, Arrival::Queued)),
        };
        self.word.step(step).unwrap_or(Arrival::Full)
    }

    /// As [`arrive`](Self::arrive), for those who do not wait.
    #[inline(always)]
    pub(super) fn enter(&self) -> Arrival {
        let step = |word: GateWord| match word.enter() {
            Some(entered) => Some((entered, Arrival::Entered)),
            None => word.is_off().then_some((word, Arrival::Off)),
        };
        self.word.step(step).unwrap_or(Arrival::Full)
    }

    #[inline(always)]
    pub(super) fn leave(&self) {
        if self.word.step(|word| Some(word.leave())) == Some(true) {
            self.hand(1);
        }
    }

    /// For a waiter without a ticket; one that was on its way to it is in the line again.
    pub(super) fn abandon(&self) {
        self.word.step(|word| Some((word.abandon(), ())));
        self.withdraw_unwanted();
    }

    /// As if somebody had not come.
    pub(super) fn undo(&self, arrival: Arrival) {
        match arrival {
            Arrival::Entered => self.leave(),
            Arrival::Queued => self.abandon(),
            Arrival::Full | Arrival::Off => {}
        }
    }

    /// Whether nobody is inside or waits; whoever comes after this sees what was done before it.
    pub(super) fn is_empty_for_all(&self) -> bool {
        self.word.step(|word| word.is_empty().then_some((word, ()))).is_some()
    }

    /// Another limit. So many places are to be [handed](Self::hand) out.
    #[must_use]
    pub(super) fn resize(&self, limit: u32) -> u64 {
        self.word.step(|word| Some(word.resize(limit))).unwrap_or(0)
    }

    /// Runs wakers, which are not ours: under no lock.
    #[cold]
    pub(super) fn hand(&self, tickets: u64) {
        if tickets > 0 {
            self.line.hand(tickets);
            self.withdraw_unwanted();
        }
    }

    /// Withdraws tickets that nobody waits for. Where there is one to withdraw that is not in the line yet, whoever brings it comes here after it.
    fn withdraw_unwanted(&self) {
        loop {
            fence_between();
            if self.word.load().waiting() >= 0 || !self.line.take_back() {
                return;
            }
            if self.word.step(|word| Some((word.withdraw()?, ()))).is_none() {
                // Somebody has joined the queue for it.
                self.line.hand(1);
            }
        }
    }
}

#[cfg(all(test, not(resilience_loom)))]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    use std::sync::{Arc, OnceLock, Weak};
    use tokio::sync::Semaphore;

    /// A place for one, a queue for one, and so many who are there already.
    fn gate(limit: u32, there: usize) -> Gate<Semaphore> {
        let gate = Gate::new(limit, Semaphore::new(0));
        (0..there).for_each(|_| _ = gate.arrive(1));
        gate
    }

    #[test]
    fn who_had_better_not_come_leaves_no_trace() {
        for (limit, there, waits, does_not) in [
            (1, 0, Arrival::Entered, Arrival::Entered),
            (1, 1, Arrival::Queued, Arrival::Full),
            (1, 2, Arrival::Full, Arrival::Full),
            (0, 0, Arrival::Off, Arrival::Off),
        ] {
            let gate = gate(limit, there);
            let before = gate.word();
            for (may_wait, expected) in [(true, waits), (false, does_not)] {
                let arrival = if may_wait { gate.arrive(1) } else { gate.enter() };
                assert_eq!(arrival, expected, "{there} are there, of {limit}");
                gate.undo(arrival);
                assert_eq!((gate.word(), gate.line().available_permits()), (before, 0));
            }
        }
    }

    /// Somebody joins the queue whenever a ticket is taken back.
    struct JoinedMeanwhile {
        tickets: AtomicU64,
        gate: OnceLock<Weak<Gate<Self>>>,
    }

    impl Line for JoinedMeanwhile {
        fn hand(&self, tickets: u64) {
            self.tickets.fetch_add(tickets, Relaxed);
        }

        fn take_back(&self) -> bool {
            let gate = self.gate.get().and_then(Weak::upgrade).unwrap();
            assert_eq!((self.tickets.swap(0, Relaxed), gate.arrive(1)), (1, Arrival::Queued));
            true
        }
    }

    #[test]
    fn who_joins_the_queue_while_a_ticket_that_nobody_wants_is_taken_back_gets_it() {
        let gate = Arc::new(Gate::new(1, JoinedMeanwhile { tickets: AtomicU64::new(0), gate: OnceLock::new() }));
        gate.line().gate.set(Arc::downgrade(&gate)).ok().unwrap();
        assert_eq!([gate.arrive(1), gate.arrive(1)], [Arrival::Entered, Arrival::Queued]);
        gate.leave();
        gate.abandon();
        assert_eq!((gate.word(), gate.line().tickets.load(Relaxed)), (GateWord::new(1).enter().unwrap(), 1));
    }

    #[test]
    fn a_place_that_was_handed_to_one_who_had_better_not_come_is_free() {
        let gate = gate(1, 1);
        let queued = gate.arrive(1);
        gate.leave();
        gate.undo(queued);
        assert_eq!((gate.word(), gate.line().available_permits()), (GateWord::new(1), 0));
    }
}
