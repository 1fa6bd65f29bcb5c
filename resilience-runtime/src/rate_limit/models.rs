//! Every interleaving and every stale read that the memory model allows, of the few steps that matter (loom). Run with
//! `RUSTFLAGS="--cfg resilience_loom" cargo test -p resilience-runtime --lib --release models`.
//!
//! Threads give their time. Each model says what goes wrong without the thing that it protects.

use super::state::{Passage, Rule, Turns};
use crate::sync::{AtomicEpoch, model};
use loom::sync::Arc;
use loom::thread;
use resilience_config::{Rate, RateLimitConfig};

const START: u64 = 1_000_000_000;
const MILLI: u64 = 1_000_000;

fn rule(per_second: u32, burst: u32) -> Rule {
    Rule::of(&RateLimitConfig::new().rate(Rate::per_second(per_second)).burst(burst).validated().resolve())
}

fn spawn<T: 'static>(turns: &Arc<Turns>, run: impl FnOnce(&Turns) -> T + 'static) -> thread::JoinHandle<T> {
    let turns = Arc::clone(turns);
    thread::spawn(move || run(&turns))
}

fn passed(arrivals: &[Passage]) -> usize {
    arrivals.iter().filter(|arrival| **arrival == Passage::Passed).count()
}

/// Were the word loaded and stored instead of exchanged, all three would pass on one turn.
#[test]
fn three_race_for_two_turns() {
    model(|| {
        let turns = Arc::new(Turns::new(rule(10, 2)));
        let others = [(); 2].map(|()| spawn(&turns, |turns| turns.arrive(START, 0, 1)));
        let mut arrivals = others.map(|other| other.join().unwrap()).to_vec();
        arrivals.push(turns.arrive(START, 0, 1));
        assert_eq!(passed(&arrivals), 2);
        assert_eq!(turns.available(START), 0);
    });
}

/// One has waited and passes now, another comes now: there is one turn. Were a turn taken when the wait begins, the late one would pass on it however
/// late, and the newcomer on the next that has fallen due meanwhile: two at once, of a burst of one.
#[test]
fn one_who_was_late_races_a_newcomer() {
    model(|| {
        let turns = Arc::new(Turns::new(rule(10, 1)));
        assert_eq!(turns.arrive(START, 0, 1), Passage::Passed);
        assert_eq!(turns.arrive(START, 200 * MILLI, 1), Passage::Waits);
        let late = START + 250 * MILLI;
        let waiter = spawn(&turns, move |turns| {
            let passed = turns.pass(late, 1).is_ok();
            turns.leave(1);
            passed
        });
        let newcomer = turns.arrive(late, 0, 1) == Passage::Passed;
        assert_eq!(u32::from(waiter.join().unwrap()) + u32::from(newcomer), 1);
        assert_eq!((turns.waiting(), turns.available(late)), (0, 0));
    });
}

/// A turn that is given back is there for the next, whatever races it: were the count of those who wait loaded and stored, one could stay counted for
/// ever, and its turn be lost.
#[test]
fn cancelled_waiters_race_a_newcomer() {
    model(|| {
        let turns = Arc::new(Turns::new(rule(10, 1)));
        assert_eq!(turns.arrive(START, 0, 1), Passage::Passed);
        for _ in 0..2 {
            assert_eq!(turns.arrive(START, 200 * MILLI, 1), Passage::Waits);
        }
        let cancelled = spawn(&turns, |turns| turns.leave(1));
        let newcomer = spawn(&turns, |turns| {
            if turns.arrive(START, 200 * MILLI, 1) == Passage::Waits {
                turns.leave(1);
            }
        });
        turns.leave(1);
        cancelled.join().unwrap();
        newcomer.join().unwrap();
        assert_eq!(turns.waiting(), 0);
        assert_eq!(turns.arrive(START, 100 * MILLI, 1), Passage::Waits);
    });
}

/// Three of four are used up, and the rate changes while somebody asks. It may pass by what the old rule has left, and nobody by what neither has: the
/// new burst is two.
fn changing_rates(before: Rule, after: Rule, interval_after: u64) {
    model(move || {
        let turns = Arc::new(Turns::new(before));
        for _ in 0..3 {
            assert_eq!(turns.arrive(START, 0, 1), Passage::Passed);
        }
        let changing = spawn(&turns, move |turns| turns.set_rule(after, START));
        let arrivals = [turns.arrive(START, 0, 1), turns.arrive(START, 0, 1)];
        changing.join().unwrap();
        assert!(passed(&arrivals) <= 1, "{arrivals:?}");
        // As many as were used up have to fall due again, by the new rate: both of the new burst.
        let full_again = START + 2 * interval_after;
        let available = [0, 1, interval_after + 1].map(|before| turns.available(full_again - before));
        assert_eq!(available, [2, 1, 0]);
    });
}

/// Without the epoch in the word, a caller could judge by the new rule what the old one has left in it (300 ms ahead, of 1 s that it tolerates), and pass twice.
#[test]
fn a_slower_rate_races_a_caller() {
    changing_rates(rule(10, 4), rule(1, 2), 1000 * MILLI);
}

/// Without `Acquire` on the word, a caller could judge the new word (300 ms ahead) by what was the rule of its epoch before (3 s tolerated), and pass twice.
#[test]
fn a_faster_rate_races_a_caller() {
    changing_rates(rule(1, 4), rule(10, 2), 100 * MILLI);
}

/// Were the words only looked at in `is_full_for_all`, or the epoch raised after it, a caller of the key before could pass on a turn of the next key's, or wait for one.
#[test]
fn a_taking_races_callers_of_the_key_before() {
    for (arrives, taken_at) in [(START, START), (START, START + 150 * MILLI)] {
        model(move || {
            let (turns, epoch) = (Arc::new(Turns::new(rule(10, 1))), Arc::new(AtomicEpoch::new()));
            if taken_at > arrives {
                assert_eq!(turns.arrive(START, 0, 1), Passage::Passed);
            }
            let other = {
                let (turns, epoch) = (Arc::clone(&turns), Arc::clone(&epoch));
                thread::spawn(move || {
                    let passage = turns.arrive(arrives, 200 * MILLI, 1);
                    let is_its_own = epoch.get() == 0;
                    if !is_its_own {
                        turns.undo(passage, 1);
                    }
                    is_its_own
                })
            };
            epoch.raise();
            let taken = turns.is_full_for_all(taken_at);
            let is_its_own = other.join().unwrap();
            assert!(!taken || !is_its_own || turns.is_full(taken_at));
            // What was taken is full for the next key, whoever was held up.
            assert!(!taken || turns.available(taken_at) == 1);
        });
    }
}
