//! Consecutive failures, without successes having to write anything: the run, and how many successes there were before it.

use super::Ordering;
use crate::sync::AtomicU64;

const RUN_BITS: u32 = 20;
const MAX_RUN: u64 = (1 << RUN_BITS) - 1;
const GENERATION_BITS: u32 = 6;
const MAX_GENERATION: u64 = (1 << GENERATION_BITS) - 1;
const OK_AT: u32 = RUN_BITS + GENERATION_BITS;
const MAX_OK: u64 = u64::MAX >> OK_AT;
/// Successes that can be counted while a failure is on its way from the sum to the streak. Two failures with more between them are further apart, until
/// the sum has gone round: after 275 thousand millions.
const RACING: u64 = 1 << 20;

/// `successes so far (38) << 26 | generation (6) << 20 | failures since (20)`. Of a generation there is as much as it takes to tell a streak from the one that was
/// there when the breaker closed: whoever begins the generation [restarts](Streak::restart) it, and may be held up.
pub(super) struct Streak(AtomicU64);

const BEGAN_BITS: u32 = 48;

/// What tells a streak from the one before, by the successes before it and the generation.
fn tag(run: u64) -> u64 {
    (run >> RUN_BITS) << BEGAN_BITS
}

/// A streak with its latest failure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Consecutive {
    /// Failures in a row.
    pub(crate) failures: u64,
    /// What tells it from the one before.
    tag: u64,
}

/// The streak as it was at some moment.
#[derive(Clone, Copy)]
pub(super) struct Seen(u64);

fn of(generation: u64, ok: u64, run: u64) -> u64 {
    (ok & MAX_OK) << OK_AT | (generation & MAX_GENERATION) << RUN_BITS | run
}

/// Whether the streak has ended, for a failure of that generation with so many successes counted by then.
fn is_broken(streak: u64, generation: u64, ok: u64) -> bool {
    // A sum below the one that is known comes from a failure that raced with a success and belongs before it.
    let behind = (streak >> OK_AT).wrapping_sub(ok) & MAX_OK;
    behind >= RACING || (streak >> RUN_BITS ^ generation) & MAX_GENERATION != 0
}

impl Streak {
    pub(super) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// For [`restart`](Self::restart), before anybody can know of the new generation.
    pub(super) fn seen(&self) -> Seen {
        Seen(self.0.load(Ordering::Relaxed))
    }

    /// A generation has begun: the streak is empty, unless it has grown since then.
    pub(super) fn restart(&self, Seen(streak): Seen, generation: u64, ok: u64) {
        let _ = self.0.compare_exchange(streak, of(generation, ok, 0), Ordering::Relaxed, Ordering::Relaxed);
    }

    /// One more failure, with `ok` successes counted so far.
    pub(super) fn failed(&self, generation: u64, ok: u64) -> Consecutive {
        let mut streak = self.0.load(Ordering::Relaxed);
        loop {
            let broken = is_broken(streak, generation, ok);
            let (before, run) = if broken { (ok, 0) } else { (streak >> OK_AT, streak & MAX_RUN) };
            let next = (run + 1).min(MAX_RUN);
            match self.0.compare_exchange_weak(
                streak,
                of(generation, before, next),
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => {
                    return Consecutive { failures: next, tag: tag(of(generation, before, next)) };
                }
                Err(newer) => streak = newer,
            }
        }
    }

    pub(super) fn length(&self, generation: u64, ok: u64) -> u64 {
        let streak = self.0.load(Ordering::Relaxed);
        if is_broken(streak, generation, ok) { 0 } else { streak & MAX_RUN }
    }
}

/// When the first failure of a streak was: `tag (16) << 48 | milliseconds`. Written after the streak has begun, so that whoever lengthens it meanwhile finds the
/// tag of another, and takes the streak for one of this moment.
pub(crate) struct Began(AtomicU64);

impl Began {
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// How long ago the streak began, whose latest failure is `now`.
    pub(crate) fn age_millis(&self, Consecutive { failures, tag }: Consecutive, now: u64) -> u64 {
        let began = tag | now & ((1 << BEGAN_BITS) - 1);
        if failures == 1 {
            self.0.store(began, Ordering::Relaxed);
            return 0;
        }
        let first = self.0.load(Ordering::Relaxed);
        if first >> BEGAN_BITS == began >> BEGAN_BITS { began.saturating_sub(first) } else { 0 }
    }
}

#[cfg(all(test, not(resilience_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_streak_is_of_one_generation_and_ends_with_a_success() {
        let streak = Streak::new();
        streak.restart(streak.seen(), 7, 100);
        assert_eq!(
            [streak.failed(7, 100).failures, streak.failed(7, 100).failures, streak.failed(7, 99).failures],
            [1, 2, 3],
            "one of them raced"
        );
        assert_eq!((streak.length(7, 100), streak.length(7, 101), streak.length(8, 100)), (3, 0, 0));
        assert_eq!(
            [streak.failed(7, 101).failures, streak.failed(8, 101).failures, streak.failed(8, 101).failures],
            [1, 1, 2]
        );
    }

    #[test]
    fn a_streak_is_restarted_for_a_generation_that_looks_like_the_one_before() {
        let streak = Streak::new();
        let (one, other) = (7, 7 + MAX_GENERATION + 1);
        assert_eq!([streak.failed(one, 0).failures, streak.failed(one, 0).failures], [1, 2]);
        streak.restart(streak.seen(), other, 0);
        assert_eq!((streak.length(other, 0), streak.failed(other, 0).failures), (0, 1));
    }

    #[test]
    fn who_restarts_a_streak_late_does_not_empty_that_of_the_new_generation() {
        let streak = Streak::new();
        assert_eq!([streak.failed(7, 0).failures, streak.failed(7, 0).failures], [1, 2]);
        let seen = streak.seen();
        assert_eq!(streak.failed(8, 0).failures, 1, "none of before");
        streak.restart(seen, 8, 0);
        assert_eq!(streak.failed(8, 0).failures, 2);
    }

    #[test]
    fn a_success_ends_a_streak_however_many_there_are() {
        let streak = Streak::new();
        for ok in [0, 1, RACING, MAX_OK - 1, MAX_OK, MAX_OK + 1, MAX_OK + 2 + RACING] {
            assert_eq!(
                [streak.failed(7, ok).failures, streak.failed(7, ok).failures, streak.length(7, ok + 1)],
                [1, 2, 0],
                "{ok}"
            );
        }
    }

    #[test]
    fn a_streak_is_as_old_as_its_first_failure() {
        let (streak, began) = (Streak::new(), Began::new());
        let ages = |ok: u64, times: [u64; 3]| times.map(|now| began.age_millis(streak.failed(7, ok), now));
        assert_eq!(ages(3, [1000, 1099, 1100]), [0, 99, 100]);
        assert_eq!(ages(4, [1200, 1200, 1500]), [0, 0, 300], "a success has ended the one before");
        assert_eq!(ages(5, [2000, 1999, 2001]), [0, 0, 1], "a coarse clock that is behind");
    }

    #[test]
    fn who_lengthens_a_streak_before_its_beginning_is_written_does_not_take_that_of_the_one_before() {
        let others = (0..6).map(|bit| (7 ^ 1 << bit, 0)).chain((0..10).map(|bit| (7, 1 << bit)));
        for (generation, ok) in others {
            let (streak, began) = (Streak::new(), Began::new());
            assert_eq!(began.age_millis(streak.failed(7, 0), 1000), 0);
            assert_eq!(began.age_millis(streak.failed(7, 0), 1500), 500);
            streak.failed(generation, ok);
            let second = streak.failed(generation, ok);
            assert_eq!((second.failures, began.age_millis(second, 1500)), (2, 0), "{ok} successes in {generation}");
        }
    }
}
