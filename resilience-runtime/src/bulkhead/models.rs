//! Every interleaving and every stale read that the memory model allows, of the few steps that matter (loom). Run with
//! `RUSTFLAGS="--cfg resilience_loom" cargo test -p resilience-runtime --lib --release models`.
//!
//! The line is a counter of tickets here ([`Tickets`]). Each model says what
//! goes wrong without the thing that it protects.

use super::gate::{Arrival, Gate};
use super::line::Line;
use super::state::Tickets;
use crate::sync::{AtomicEpoch, model};
use crate::window::Shard;
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

type Model = Gate<Tickets>;

/// That of the thread which makes the model, and the one that all others share.
const HERE: Shard = Shard(0);
const SHARED: Shard = Shard(1);

fn gate(limit: u32) -> Arc<Model> {
    Arc::new(Gate::new(limit, Tickets::new(), false))
}

/// Of which those who leave are counted aside.
fn aside(limit: u32) -> Arc<Model> {
    Arc::new(Gate::new(limit, Tickets::new(), true))
}

fn spawn(gate: &Arc<Model>, run: impl FnOnce(&Model) + 'static) -> thread::JoinHandle<()> {
    let gate = Arc::clone(gate);
    thread::spawn(move || run(&gate))
}

fn wait(gate: &Model) {
    while !gate.line().take_back() {
        thread::yield_now();
    }
}

/// Loom complains where somebody else is here, or has been without being seen.
fn be_alone(inside: &UnsafeCell<u32>) {
    // SAFETY: each model lets in one at a time; loom checks it.
    #[allow(unsafe_code)]
    inside.with_mut(|calls| unsafe { *calls += 1 });
}

/// All so many places are taken, and those who have them leave while one more joins: it gets a place.
fn joins_while_all_leave(gate: &Arc<Model>, places: usize) {
    (0..places).for_each(|_| assert_eq!(gate.enter(), Arrival::Entered));
    let leaving: Vec<_> = (0..places).map(|_| spawn(gate, |gate| gate.leave(SHARED))).collect();
    match gate.arrive(1) {
        Arrival::Entered => {}
        arrival => {
            assert_eq!(arrival, Arrival::Queued);
            wait(gate);
        }
    }
    leaving.into_iter().for_each(|leaving| leaving.join().unwrap());
    assert_at_rest(gate, 1);
}

/// Nothing is lost and nothing too many: no ticket, nobody waiting, so many inside.
fn assert_at_rest(gate: &Model, inside: u64) {
    assert_eq!((gate.word().waiting(), gate.word().inside()), (0, inside));
    assert!(!gate.line().take_back(), "a ticket is left over");
}

/// With `Relaxed` in place of `Acquire` and `AcqRel` on the word, one would be inside without seeing what was done there before; were it
/// loaded and stored instead of exchanged, two would be inside at once. The cell complains of both.
#[test]
fn one_at_a_time() {
    model(|| {
        let gate = gate(1);
        let inside = Arc::new(UnsafeCell::new(0));
        let call = |gate: &Model, inside: &UnsafeCell<u32>| {
            match gate.arrive(1) {
                Arrival::Entered => {}
                Arrival::Queued => wait(gate),
                Arrival::Full | Arrival::Off => return,
            }
            be_alone(inside);
            gate.leave(SHARED);
        };
        let others = [(); 2].map(|()| {
            let inside = Arc::clone(&inside);
            spawn(&gate, move |gate| call(gate, &inside))
        });
        others.into_iter().for_each(|other| other.join().unwrap());
        call(&gate, &inside);
        assert_at_rest(&gate, 0);
    });
}

/// Were limit, inside and waiting three words, the one who joins could miss the one who leaves, and wait beside a free place for ever.
#[test]
fn a_joiner_races_the_last_to_leave() {
    model(|| {
        joins_while_all_leave(&gate(1), 1);
    });
}

/// The queue's bound is judged and taken in one exchange (`Word::join`); in two steps, both would get the one place in it.
#[test]
fn two_race_for_the_last_place_in_the_queue() {
    model(|| {
        let gate = gate(1);
        assert_eq!(gate.enter(), Arrival::Entered);
        let other = {
            let gate = Arc::clone(&gate);
            thread::spawn(move || gate.arrive(1))
        };
        let arrivals = [gate.arrive(1), other.join().unwrap()];
        assert_eq!(arrivals.iter().filter(|arrival| **arrival == Arrival::Queued).count(), 1);
        assert_eq!(arrivals.iter().filter(|arrival| **arrival == Arrival::Full).count(), 1);
    });
}

/// Without the fence in `Gate::withdraw_unwanted` the one who cancels can look for the ticket before it is there, and the one who brings it can
/// look for waiters before one is off: the place would stay taken by nobody.
#[test]
fn a_cancellation_races_a_hand_over() {
    model(|| {
        let gate = gate(1);
        assert_eq!(gate.enter(), Arrival::Entered);
        assert_eq!(gate.arrive(1), Arrival::Queued);
        let leaving = spawn(&gate, |gate| gate.leave(SHARED));
        gate.abandon();
        leaving.join().unwrap();
        assert_at_rest(&gate, 0);
        assert_eq!(gate.enter(), Arrival::Entered);
    });
}

/// The one who joins takes over the ticket of the one who cancels, or finds the place free; without the give-back in `Gate::withdraw_unwanted` it would wait for ever
/// when its ticket is withdrawn before its eyes.
#[test]
fn a_joiner_races_a_cancellation_and_a_hand_over() {
    model(|| {
        let gate = gate(1);
        assert_eq!(gate.enter(), Arrival::Entered);
        assert_eq!(gate.arrive(1), Arrival::Queued);
        let leaving = spawn(&gate, |gate| gate.leave(SHARED));
        let joining = spawn(&gate, |gate| match gate.arrive(1) {
            Arrival::Entered => gate.leave(SHARED),
            Arrival::Queued => {
                wait(gate);
                gate.leave(SHARED);
            }
            Arrival::Full | Arrival::Off => {}
        });
        gate.abandon();
        leaving.join().unwrap();
        joining.join().unwrap();
        assert_at_rest(&gate, 0);
    });
}

/// Were the debt a word of its own, one who leaves could find none, and its place come free after the limit has shrunk: two would be inside of a bulkhead of one. In
/// one word, whoever leaves either leaves before it shrinks or pays.
#[test]
fn a_shrinking_limit_races_one_who_leaves() {
    model(|| {
        let gate = gate(2);
        assert_eq!(gate.enter(), Arrival::Entered);
        assert_eq!(gate.enter(), Arrival::Entered);
        let leaving = spawn(&gate, |gate| gate.leave(SHARED));
        assert_eq!(gate.resize(1), 0);
        // One is inside for sure, and that is the new limit.
        assert_eq!(gate.enter(), Arrival::Full);
        leaving.join().unwrap();
        assert_eq!(gate.enter(), Arrival::Full);
        gate.leave(SHARED);
        assert_eq!(gate.enter(), Arrival::Entered);
        assert_at_rest(&gate, 1);
    });
}

/// A growing limit hands out places in the exchange that raises it; handed out afterwards, a place could be given to a waiter by one who leaves too, or be
/// taken by a newcomer before it.
#[test]
fn a_growing_limit_races_one_who_leaves() {
    model(|| {
        let gate = gate(1);
        assert_eq!(gate.enter(), Arrival::Entered);
        assert_eq!(gate.arrive(2), Arrival::Queued);
        let leaving = spawn(&gate, |gate| gate.leave(SHARED));
        gate.hand(gate.resize(2));
        wait(&gate);
        leaving.join().unwrap();
        assert_at_rest(&gate, 1);
        assert_eq!(gate.enter(), Arrival::Entered);
        assert_eq!(gate.enter(), Arrival::Full);
    });
}

/// Turned off, the gate hands a place to everybody who waits in the exchange that turns it off, and whoever comes after it does not join the queue; were the two
/// apart, one who joined between them would wait for ever.
#[test]
fn turning_off_races_a_joiner_and_one_who_leaves() {
    model(|| {
        let gate = gate(1);
        assert_eq!(gate.enter(), Arrival::Entered);
        let joining = spawn(&gate, |gate| match gate.arrive(1) {
            Arrival::Entered => gate.leave(SHARED),
            Arrival::Queued => {
                wait(gate);
                gate.leave(SHARED);
            }
            Arrival::Off => {}
            Arrival::Full => unreachable!("there is room in the queue"),
        });
        let leaving = spawn(&gate, |gate| gate.leave(SHARED));
        gate.hand(gate.resize(0));
        assert_eq!(gate.enter(), Arrival::Off);
        joining.join().unwrap();
        leaving.join().unwrap();
        gate.hand(gate.resize(1));
        assert_at_rest(&gate, 0);
        assert_eq!(gate.enter(), Arrival::Entered);
    });
}

/// Were the word only looked at in `is_empty_for_all`, or the epoch raised after it, a caller of the key before could be inside what is the next key's.
#[test]
fn a_taking_races_a_caller_of_the_key_before() {
    model(|| {
        let (gate, epoch) = (gate(1), Arc::new(AtomicEpoch::new()));
        let other = {
            let (gate, epoch) = (Arc::clone(&gate), Arc::clone(&epoch));
            thread::spawn(move || {
                let arrival = gate.arrive(0);
                let is_its_own = epoch.get() == 0;
                if !is_its_own {
                    gate.undo(arrival, SHARED);
                }
                is_its_own && arrival == Arrival::Entered
            })
        };
        epoch.raise();
        let taken = gate.is_empty_for_all();
        let entered = other.join().unwrap();
        assert!(!taken || !entered);
        assert_at_rest(&gate, u64::from(entered));
    });
}

/// With `Relaxed` in place of `Release` or `Acquire` on what is counted aside, one would be inside without seeing what was done there before; were a counter asked for before the word is loaded,
/// one who left could be counted twice.
#[test]
fn one_at_a_time_who_leave_aside() {
    model(|| {
        let gate = aside(1);
        let inside = Arc::new(UnsafeCell::new(0));
        let call = |gate: &Model, inside: &UnsafeCell<u32>, shard: Shard| {
            if gate.enter() == Arrival::Entered {
                be_alone(inside);
                gate.leave(shard);
            }
        };
        let others = [(); 2].map(|()| {
            let inside = Arc::clone(&inside);
            spawn(&gate, move |gate| call(gate, &inside, SHARED))
        });
        call(&gate, &inside, HERE);
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_at_rest(&gate, 0);
        assert_eq!(gate.enter(), Arrival::Entered);
    });
}

/// One leaves, enters and leaves while another one looks for a place: of the two there are, one is free at every moment. Were more subtracted than are inside, a
/// caller that is held up after it has loaded the word would be told that it is full.
#[test]
fn who_looks_while_others_come_and_go_finds_the_place_that_is_free() {
    model(|| {
        let gate = aside(2);
        assert_eq!([gate.enter(), gate.enter()], [Arrival::Entered; 2]);
        gate.leave(HERE);
        let other = spawn(&gate, |gate| {
            gate.leave(SHARED);
            assert_eq!(gate.enter(), Arrival::Entered);
            gate.leave(SHARED);
        });
        assert_eq!(gate.enter(), Arrival::Entered);
        assert!(gate.word().inside() <= 2);
        gate.leave(HERE);
        other.join().unwrap();
        assert!(gate.is_empty_for_all());
    });
}

/// Without the barrier in `Aside::leave`, or that in `Aside::end`, the one who leaves could count itself aside unseen, and see nothing of the one who waits for its place.
#[test]
fn a_joiner_races_one_who_leaves_aside() {
    model(|| {
        joins_while_all_leave(&aside(1), 1);
    });
}

/// Both who leave may be late, and one of them may count the other: in all they leave once each.
#[test]
fn a_joiner_races_two_who_leave_aside() {
    model(|| {
        joins_while_all_leave(&aside(2), 2);
    });
}

/// Two join at once, of whom one ends the counting aside; the other waits for that, or finds it ended.
#[test]
fn two_joiners_race_one_who_leaves_aside() {
    model(|| {
        let gate = aside(1);
        assert_eq!(gate.enter(), Arrival::Entered);
        let leaving = spawn(&gate, |gate| gate.leave(SHARED));
        let other = {
            let gate = Arc::clone(&gate);
            thread::spawn(move || gate.arrive(2))
        };
        let arrival = gate.arrive(2);
        leaving.join().unwrap();
        let arrivals = [arrival, other.join().unwrap()];
        let queued = arrivals.iter().filter(|arrival| **arrival == Arrival::Queued).count();
        let tickets = (0..2).filter(|_| gate.line().take_back()).count();
        assert_eq!((gate.word().inside(), gate.word().waiting()), (1, 1));
        assert_eq!(queued, 1 + tickets);
    });
}

/// As `a_taking_races_a_caller_of_the_key_before`, while one leaves aside: nobody is inside of what is the next key's.
#[test]
fn a_taking_races_one_who_leaves_aside() {
    model(|| {
        let gate = aside(1);
        let inside = Arc::new(UnsafeCell::new(0));
        assert_eq!(gate.enter(), Arrival::Entered);
        let leaving = {
            let inside = Arc::clone(&inside);
            spawn(&gate, move |gate| {
                be_alone(&inside);
                gate.leave(SHARED);
            })
        };
        if gate.is_empty_for_all() {
            be_alone(&inside);
        }
        leaving.join().unwrap();
        assert!(gate.is_empty_for_all());
    });
}
