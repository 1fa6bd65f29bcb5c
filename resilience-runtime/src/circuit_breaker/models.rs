//! Every interleaving and every stale read that the memory model allows, of the few steps that matter (loom). Run with
//! `RUSTFLAGS="--cfg resilience_loom" cargo test -p resilience-runtime --lib --release models`.
//!
//! Threads give their shard and their time; there are two shards and two buckets, and at most three threads. Each model says what
//! goes wrong without the thing that it protects.

use super::breaker::{CircuitBreaker, TELL_OUTCOMES};
use super::clock::Clock;
use super::judging::Admitted;
use super::known::known_in;
use super::permit::Permit;
use super::state::{Phase, Word};
use crate::event::{Act, Bus, Emitter, Ended, Event, EventFilter, Topic, Transition};
use crate::keyed::{ByKey, Slot};
use crate::name::PrintedKey;
use crate::outcome::Outcome;
use crate::state::State;
use crate::sync::model;
use crate::window::Shard;
use loom::{sync::Arc as Shared, thread};
use resilience_config::{CircuitBreakerConfig, Mode, Window};
use std::time::Duration;

/// A clock that stands still at so many milliseconds.
#[derive(Clone, Copy)]
struct At(u64);

impl Clock for At {
    fn coarse_millis(self) -> u64 {
        self.0
    }

    fn precise_nanos(self) -> u64 {
        self.0 * 1_000_000
    }
}

const START: u64 = 1_000_000;
/// The reader of the result: its shard is never written.
const FIRST: Shard = Shard(0);
/// The last shard is the one that threads share, so two threads may be on it.
const SECOND: Shard = Shard(1);

fn breaker(config: CircuitBreakerConfig) -> Shared<CircuitBreaker> {
    breaker_of(std::sync::Arc::default(), config)
}

/// One that tells that bus what happens to it.
fn breaker_of(bus: std::sync::Arc<Bus>, config: CircuitBreakerConfig) -> Shared<CircuitBreaker> {
    let settings = config.validated().resolve();
    Shared::new(CircuitBreaker::new_at("model".into(), settings, None, Emitter::new(bus), START))
}

fn pairs() -> CircuitBreakerConfig {
    CircuitBreakerConfig::new()
        .failure_rate(100.0)
        .minimum_calls(2)
        .window(Window::Time(Duration::from_secs(10)))
        .open_for(Duration::from_secs(1))
        .half_open_timeout(Duration::from_secs(60))
}

fn acquire(breaker: &CircuitBreaker, clock: At) -> Permit<'_> {
    breaker.admit(clock).expect("it is closed, or admits one more probe")
}

fn end(permit: Permit<'_>, shard: Shard, clock: At, outcome: Outcome) {
    permit.record_at(shard, clock, outcome);
}

fn cancel(permit: Permit<'_>, shard: Shard, clock: At) {
    permit.drop_at(shard, clock);
}

/// Lets a thread make a call that ends so.
fn call(breaker: &Shared<CircuitBreaker>, shard: Shard, now: u64, outcome: Outcome) -> thread::JoinHandle<()> {
    let breaker = Shared::clone(breaker);
    thread::spawn(move || end(acquire(&breaker, At(now)), shard, At(now), outcome))
}

/// Without the `SeqCst` fence in `Window::stand` both threads can miss the other's failure, and the breaker stays closed.
#[test]
fn two_failures_that_race_trip() {
    model(|| {
        let breaker = breaker(pairs());
        let other = call(&breaker, SECOND, START, Outcome::Failure);
        end(acquire_if_closed(&breaker), FIRST, At(START), Outcome::Failure);
        other.join().unwrap();
        assert_eq!(breaker.state(), State::Open);
    });
}

/// As a reset does, from what was seen before.
fn begin_anew(breaker: &CircuitBreaker, from: Word) -> bool {
    let mut turn = breaker.emitter.turn();
    let entered = breaker.enter(&mut turn, from, Word::initial(Mode::Enforce, from.entering(START)), START, None);
    breaker.end(turn);
    entered
}

/// The other thread may have tripped it already, by having seen both.
fn acquire_if_closed(breaker: &CircuitBreaker) -> Permit<'_> {
    let word = breaker.word.load();
    Permit::new(breaker, Admitted::Closed(word), 0)
}

/// Without the second fence, after the stamp, one of two racing failures of a count window can be missed by both.
#[test]
fn two_failures_that_race_trip_a_count_window() {
    model(|| {
        let breaker = breaker(pairs().window(Window::Count(2)));
        let other = call(&breaker, SECOND, START, Outcome::Failure);
        end(acquire_if_closed(&breaker), FIRST, At(START), Outcome::Failure);
        other.join().unwrap();
        assert_eq!(breaker.state(), State::Open);
    });
}

/// Every second call fails, so a window of two has one failure. Were the sums read before the stamps' head, or were stamps counted whose places have been
/// taken meanwhile, a thread that is held up in between would find failures of later calls in a window of earlier ones.
#[test]
fn a_count_window_is_looked_at_while_others_count() {
    model(|| {
        let breaker = breaker(pairs().window(Window::Count(2)));
        end(acquire_if_closed(&breaker), SECOND, At(START), Outcome::Failure);
        let generation = breaker.word.load().closed_generation();
        let other = {
            let breaker = Shared::clone(&breaker);
            thread::spawn(move || {
                for outcome in [Outcome::Success, Outcome::Failure, Outcome::Success, Outcome::Failure] {
                    end(acquire_if_closed(&breaker), SECOND, At(START), outcome);
                }
            })
        };
        let counts = breaker.window.counts(generation, START);
        assert!(counts.failures <= 1, "{counts:?}");
        other.join().unwrap();
        assert_eq!(breaker.state(), State::Closed);
    });
}

/// As two failures: each lengthens the row, whichever is first, and neither is lost or in the failure rate.
#[test]
fn two_calls_that_are_abandoned_at_once_trip() {
    model(|| {
        let breaker = breaker(CircuitBreakerConfig::new().window(Window::None).consecutive_failures(2));
        let other = {
            let breaker = Shared::clone(&breaker);
            thread::spawn(move || acquire_if_closed(&breaker).dropped_at(SECOND, At(START), true))
        };
        acquire_if_closed(&breaker).dropped_at(FIRST, At(START), true);
        other.join().unwrap();
        let totals = breaker.totals();
        assert_eq!((breaker.state(), totals.abandoned, totals.failures), (State::Open, 2, 0));
    });
}

/// As two failures of a count window, without being calls of it: each is stamped behind the other, or both look after both.
#[test]
fn two_calls_that_are_dropped_when_they_are_slow_trip_a_count_window() {
    model(|| {
        let config = pairs().window(Window::Count(2)).slow_call(Duration::from_millis(10)).no_consecutive_failures();
        let breaker = breaker(config);
        let began = START * 1_000_000;
        let give_up = move |breaker: &CircuitBreaker, shard| {
            let permit = Permit::new(breaker, Admitted::Closed(breaker.word.load()), began);
            permit.dropped_at(shard, At(START + 20), false);
        };
        let other = {
            let breaker = Shared::clone(&breaker);
            thread::spawn(move || give_up(&breaker, SECOND))
        };
        give_up(&breaker, FIRST);
        other.join().unwrap();
        assert_eq!((breaker.state(), breaker.totals().cancelled), (State::Open, 2));
    });
}

fn half_open(config: CircuitBreakerConfig) -> Shared<CircuitBreaker> {
    let breaker = breaker(config);
    for _ in 0..2 {
        end(acquire(&breaker, At(START)), FIRST, At(START), Outcome::Failure);
    }
    assert_eq!(breaker.state(), State::Open);
    breaker
}

const PROBING: u64 = START + 2000;

/// Were the probes' counts and the state two words, the success could close what the failure has just reopened. In one word,
/// exchanged as a whole (`AtomicWord::exchange` in `answer`), one of two ends: with one success wanted of two probes it closes,
/// whichever comes first.
#[test]
fn a_success_of_a_probe_races_a_failure_of_another() {
    model(|| {
        let breaker = half_open(pairs().half_open_calls(2).half_open_successes(1));
        let first = acquire(&breaker, At(PROBING));
        let other = call(&breaker, SECOND, PROBING, Outcome::Failure);
        end(first, FIRST, At(PROBING), Outcome::Success);
        // Having closed, the other is a call of the closed breaker or comes too late.
        other.join().unwrap();
        assert_eq!(breaker.state(), State::Closed);
        let totals = breaker.totals();
        assert_eq!((totals.successes, totals.failures + totals.stale), (1, 3));
    });
}

/// As a failure of one: the abandoned probe takes the place of an answer, so that the breaker neither waits for it nor closes without it.
#[test]
fn a_success_of_a_probe_races_one_that_is_abandoned() {
    model(|| {
        let breaker = half_open(pairs().half_open_calls(2));
        let (first, second) = (acquire(&breaker, At(PROBING)), acquire(&breaker, At(PROBING)));
        std::mem::forget(second);
        let generation = breaker.word.load().generation();
        let other = {
            let breaker = Shared::clone(&breaker);
            thread::spawn(move || {
                let probe = Permit::new(&breaker, Admitted::Probe(generation), PROBING * 1_000_000);
                probe.dropped_at(SECOND, At(PROBING + 1000), true);
            })
        };
        end(first, FIRST, At(PROBING + 1000), Outcome::Success);
        other.join().unwrap();
        assert_eq!(breaker.state(), State::Open);
        let totals = breaker.totals();
        // Reopened by the abandoned one, a success that comes after it comes too late.
        assert_eq!((totals.abandoned, totals.successes + totals.stale, totals.failures), (1, 1, 2));
    });
}

/// Without the generation in `answer`, the late drop would take a permit from the next half-open state, or leave one behind.
#[test]
fn a_dropped_probe_races_the_half_open_timeout() {
    model(|| {
        let breaker = half_open(pairs().half_open_calls(1));
        let deadline = PROBING + 60_000;
        let probe = acquire(&breaker, At(PROBING));
        let other = {
            let breaker = Shared::clone(&breaker);
            // After the deadline and the opening that follows it: it is the next probe, or one more of the first half-open state.
            let clock = At(deadline + 1000);
            thread::spawn(move || std::mem::forget(acquire(&breaker, clock)))
        };
        cancel(probe, FIRST, At(deadline - 1));
        other.join().unwrap();
        // The second one's probe has not ended, and has its permit.
        assert_eq!(breaker.word.load().probes().in_flight, 1);
        assert_eq!(breaker.totals().cancelled, 1);
    });
}

/// Without the comparison of generations in `record`, a failure admitted before the reset would count in the new window and, as the second one, trip it.
#[test]
fn a_reset_races_a_record() {
    model(|| {
        let breaker = breaker(pairs());
        let from = breaker.word.load();
        let permit = acquire(&breaker, At(START));
        let resetting = {
            let breaker = Shared::clone(&breaker);
            thread::spawn(move || {
                // As `reset` does, less its load: loom forgets the other thread's access for one's own load just before the exchange,
                // and would not try the reset first.
                assert!(begin_anew(&breaker, from));
                end(acquire(&breaker, At(START)), SECOND, At(START), Outcome::Failure);
            })
        };
        let too_late = breaker.word.load() != from;
        end(permit, FIRST, At(START), Outcome::Failure);
        resetting.join().unwrap();
        // Counted once: before the reset, as stale, or (held up between the comparison and the count) in the new window.
        let totals = breaker.totals();
        assert_eq!(totals.failures + totals.stale, 2);
        if too_late {
            assert_eq!((totals.stale, breaker.state()), (1, State::Closed));
        }
    });
}

/// The mark of the new bucket is taken before `current` is exchanged (`window::Window::begin`). Taken afterwards, it could contain the other
/// thread's failure, which had seen the new bucket already: the two failures would never be in one window, and the
/// breaker would stay closed.
#[test]
fn a_rollover_races_a_record() {
    model(|| {
        let breaker = breaker(pairs());
        // The first bucket has begun, with a success that leaves the window.
        end(acquire(&breaker, At(START)), FIRST, At(START), Outcome::Success);
        let later = START + 20_000;
        let other = call(&breaker, SECOND, later, Outcome::Failure);
        end(acquire_if_closed(&breaker), FIRST, At(later), Outcome::Failure);
        other.join().unwrap();
        assert_eq!(breaker.state(), State::Open);
        assert_eq!((breaker.totals().successes, breaker.totals().failures), (1, 2));
    });
}

/// Whoever begins a bucket looks once more how long buckets are (`window::Window::begin`). Otherwise one that was held up could write down the end of a bucket of
/// the window before, in which a count window's never ends: no other bucket would ever begin, and the breaker would stay closed for good.
#[test]
fn a_resize_races_a_rollover() {
    model(|| {
        let breaker = breaker(pairs().window(Window::Count(2)));
        let other = call(&breaker, SECOND, START, Outcome::Success);
        breaker.window.resize(crate::window::Span::Time { millis: 10_000 }, false, START);
        other.join().unwrap();
        let later = At(START + 20_000);
        for _ in 0..2 {
            end(acquire(&breaker, later), FIRST, later, Outcome::Failure);
        }
        assert_eq!(breaker.state(), State::Open);
    });
}

/// A new generation's streak begins at nothing, whoever is held up: the failures before a reset are in no streak after it.
#[test]
fn a_streak_that_was_reset_races_two_failures() {
    model(|| {
        let breaker = breaker(CircuitBreakerConfig::new().window(Window::None).consecutive_failures(3));
        for _ in 0..2 {
            end(acquire(&breaker, At(START)), FIRST, At(START), Outcome::Failure);
        }
        let word = breaker.word.load();
        assert!(begin_anew(&breaker, word));
        let other = call(&breaker, SECOND, START, Outcome::Failure);
        end(acquire(&breaker, At(START)), FIRST, At(START), Outcome::Failure);
        other.join().unwrap();
        assert_eq!(breaker.state(), State::Closed);
        // Nor does whoever begins it late take anything from it.
        end(acquire(&breaker, At(START)), FIRST, At(START), Outcome::Failure);
        assert_eq!(breaker.state(), State::Open);
    });
}

/// Whoever disarms the window looks once more (`Window::rearm`). Otherwise an outcome that was judged by the rules of before could disarm what a reconfiguration has just
/// armed, and the successes that follow would be judged by no rules.
#[test]
fn a_reconfiguration_races_an_outcome() {
    model(|| {
        let strict = |rate| CircuitBreakerConfig::new().window(Window::Count(4)).minimum_calls(2).failure_rate(rate);
        let breaker = breaker(strict(100.0));
        end(acquire(&breaker, At(START)), FIRST, At(START), Outcome::Success);
        let other = call(&breaker, SECOND, START, Outcome::Failure);
        breaker.reconfigure(strict(25.0)).unwrap();
        other.join().unwrap();
        if breaker.state() == State::Closed {
            end(acquire(&breaker, At(START)), FIRST, At(START), Outcome::Success);
        }
        assert_eq!(breaker.state(), State::Open);
    });
}

/// Whoever disarms counts once more. Otherwise a success that saw no failure could disarm what a failure has just armed, and the success that
/// completes the minimum would not be judged.
#[test]
fn a_success_races_a_failure_that_waits_for_the_minimum() {
    model(|| {
        let config = CircuitBreakerConfig::new().window(Window::Count(4)).minimum_calls(4).failure_rate(25.0);
        let breaker = breaker(config);
        breaker.window.arm();
        let other = call(&breaker, SECOND, START, Outcome::Failure);
        end(acquire(&breaker, At(START)), FIRST, At(START), Outcome::Success);
        other.join().unwrap();
        for state in [State::Closed, State::Open] {
            end(acquire(&breaker, At(START)), FIRST, At(START), Outcome::Success);
            assert_eq!(breaker.state(), state);
        }
    });
}

/// `monitor` changes no generation. Without the second look in `trip`, the failure that trips would be lost to it, and the breaker would stay closed.
#[test]
fn a_trip_races_a_monitor() {
    model(|| {
        let breaker = breaker(CircuitBreakerConfig::new().window(Window::None).consecutive_failures(1));
        let other = call(&breaker, SECOND, START, Outcome::Failure);
        breaker.monitor();
        other.join().unwrap();
        let word = breaker.word.load();
        assert_eq!((word.phase(), word.monitored()), (Phase::Open, true));
    });
}

/// A breaker that opens at the first failure, of a key that comes with it.
fn held_by_a_key() -> (Shared<Slot<CircuitBreaker>>, PrintedKey) {
    let config = CircuitBreakerConfig::new().window(Window::None).consecutive_failures(1);
    let settings = config.validated().resolve();
    let emitter = Emitter::new(std::sync::Arc::default());
    let breaker = CircuitBreaker::new_at("model".into(), settings, None, emitter, START);
    let (slot, key) = (Slot::new(std::sync::Arc::new(breaker)), PrintedKey::print("before"));
    slot.give(key.found().unwrap(), "before".into());
    (Shared::new(slot), key)
}

/// Without the look at the epoch in `Slot::ask`, or with the epoch raised after the breaker has begun anew, a call of the key before could be
/// admitted to what is the next key's, and trip it.
#[test]
fn a_taking_races_a_call_of_the_key_before() {
    model(|| {
        let (slot, key) = held_by_a_key();
        let other = {
            let slot = Shared::clone(&slot);
            thread::spawn(move || {
                let Some(epoch) = slot.held_by(key.found().unwrap()) else { return };
                let admit = |breaker| CircuitBreaker::admit(breaker, At(START));
                if let Some(Ok(permit)) = slot.ask(epoch, admit, CircuitBreaker::take_back) {
                    end(permit, SECOND, At(START), Outcome::Failure);
                }
            })
        };
        let taken = slot.take(|breaker| breaker.begin_anew(START));
        other.join().unwrap();
        // Open, it was not closed when it was to be taken.
        assert_eq!(slot.instance.state() == State::Closed, taken);
    });
}

/// Were a call known only after it is admitted, or were whoever takes the breaker to look at the number of those that are known and not to exchange it, the breaker could be given to another key
/// between the two: the failure would be stale.
#[test]
fn a_taking_races_a_call_that_is_known_from_its_beginning() {
    model(|| {
        let (slot, key) = held_by_a_key();
        let other = {
            let slot = Shared::clone(&slot);
            thread::spawn(move || {
                let Some(epoch) = slot.held_by(key.found().unwrap()) else { return false };
                let admit = |breaker| CircuitBreaker::admit_known(breaker, At(START));
                match slot.ask(epoch, admit, CircuitBreaker::take_back) {
                    Some(Ok(permit)) => end(permit, SECOND, At(START), Outcome::Failure),
                    Some(Err(_)) => unreachable!("it is closed"),
                    None => return false,
                }
                true
            })
        };
        let taken = slot.take(|breaker| breaker.begin_anew(START));
        let is_told = other.join().unwrap();
        assert!(!(taken && is_told));
        assert_eq!(slot.instance.state() == State::Open, is_told);
        assert_eq!((slot.instance.totals().stale, slot.instance.in_flight.is_any()), (0, false));
    });
}

/// As the one before, of a call that is known from when it first waits: without the look at the epoch after that, it could be known to a breaker that it has lost.
#[test]
fn a_taking_races_a_call_that_begins_to_wait() {
    model(|| {
        let (slot, key) = held_by_a_key();
        let epoch = slot.held_by(key.found().unwrap()).unwrap();
        let word = slot.instance.word.load();
        let other = {
            let slot = Shared::clone(&slot);
            thread::spawn(move || {
                let known = known_in(&slot.in_epoch(epoch), word, 0);
                let is_told = known.is_some();
                known.into_iter().for_each(|permit| end(permit, SECOND, At(START), Outcome::Failure));
                is_told
            })
        };
        let taken = slot.take(|breaker| breaker.begin_anew(START));
        let is_told = other.join().unwrap();
        assert!(!(taken && is_told));
        assert_eq!(slot.instance.state() == State::Open, is_told);
        assert_eq!((slot.instance.totals().stale, slot.instance.in_flight.is_any()), (0, false));
    });
}

fn sequence(event: &Event) -> Option<u64> {
    event.order().map(|order| order.sequence)
}

/// Were the turn over before the events have their places, or taken after the word is exchanged, the second change could be told before the first: the last transition
/// told would not be the state, or two would lead away from one state. Both acts are told once each, with the number of the transition that follows.
#[test]
fn two_acts_at_once_are_told_in_the_order_in_which_they_happened() {
    model(|| {
        let bus = std::sync::Arc::new(Bus::default());
        let [changes, acts] = [Topic::Transition, Topic::Steered].map(|topic| bus.subscribe(EventFilter::of([topic])));
        let breaker = breaker_of(bus, pairs());
        let other = {
            let breaker = Shared::clone(&breaker);
            thread::spawn(move || breaker.force_open())
        };
        breaker.disable();
        other.join().unwrap();

        let [changes, acts] =
            [changes, acts].map(|mut told| std::iter::from_fn(|| told.try_recv()).collect::<Vec<_>>());
        let steps: Vec<_> = changes
            .iter()
            .map(|event| match event {
                Event::Transition(Transition { from, to, .. }) => (*from, *to),
                other => unreachable!("{other:?} is not asked for"),
            })
            .collect();
        let first = if breaker.state() == State::Disabled { State::ForcedOpen } else { State::Disabled };
        assert_eq!(steps, [(State::Closed, first), (first, breaker.state())]);
        let done: Vec<_> = acts
            .iter()
            .map(|event| match event {
                Event::Steered { act, .. } => *act,
                other => unreachable!("{other:?} is not asked for"),
            })
            .collect();
        let in_order =
            if first == State::Disabled { [Act::Disable, Act::ForceOpen] } else { [Act::ForceOpen, Act::Disable] };
        assert_eq!(done, in_order);
        let [changes, acts] = [changes, acts].map(|told| told.iter().filter_map(sequence).collect::<Vec<_>>());
        assert!(changes.is_sorted() && changes == acts, "{changes:?} {acts:?}");
    });
}

/// Was a turn's number raised after the change, whoever sees the change could tell what it decides with a number from before.
#[test]
fn what_follows_from_a_change_has_a_number_above_it() {
    model(|| {
        let bus = std::sync::Arc::new(Bus::default());
        let mut changes = bus.subscribe(EventFilter::of([Topic::Transition]));
        let breaker = breaker_of(bus, pairs());
        let other = {
            let breaker = Shared::clone(&breaker);
            // As `force_open` does, less its load, for the reason that `a_reset_races_a_record` gives.
            let from = breaker.word.load();
            thread::spawn(move || {
                let mut turn = breaker.emitter.turn();
                assert!(breaker.enter(&mut turn, from, Word::forced(START), START, None));
                breaker.end(turn);
            })
        };
        let decided = (breaker.word.load().phase() == Phase::Forced).then(|| breaker.emitter.order(0).sequence);
        other.join().unwrap();
        let change = changes.try_recv().as_ref().and_then(sequence).unwrap();
        assert!(decided.is_none_or(|decided| decided > change), "{decided:?} after {change}");
    });
}

/// Was nobody looked for once more after the switch is taken back, a reader who came in between would have set it in vain, and would hear of no outcome.
#[test]
fn a_reader_who_comes_while_nobody_reads_outcomes_any_more_hears_them() {
    model(|| {
        let bus = std::sync::Arc::new(Bus::default());
        let reader = bus.subscribe(EventFilter::of([Topic::Outcome]));
        let breaker = breaker_of(std::sync::Arc::clone(&bus), pairs());
        drop(reader);
        let comes = {
            let breaker = Shared::clone(&breaker);
            thread::spawn(move || {
                let reader = bus.subscribe(EventFilter::of([Topic::Outcome]));
                breaker.tell_outcomes();
                reader
            })
        };
        breaker.tell_judged(Ended::Succeeded.into());
        let mut reader = comes.join().unwrap();
        assert_ne!(breaker.judge_all.get() & TELL_OUTCOMES, 0);
        while reader.try_recv().is_some() {}
        breaker.tell_judged(Ended::Succeeded.into());
        assert!(reader.try_recv().is_some());
    });
}
