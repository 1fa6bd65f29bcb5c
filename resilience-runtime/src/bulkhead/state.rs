//! A bulkhead's places in one atomic word, and every step as a pure function of it.
//!
//! # The word
//!
//! ```text
//! bits  0..20   limit    how many may be inside
//! bits 20..40   inside   places that are taken: by calls, and by waiters to whom one was handed
//! bit  40       aside    nobody has ever had to wait: who leaves is counted aside
//! bits 41..64   waiting  callers in the queue less those to whom a place was handed; signed
//!               counted  while they are counted aside: how many of those who left are no longer inside here; goes round
//! ```
//!
//! * Nobody waits while a place is free: `waiting > 0` only where `inside >= limit`. So whoever finds a place free passes nobody.
//! * A limit that shrinks below `inside` leaves a **debt** of `inside - limit`. It is paid by those who leave: their places are gone
//!   instead of being handed on, and nobody enters before it is paid and one more has left.
//! * A limit of 0 is **no limit**: the bulkhead is turned off. Nobody new enters or joins the queue, but passes by; who is inside leaves as ever, and
//!   hands its place to one who still waits.
//! * A place is **handed over** by turning one who waits into one who is inside, in the one exchange in which its holder leaves. The
//!   ticket that tells the first in the queue follows after it, and names nobody. So a waiter who is cancelled cannot know whether
//!   a ticket was on its way to it: it is taken off `waiting` in any case, and if that falls below zero there is one ticket too many,
//!   which is withdrawn together with its place by whoever comes to see it ([`Gate::withdraw_unwanted`](super::gate::Gate)).
//! * Until somebody has to wait, whoever leaves does not write to the word but to a counter of its thread ([`aside`](super::aside)). `inside` is too large by
//!   those whom it does not count yet, so who finds a place free has one. Who finds none [counts](GateWord::counting) them first.
//!
//! # Orderings
//!
//! The word is loaded with `Acquire` and exchanged with `AcqRel`: whoever takes a place sees what was done in it before. Whoever finds it empty, for another key,
//! exchanges it for itself: whoever comes then sees what was done before that.
//! Who cancels first lowers `waiting` and then looks for a ticket; who hands over first adds a ticket and then looks at
//! `waiting`. A `SeqCst` fence stands between the two steps on either side ([`fence_between`]), so that at least one of them sees the
//! other: without it both could look too early, and the place would be lost.

use crate::sync::{AtomicU64, Ordering, fence};

const BITS: u32 = 20;
const MASK: u64 = (1 << BITS) - 1;
const ONE_INSIDE: u64 = 1 << BITS;
const ASIDE: u64 = 1 << (2 * BITS);
/// Where those who wait stand, or how many were counted aside.
const REST_AT: u32 = 2 * BITS + 1;
const ONE_WAITING: u64 = 1 << REST_AT;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GateWord(u64);

impl GateWord {
    pub(super) fn new(limit: u32) -> Self {
        Self(u64::from(limit) & MASK)
    }

    /// Who leaves is counted aside, and nobody has left.
    pub(super) fn aside(self) -> Self {
        Self(self.0 | ASIDE)
    }

    #[inline]
    pub(super) fn is_aside(self) -> bool {
        self.0 & ASIDE != 0
    }

    /// The word without those who have left aside, of whom there were so many after it was loaded. That may be more than are inside, where others have come and gone
    /// since: whoever exchanges the word then fails, and loads it again. Where nobody is counted aside, it stays as it is and nobody is asked.
    pub(super) fn counting(self, left: impl FnOnce() -> u64) -> Self {
        if !self.is_aside() {
            return self;
        }
        let counted = left() & (u64::MAX >> REST_AT);
        let gone = (counted.wrapping_sub(self.0 >> REST_AT) & (u64::MAX >> REST_AT)).min(self.inside());
        let inside_less = (self.0 & (ONE_WAITING - 1)) - gone * ONE_INSIDE;
        Self(inside_less | counted << REST_AT)
    }

    /// Without those who have left aside, of whom there will be no more.
    pub(super) fn lined_up(self, left: u64) -> Self {
        Self(self.counting(|| left).0 & (ASIDE - 1))
    }

    #[inline]
    pub(super) fn limit(self) -> u64 {
        self.0 & MASK
    }

    #[inline]
    pub(super) fn inside(self) -> u64 {
        self.0 >> BITS & MASK
    }

    #[inline]
    pub(super) fn waiting(self) -> i64 {
        if self.is_aside() { 0 } else { (self.0 as i64) >> REST_AT }
    }

    /// Nobody is inside, and nobody waits.
    pub(super) fn is_empty(self) -> bool {
        self.inside() == 0 && self.waiting() == 0
    }

    #[inline]
    pub(super) fn is_off(self) -> bool {
        self.limit() == 0
    }

    /// Into a free place.
    #[inline]
    pub(super) fn enter(self) -> Option<Self> {
        (self.inside() < self.limit()).then(|| Self(self.0 + ONE_INSIDE))
    }

    /// Into the queue, which takes so many; not while those who leave are counted aside.
    pub(super) fn join(self, max_queue: u64) -> Option<Self> {
        let has_place = self.waiting() < max_queue as i64;
        has_place.then(|| Self(self.0.wrapping_add(ONE_WAITING)))
    }

    /// Out of a place; whether it was handed to one who waits.
    #[inline]
    pub(super) fn leave(self) -> (Self, bool) {
        let hands_over = self.waiting() > 0 && (self.inside() <= self.limit() || self.is_off());
        (Self(self.0 - if hands_over { ONE_WAITING } else { ONE_INSIDE }), hands_over)
    }

    /// Out of the queue, ticket or not.
    pub(super) fn abandon(self) -> Self {
        Self(self.0.wrapping_sub(ONE_WAITING))
    }

    /// One ticket too many, taken back with its place.
    pub(super) fn withdraw(self) -> Option<Self> {
        (self.waiting() < 0).then(|| Self(self.0.wrapping_add(ONE_WAITING) - ONE_INSIDE))
    }

    /// Another limit, and how many who wait are handed a place by it.
    pub(super) fn resize(self, limit: u32) -> (Self, u64) {
        let resized = Self(self.0 & !MASK | u64::from(limit) & MASK);
        // Turned off, it lets in all who wait, as far as they can be counted.
        let limit = if resized.is_off() { MASK } else { resized.limit() };
        let free = limit.saturating_sub(self.inside());
        let handed = free.min(u64::try_from(self.waiting()).unwrap_or(0));
        (Self(resized.0 + handed * ONE_INSIDE - handed * ONE_WAITING), handed)
    }
}

pub(super) struct AtomicGateWord(AtomicU64);

impl AtomicGateWord {
    pub(super) fn new(word: GateWord) -> Self {
        Self(AtomicU64::new(word.0))
    }

    #[inline]
    pub(super) fn load(&self) -> GateWord {
        GateWord(self.0.load(Ordering::Acquire))
    }

    /// Exchanges the word for what `step` makes of it; `None` where that is nothing.
    #[inline(always)]
    pub(super) fn step<T>(&self, step: impl Fn(GateWord) -> Option<(GateWord, T)>) -> Option<T> {
        let mut word = self.load();
        loop {
            let (next, made) = step(word)?;
            match self.0.compare_exchange_weak(word.0, next.0, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Some(made),
                Err(changed) => word = GateWord(changed),
            }
        }
    }
}

/// Between what one does oneself and looking at what another does.
pub(super) fn fence_between() {
    fence(Ordering::SeqCst);
}

/// What stands in for the line in models: taken and given with the orderings that tokio's semaphore has at its weakest.
#[cfg(all(test, resilience_loom))]
pub(super) struct Tickets(AtomicU64);

#[cfg(all(test, resilience_loom))]
impl Tickets {
    pub(super) fn new() -> Self {
        Self(AtomicU64::new(0))
    }
}

#[cfg(all(test, resilience_loom))]
impl super::line::Line for Tickets {
    fn hand(&self, tickets: u64) {
        self.0.fetch_add(tickets, Ordering::Release);
    }

    fn take_back(&self) -> bool {
        let mut tickets = self.0.load(Ordering::Acquire);
        while tickets > 0 {
            match self.0.compare_exchange(tickets, tickets - 1, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return true,
                Err(changed) => tickets = changed,
            }
        }
        false
    }
}

#[cfg(all(test, not(resilience_loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn numbers(word: GateWord) -> (u64, u64, i64) {
        (word.limit(), word.inside(), word.waiting())
    }

    #[test]
    fn a_word_gives_back_what_was_put_in() {
        let most = GateWord::new(1_000_000);
        let (mut word, _) = most.enter().unwrap().resize(1);
        for _ in 0..1000 {
            word = word.join(1000).unwrap();
        }
        assert_eq!(word.join(1000), None);
        assert_eq!(numbers(word), (1, 1, 1000));
        let (word, handed) = word.resize(1_000_000);
        assert_eq!((numbers(word), handed), ((1_000_000, 1001, 0), 1000));
        assert_eq!(numbers(word.abandon()), (1_000_000, 1001, -1));
        assert_eq!(numbers(word.abandon().withdraw().unwrap()), (1_000_000, 1000, 0));
    }

    #[test]
    fn who_left_aside_is_counted_once_and_never_more_of_them_than_are_inside() {
        let counting = |word: GateWord, left: u64| word.counting(|| left);
        let mut word = GateWord::new(2).aside();
        for round in 0..3 {
            word = word.enter().unwrap().enter().unwrap();
            assert_eq!(word.enter(), None);
            let left = 2 * round;
            assert_eq!((numbers(counting(word, left)), numbers(counting(word, left + 1))), ((2, 2, 0), (2, 1, 0)));
            // Others have come and gone since it was loaded.
            for left in [left + 2, left + 3, left + 1_000_000] {
                assert_eq!((numbers(counting(word, left)), counting(word, left).is_aside()), ((2, 0, 0), true));
            }
            word = counting(word, left + 2);
        }
        // The count goes round.
        let last = u64::MAX >> REST_AT;
        let word = counting(word.enter().unwrap(), last).enter().unwrap();
        assert_eq!((numbers(counting(word, last)), numbers(counting(word, last + 1))), ((2, 1, 0), (2, 0, 0)));
        assert_eq!(numbers(word.lined_up(last + 1).enter().unwrap()), (2, 1, 0));
        let lined_up = word.lined_up(last);
        assert_eq!((lined_up.is_aside(), numbers(lined_up), counting(lined_up, 7)), (false, (2, 1, 0), lined_up));
    }

    #[test]
    fn turned_off_it_lets_in_as_many_as_can_be_counted_and_another_for_each_who_leaves() {
        let full = GateWord(GateWord::new(1_000_000).0 + 1_000_000 * ONE_INSIDE + 100_000 * ONE_WAITING);
        let (word, handed) = full.resize(0);
        assert_eq!((numbers(word), handed), ((0, MASK, 51_425), 48_575));
        let (word, handed) = word.leave();
        assert_eq!((numbers(word), handed), ((0, MASK, 51_424), true));
    }

    #[test]
    fn a_debt_is_paid_before_a_place_is_handed_on() {
        let full = GateWord::new(3).enter().unwrap().enter().unwrap().enter().unwrap().join(1).unwrap();
        let (word, handed) = full.resize(1);
        assert_eq!((handed, word.enter()), (0, None));
        let (word, handed) = word.leave();
        assert_eq!((numbers(word), handed), ((1, 2, 1), false));
        let (word, handed) = word.leave();
        assert_eq!((numbers(word), handed), ((1, 1, 1), false));
        let (word, handed) = word.leave();
        assert_eq!((numbers(word), handed), ((1, 1, 0), true));
    }

    proptest! {
        /// Whatever happens in whatever order: nobody waits beside a free place, and tickets and places add up.
        #[test]
        fn nobody_waits_beside_a_free_place(steps in proptest::collection::vec((0..5, 0..6_u32), 0..200)) {
            let mut word = GateWord::new(2);
            // Queued callers, and tickets that were handed to them and not taken yet.
            let (mut queued, mut tickets, mut calls) = (0_i64, 0_i64, 0_i64);
            for (step, number) in steps {
                match step {
                    0 => if let Some(entered) = word.enter() {
                        prop_assert!(queued <= tickets, "passed somebody who waits");
                        (word, calls) = (entered, calls + 1);
                    } else if !word.is_off() && let Some(joined) = word.join(u64::from(number)) {
                        (word, queued) = (joined, queued + 1);
                    },
                    1 if tickets > 0 && queued > 0 => (tickets, queued, calls) = (tickets - 1, queued - 1, calls + 1),
                    2 if calls > 0 => {
                        let (left, handed) = word.leave();
                        (word, calls, tickets) = (left, calls - 1, tickets + i64::from(handed));
                    }
                    3 if queued > 0 => {
                        (word, queued) = (word.abandon(), queued - 1);
                        if let Some(withdrawn) = word.withdraw() {
                            (word, tickets) = (withdrawn, tickets - 1);
                        }
                    }
                    4 => {
                        let (resized, handed) = word.resize(number);
                        (word, tickets) = (resized, tickets + handed as i64);
                    }
                    _ => {}
                }
                prop_assert_eq!(word.waiting(), queued - tickets);
                prop_assert_eq!(word.inside() as i64, calls + tickets);
                prop_assert_eq!(word.is_empty(), calls + tickets + queued == 0);
                prop_assert!(word.waiting() <= 0 || !word.is_off() && word.inside() >= word.limit());
            }
        }
    }
}
