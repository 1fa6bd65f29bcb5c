//! Who may enter and who has to wait: the word, the line that it hands places to, and who left without writing to it.

use super::aside::{Aside, Leaving};
use super::line::Line;
use super::state::{AtomicGateWord, GateWord, fence_between};
use crate::window::Shard;
use std::cell::Cell;

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
    aside: Aside,
}

impl<L: Line> Gate<L> {
    /// The line has no tickets. Until somebody has to wait, those who leave may be counted aside.
    pub(super) fn new(limit: u32, line: L, counts_aside: bool) -> Self {
        let word = GateWord::new(limit);
        let word = if counts_aside { word.aside() } else { word };
        Self { word: AtomicGateWord::new(word), line, aside: Aside::new(counts_aside) }
    }

    pub(super) fn line(&self) -> &L {
        &self.line
    }

    pub(super) fn word(&self) -> GateWord {
        self.counting(self.word.load())
    }

    /// A word that was just loaded, with all who have left aside.
    fn counting(&self, word: GateWord) -> GateWord {
        word.counting(|| self.aside.left())
    }

    /// In one step, so that the queue's bound is exact.
    #[inline]
    pub(super) fn arrive(&self, max_queue: u64) -> Arrival {
        match self.enter() {
            Arrival::Full if max_queue > 0 => self.arrive_in_line(max_queue),
            arrival => arrival,
        }
    }

    #[cold]
    fn arrive_in_line(&self, max_queue: u64) -> Arrival {
        self.line_up();
        let step = |word: GateWord| into_free_place(word).or_else(|| Some((word.join(max_queue)?, Arrival::Queued)));
        self.word.step(step).unwrap_or(Arrival::Full)
    }

    /// Nobody who leaves is counted aside from now on. Where somebody was, it takes some ten milliseconds.
    pub(super) fn line_up(&self) {
        if !self.word.load().is_aside() {
            return;
        }
        self.aside.end(|| {
            let counted = Cell::new(0);
            self.word.step(|word| {
                counted.set(self.aside.left());
                Some((word.lined_up(counted.get()), ()))
            });
            counted.get()
        });
    }

    /// As [`arrive`](Self::arrive), for those who do not wait.
    #[inline(always)]
    pub(super) fn enter(&self) -> Arrival {
        let free = |word: GateWord| Some((word.enter()?, Arrival::Entered));
        self.word.step(free).unwrap_or_else(|| self.enter_counting())
    }

    /// No place is free, unless somebody has left aside, or there is no limit.
    #[inline(never)]
    fn enter_counting(&self) -> Arrival {
        self.word.step(|word| into_free_place(self.counting(word))).unwrap_or(Arrival::Full)
    }

    #[inline(always)]
    pub(super) fn leave(&self, shard: Shard) {
        match self.aside.leave(shard) {
            Leaving::Aside => {}
            Leaving::Late => self.settle(),
            Leaving::ByTheWord => {
                if self.word.step(|word| Some(word.leave())) == Some(true) {
                    self.hand(1);
                }
            }
        }
    }

    /// Whoever left aside while that ended leaves by the word.
    #[cold]
    fn settle(&self) {
        let (late, settling) = self.aside.settle();
        let left = (0..late).filter_map(|_| self.word.step(|word| Some(word.leave())));
        let tickets = left.filter(|hands_over| *hands_over).count();
        drop(settling);
        self.hand(tickets as u64);
    }

    /// For a waiter without a ticket; one that was on its way to it is in the line again.
    pub(super) fn abandon(&self) {
        self.word.step(|word| Some((word.abandon(), ())));
        self.withdraw_unwanted();
    }

    /// As if somebody had not come.
    pub(super) fn undo(&self, arrival: Arrival, shard: Shard) {
        match arrival {
            Arrival::Entered => self.leave(shard),
            Arrival::Queued => self.abandon(),
            Arrival::Full | Arrival::Off => {}
        }
    }

    /// Whether nobody is inside or waits; whoever comes after this sees what was done before it.
    pub(super) fn is_empty_for_all(&self) -> bool {
        let step = |word| {
            let word = self.counting(word);
            word.is_empty().then_some((word, ()))
        };
        self.word.step(step).is_some()
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

/// Into a free place, or past what is turned off.
#[inline(always)]
fn into_free_place(word: GateWord) -> Option<(GateWord, Arrival)> {
    match word.enter() {
        Some(entered) => Some((entered, Arrival::Entered)),
        None => word.is_off().then_some((word, Arrival::Off)),
    }
}

#[cfg(all(test, not(resilience_loom)))]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    use std::sync::{Arc, OnceLock, Weak};
    use tokio::sync::Semaphore;

    const HERE: Shard = Shard(0);

    /// A place for one, a queue for one, and so many who are there already.
    fn gate(limit: u32, there: usize) -> Gate<Semaphore> {
        let gate = Gate::new(limit, Semaphore::new(0), false);
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
                gate.undo(arrival, HERE);
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
        let gate = Arc::new(Gate::new(1, JoinedMeanwhile { tickets: AtomicU64::new(0), gate: OnceLock::new() }, false));
        gate.line().gate.set(Arc::downgrade(&gate)).ok().unwrap();
        assert_eq!([gate.arrive(1), gate.arrive(1)], [Arrival::Entered, Arrival::Queued]);
        gate.leave(HERE);
        gate.abandon();
        assert_eq!((gate.word(), gate.line().tickets.load(Relaxed)), (GateWord::new(1).enter().unwrap(), 1));
    }

    #[test]
    fn a_place_that_was_handed_to_one_who_had_better_not_come_is_free() {
        let gate = gate(1, 1);
        let queued = gate.arrive(1);
        gate.leave(HERE);
        gate.undo(queued, HERE);
        assert_eq!((gate.word(), gate.line().available_permits()), (GateWord::new(1), 0));
    }

    /// A place for so many, of which all who leave are counted aside at first.
    fn aside(limit: u32) -> Gate<Semaphore> {
        Gate::new(limit, Semaphore::new(0), true)
    }

    #[test]
    fn who_has_left_aside_is_not_inside_for_whoever_looks_or_wants_the_place() {
        let gate = aside(2);
        for shard in (0..7).map(Shard) {
            assert_eq!([gate.enter(), gate.enter(), gate.enter()], [Arrival::Entered, Arrival::Entered, Arrival::Full]);
            assert_eq!((gate.word().inside(), gate.is_empty_for_all()), (2, false));
            gate.leave(shard);
            assert_eq!((gate.word().inside(), gate.word().enter().is_some()), (1, true));
            gate.leave(Shard(0));
            assert_eq!((gate.word().inside(), gate.word().is_empty()), (0, true));
        }
        assert!(gate.is_empty_for_all());
        assert_eq!((gate.word().limit(), gate.word().waiting()), (2, 0));
    }

    #[test]
    fn before_somebody_waits_all_who_left_aside_are_counted_and_whoever_leaves_then_hands_its_place_on() {
        let gate = aside(2);
        (0..3).for_each(|_| {
            assert_eq!(gate.arrive(1), Arrival::Entered);
            gate.leave(HERE);
        });
        assert_eq!([gate.arrive(1), gate.arrive(1)], [Arrival::Entered; 2]);
        assert!(gate.word.load().is_aside(), "nobody has waited yet");
        assert_eq!([gate.arrive(1), gate.arrive(1)], [Arrival::Queued, Arrival::Full]);
        assert_eq!((gate.word().inside(), gate.word().waiting(), gate.word.load().is_aside()), (2, 1, false));
        gate.leave(HERE);
        assert_eq!((gate.word().inside(), gate.word().waiting(), gate.line().available_permits()), (2, 0, 1));
        assert!(gate.line().take_back());
        gate.leave(HERE);
        gate.leave(HERE);
        assert!(gate.is_empty_for_all());
    }

    #[test]
    fn who_has_left_aside_just_when_that_ended_hands_its_place_on_all_the_same() {
        let gate = aside(1);
        assert_eq!([gate.arrive(1), gate.arrive(1)], [Arrival::Entered, Arrival::Queued]);
        // It has looked before, and counts only now.
        gate.aside.count_for_test(HERE);
        gate.settle();
        assert_eq!((gate.word().inside(), gate.word().waiting(), gate.line().available_permits()), (1, 0, 1));
        gate.settle();
        assert_eq!((gate.word().inside(), gate.line().available_permits()), (1, 1), "once");
    }

    #[test]
    fn a_limit_is_changed_while_those_who_leave_are_counted_aside() {
        let gate = aside(3);
        assert_eq!([gate.enter(), gate.enter(), gate.enter()], [Arrival::Entered; 3]);
        assert_eq!((gate.resize(1), gate.enter()), (0, Arrival::Full));
        gate.leave(HERE);
        gate.leave(HERE);
        assert_eq!((gate.word().inside(), gate.enter()), (1, Arrival::Full), "a debt that is paid, and one is inside");
        gate.leave(HERE);
        assert_eq!([gate.enter(), gate.enter()], [Arrival::Entered, Arrival::Full]);
        assert_eq!((gate.resize(0), gate.enter(), gate.arrive(9)), (0, Arrival::Off, Arrival::Off));
        gate.leave(HERE);
        assert_eq!((gate.resize(1), gate.word().inside(), gate.enter()), (0, 0, Arrival::Entered));
    }
}
