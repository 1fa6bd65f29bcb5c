//! The history equals a plain list of what happened, whatever the clock does, and keeps within its bound.

use proptest::prelude::*;
use resilience_runtime::testing::Scope;
use resilience_runtime::{
    Bulkhead, BulkheadSnapshot, CircuitBreaker, CircuitBreakerSnapshot, Kind, Name, Rate, RateLimiter,
    RegistrySnapshot, Retry, State, Timeout,
};
use std::cmp::Ordering;
use std::time::Duration;

mod counting;
#[path = "../src/history.rs"]
#[allow(dead_code, reason = "the tests ask for less than the routes do")]
mod history;

use counting::held;
use history::{Past, Rings, Row, Step};

fn breaker() -> CircuitBreakerSnapshot {
    let scope = Scope::new();
    let _entered = scope.enter();
    CircuitBreaker::builder("one").build().unwrap().snapshot()
}

fn named(name: &str) -> CircuitBreakerSnapshot {
    let mut breaker = breaker();
    breaker.name = Name::from(name.to_owned());
    breaker
}

fn bulkhead() -> BulkheadSnapshot {
    let scope = Scope::new();
    let _entered = scope.enter();
    Bulkhead::builder("one").max_concurrent(3).build().unwrap().snapshot()
}

fn of_breakers(breakers: Vec<CircuitBreakerSnapshot>) -> RegistrySnapshot {
    let mut snapshot = RegistrySnapshot::default();
    snapshot.circuit_breakers = breakers;
    snapshot
}

/// What happened until one reading.
#[derive(Clone, Debug)]
struct Second {
    /// Milliseconds since the reading before.
    later: u64,
    successes: u64,
    failures: u64,
    rejected: u64,
    state: State,
    enforced: u8,
}

fn seconds() -> impl Strategy<Value = Vec<Second>> {
    let later = prop_oneof![
        20 => 900..1100_u64,
        1 => 0..900_u64,
        1 => 1100..4000_u64,
        1 => 1999..2002_u64,
        1 => 4000..70_000_u64,
        1 => Just(800_000_u64),
    ];
    let count = prop_oneof![3 => Just(0), 1 => 1..100_u64];
    let state = prop_oneof![20 => Just(State::Closed), 1 => Just(State::Open), 1 => Just(State::HalfOpen), 1 => Just(State::Disabled)];
    let enforced = prop_oneof![10 => Just(100), 1 => Just(30)];
    let second = (later, count.clone(), count.clone(), count, state, enforced);
    let second = second.prop_map(|(later, successes, failures, rejected, state, enforced)| Second {
        later,
        successes,
        failures,
        rejected,
        state,
        enforced,
    });
    // Long runs of the same, as there are of idle policies.
    let run = (second, 1..90_usize).prop_map(|(second, times)| {
        let mut run = vec![second; times];
        run[1..].iter_mut().for_each(|second| second.later = 1000);
        run
    });
    prop::collection::vec(run, 1..60).prop_map(|runs| runs.concat())
}

/// What a row says, for comparison.
type Said = ([u32; 3], State, u8);

fn said(row: &Row) -> Said {
    ([row.count(0), row.count(1), row.count(2)], row.state(), row.enforced_percent())
}

fn badness(state: State) -> usize {
    [State::Closed, State::Disabled, State::HalfOpen, State::Open].iter().position(|known| *known == state).unwrap()
}

/// The rows of a step, from a plain list of what happened: every one that has a reading which says what happened in it.
fn expected(begin: u64, seconds: &[Second], step: Step) -> Vec<(u64, Said)> {
    let mut rows: Vec<(u64, Said)> = Vec::new();
    let (mut at, mut earlier) = (begin, None);
    for second in seconds {
        at += second.later;
        let number_of = |at: u64| (at + 500) / 1000 / step.seconds();
        let is_of_one_row = earlier.is_some_and(|earlier| number_of(earlier) == number_of(at));
        let is_on_time = earlier.is_some() && second.later <= 2000;
        earlier = Some(at);
        if !is_of_one_row && !is_on_time {
            continue;
        }
        let calls = second.successes + second.failures + second.rejected;
        let counts = [calls as u32, second.failures as u32, second.rejected as u32];
        match rows.last_mut() {
            Some((number, (sums, state, enforced))) if *number == number_of(at) => {
                sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
                *state = if badness(*state) > badness(second.state) { *state } else { second.state };
                *enforced = second.enforced.min(*enforced);
            }
            _ => rows.push((number_of(at), (counts, second.state, second.enforced))),
        }
    }
    let last = rows.last().map_or(0, |(number, _)| *number);
    rows.retain(|(number, _)| number + step.rows() as u64 > last);
    // What goes on is not told yet.
    rows.retain(|(number, _)| (number + 1) * step.seconds() - 1 <= (at + 500) / 1000);
    rows
}

fn kept(past: &Past, step: Step) -> Vec<(u64, Said)> {
    let numbers = (past.first / step.seconds())..;
    numbers.zip(&past.rows).filter_map(|(number, row)| Some((number, said(row.as_ref()?)))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rows_keep_sums_and_the_worst_and_a_gap_is_a_gap(seconds in seconds(), begin in 3_600_000..5_000_000_u64) {
        let mut rings = Rings::new(16 << 20);
        let (mut at, mut breaker) = (begin, breaker());
        breaker.history = None;
        for second in &seconds {
            at += second.later;
            breaker.totals.successes += second.successes;
            breaker.totals.failures += second.failures;
            breaker.totals.rejected += second.rejected;
            (breaker.state, breaker.enforced_percent) = (second.state, second.enforced);
            rings.record(&of_breakers(vec![breaker.clone()]), |_| 0, at);
        }
        for step in Step::ALL {
            let past = rings.past(Kind::CircuitBreaker, "one", step, 0).unwrap();
            prop_assert_eq!(kept(&past, step), expected(begin, &seconds, step), "{:?}", step);
            // From the middle on.
            let since = past.first + past.rows.len() as u64 * step.seconds() / 2;
            let later = rings.past(Kind::CircuitBreaker, "one", step, since).unwrap();
            let mut both = kept(&past, step);
            both.retain(|(number, _)| (number + 1) * step.seconds() > since);
            prop_assert_eq!(kept(&later, step), both);
        }
    }
}

#[test]
fn a_state_between_two_readings_is_not_lost() {
    let mut rings = Rings::new(1 << 20);
    let mut breaker = breaker();
    breaker.history = Some(Default::default());
    let mut record = |second: u64, breaker: &CircuitBreakerSnapshot| {
        rings.record(&of_breakers(vec![breaker.clone()]), |_| 0, second * 1000);
        let past = rings.past(Kind::CircuitBreaker, "one", Step::Second, second).unwrap();
        past.rows.first().map(|row| row.unwrap().state())
    };
    record(1000, &breaker);
    assert_eq!(record(1001, &breaker), Some(State::Closed));
    // It opens and closes in one second.
    let history = breaker.history.as_mut().unwrap();
    (history.entered.open, history.entered.half_open, history.entered.closed) = (1, 1, 1);
    assert_eq!(record(1002, &breaker), Some(State::Open));
    assert_eq!(record(1003, &breaker), Some(State::Closed));
}

/// Every number is another power of two, so that a sum says what is in it.
#[test]
fn each_column_is_what_it_is_called() {
    let scope = Scope::new();
    {
        let _entered = scope.enter();
        CircuitBreaker::builder("one").register().unwrap();
        Retry::builder("one").register().unwrap();
        Timeout::builder("one").after(Duration::from_secs(1)).register().unwrap();
        Bulkhead::builder("one").register().unwrap();
        RateLimiter::builder("one").rate(Rate::per_second(1)).register().unwrap();
    }
    let mut snapshot = scope.registry().snapshot();
    let mut rings = Rings::new(1 << 20);
    rings.record(&snapshot, |_| 0, 1_000_000);
    let totals = &mut snapshot.circuit_breakers[0].totals;
    (totals.successes, totals.failures, totals.ignored, totals.cancelled) = (1, 2, 4, 8);
    (totals.abandoned, totals.stale, totals.rejected) = (16, 32, 64);
    (totals.slow, totals.would_reject) = (128, 256);
    let retry = &mut snapshot.retries[0];
    (retry.retries, retry.recovered) = (1, 2);
    let gave_up = &mut retry.gave_up;
    (gave_up.attempts, gave_up.not_retryable, gave_up.elapsed, gave_up.asked_too_much) = (4, 8, 16, 32);
    (gave_up.budget, gave_up.circuit_open, gave_up.turned_off) = (64, 128, 256);
    snapshot.timeouts[0].timed_out = 1;
    let bulkhead = &mut snapshot.bulkheads[0];
    (bulkhead.admitted, bulkhead.rejected, bulkhead.timed_out) = (1, 2, 4);
    (bulkhead.inside, bulkhead.waiting) = (8, 16);
    let limiter = &mut snapshot.rate_limiters[0];
    (limiter.allowed, limiter.waited, limiter.rejected, limiter.waiting) = (1, 2, 4, 8);
    rings.record(&snapshot, |_| 512, 1_001_000);
    for (kind, expected) in [
        (
            Kind::CircuitBreaker,
            &[("calls", 127), ("failures", 2), ("rejected", 64), ("fallbacks", 512), ("slow", 128)][..],
        ),
        (Kind::Retry, &[("retries", 1), ("recovered", 2), ("gave_up", 508), ("over_budget", 64)]),
        (Kind::Timeout, &[("timed_out", 1)]),
        (Kind::Bulkhead, &[("admitted", 1), ("rejected", 2), ("timed_out", 4), ("inside", 8), ("waiting", 16)]),
        (Kind::RateLimit, &[("allowed", 1), ("waited", 2), ("rejected", 4), ("waiting", 8)]),
    ] {
        let past = rings.past(kind, "one", Step::Second, 1001).unwrap();
        let row = past.rows[0].unwrap();
        let columns: Vec<_> = history::columns(kind).iter().map(|(name, _)| (*name, row.number(kind, name))).collect();
        assert_eq!(columns, expected, "{kind}");
    }
}

#[test]
fn the_busiest_window_is_that_of_the_last_hour() {
    let mut rings = Rings::new(1 << 20);
    let mut breaker = breaker();
    let mut busiest = |second: u64, calls| {
        breaker.window.calls = calls;
        rings.record(&of_breakers(vec![breaker.clone()]), |_| 0, second * 1000);
        rings.busiest_window("one")
    };
    assert_eq!(busiest(36_000, 7), Some(7));
    assert_eq!(busiest(36_010, 3), Some(7));
    // It is kept by ten minutes, so for an hour at least and ten minutes more at most.
    assert_eq!(busiest(39_600, 4), Some(7));
    assert_eq!(busiest(40_200, 2), Some(4));
    // Nobody looked for long.
    assert_eq!(busiest(90_000, 1), Some(1));
}

#[test]
fn what_is_there_at_a_moment_is_not_summed() {
    let mut rings = Rings::new(1 << 20);
    let mut bulkhead = bulkhead();
    for second in 600..=620 {
        bulkhead.admitted += 2;
        (bulkhead.inside, bulkhead.waiting) = (3, second % 7);
        let mut snapshot = RegistrySnapshot::default();
        snapshot.bulkheads = vec![bulkhead.clone()];
        rings.record(&snapshot, |_| 0, second * 1000 + 40);
    }
    let past = rings.past(Kind::Bulkhead, "one", Step::TenSeconds, 0).unwrap();
    assert_eq!(past.first, 609);
    let row = past.rows[1].unwrap();
    assert_eq!([0, 1, 2, 3, 4].map(|column| row.count(column)), [20, 0, 0, 3, 6]);
}

#[test]
fn a_policy_that_comes_later_has_what_it_did_since_and_others_keep_their_rows() {
    let mut rings = Rings::new(1 << 20);
    let mut breakers = vec![breaker()];
    for second in 1000..1010 {
        if second == 1005 {
            // Before and after the other one, by name.
            for name in ["about", "two"] {
                let mut later = breaker();
                (later.name, later.totals.successes) = (Name::from(name), 4);
                breakers.push(later);
            }
            breakers.sort_by(|one, another| one.name.as_str().cmp(&another.name));
        }
        breakers.iter_mut().for_each(|breaker| breaker.totals.successes += 1);
        rings.record(&of_breakers(breakers.clone()), |_| 0, second * 1000);
    }
    let calls = |name: &str| {
        let past = rings.past(Kind::CircuitBreaker, name, Step::Second, 0).unwrap();
        let calls: Vec<u32> = past.rows.iter().map(|row| row.unwrap().count(0)).collect();
        (past.first, calls)
    };
    assert_eq!(calls("one"), (1001, vec![1; 9]));
    assert_eq!(calls("two"), (1005, vec![5, 1, 1, 1, 1]));
    assert_eq!(calls("about"), calls("two"));
    assert!(rings.past(Kind::CircuitBreaker, "three", Step::Second, 0).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_coarse_row_has_the_largest_percentiles_of_the_fine_ones() {
    let scope = Scope::new();
    let breaker = {
        let _entered = scope.enter();
        CircuitBreaker::builder("one").latency(true).register().unwrap()
    };
    let mut rings = Rings::new(1 << 20);
    for second in 600..=620 {
        // The slowest are those of one second in the middle.
        let took = Duration::from_millis(if second == 605 { 700 } else { 20 });
        let call = async || {
            tokio::time::sleep(took).await;
            Ok::<_, std::io::Error>(())
        };
        for _ in 0..if second == 608 { 0 } else { 3 } {
            breaker.call(call()).await.unwrap();
        }
        rings.record(&scope.registry().read(), |_| 0, second * 1000);
    }
    let percentiles = |step, nth: usize| {
        let past = rings.past(Kind::CircuitBreaker, "one", step, 0).unwrap();
        past.rows[nth].unwrap().percentiles().map(|percentile| percentile.map(|took| (took * 1000.0).round()))
    };
    // The middle of the bucket up to 20 ms, and up to 750.
    assert_eq!(percentiles(Step::Second, 1), [Some(18.0), Some(18.0)]);
    assert_eq!(percentiles(Step::Second, 4), [Some(675.0), Some(675.0)]);
    assert_eq!(percentiles(Step::Second, 7), [None, None], "nothing was called");
    assert_eq!(percentiles(Step::TenSeconds, 0), [Some(675.0), Some(675.0)]);
    assert_eq!(percentiles(Step::TenSeconds, 1), [Some(18.0), Some(18.0)]);
}

#[test]
fn a_policy_that_is_taken_out_is_forgotten_and_one_of_its_name_begins_anew() {
    let mut rings = Rings::new(1 << 20);
    let empty = rings.bytes();
    let that_did = |name: &str, successes| {
        let mut breaker = named(name);
        breaker.totals.successes = successes;
        breaker
    };
    let mut record = |second: u64, breakers: &[CircuitBreakerSnapshot]| {
        rings.record(&of_breakers(breakers.to_vec()), |_| 0, second * 1000);
        ["one", "two", "three"].map(|name| {
            let past = rings.past(Kind::CircuitBreaker, name, Step::Second, 0)?;
            Some(past.rows.iter().map(|row| row.unwrap().count(0)).collect::<Vec<_>>())
        })
    };
    record(1000, &[that_did("one", 3), that_did("three", 3), that_did("two", 3)]);
    assert_eq!(record(1001, &[that_did("one", 4), that_did("three", 4), that_did("two", 9)])[1], Some(vec![6]));
    assert_eq!(record(1002, &[that_did("one", 4), that_did("two", 9)]), [Some(vec![1, 0]), Some(vec![6, 0]), None]);
    // It came back before anybody had seen that it was gone, and has counted from zero.
    assert_eq!(record(1003, &[that_did("one", 2), that_did("two", 9)])[0], Some(vec![1, 0, 2]));
    assert_eq!(record(1004, &[]), [None, None, None]);
    assert_eq!(record(1005, &[that_did("three", 2)]), [None, None, Some(vec![2])]);
    record(1006, &[]);
    // What is left is the list, for those who come.
    assert!(rings.bytes() - empty < 4096, "{} {empty}", rings.bytes());
}

/// What is looked at in one turn: by breaker, whether it is there, how often it was called since, and whether its calls are measured.
type Turns = Vec<(u64, [(bool, u64, bool); 6])>;

fn turns() -> impl Strategy<Value = Turns> {
    let later = prop_oneof![9 => Just(1000_u64), 1 => 0..70_000_u64];
    let of_one = (prop::bool::weighted(0.9), prop_oneof![2 => Just(0), 1 => 1..9_u64], any::<bool>());
    let turn = (later, prop::array::uniform6(of_one));
    // Long runs of the same, in which blocks become full and quiet.
    let run = (turn, 1..130_usize).prop_map(|(turn, times)| vec![turn; times]);
    prop::collection::vec(run, 1..10).prop_map(|runs| runs.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// To the byte, at every turn, with room for all of it or for next to nothing; and what is still there is what there would be without a bound.
    #[test]
    fn it_takes_what_it_says_that_it_takes_and_no_more_than_it_may(turns in turns(), room in 0..160_usize) {
        let (plain, measured) = (breaker(), CircuitBreaker::builder("one").latency(true).build().unwrap().snapshot());
        let names = ["a", "b", "c", "d", "e", "f"].map(Name::from);
        let bound = Rings::new(0).bytes() + (room << 10);
        let (mut rings, mut unbounded) = (Rings::new(bound), Rings::new(64 << 20));
        let (mut at, mut calls, mut allocated, mut was_refused) = (3_600_000, [0; 6], 0, false);
        for (later, breakers) in &turns {
            at += later;
            let mut reading = RegistrySnapshot::default();
            for (nth, (_, more, is_measured)) in breakers.iter().enumerate().filter(|(_, (is_there, ..))| *is_there) {
                calls[nth] += more;
                let mut breaker = if *is_measured { measured.clone() } else { plain.clone() };
                (breaker.name, breaker.totals.successes) = (names[nth].clone(), calls[nth]);
                reading.circuit_breakers.push(breaker);
            }
            let before = held();
            rings.record(&reading, |_| 0, at);
            allocated += held() - before;
            unbounded.record(&reading, |_| 0, at);
            was_refused |= rings.refused() > 0;
            let of_itself = size_of::<Rings>() + Step::ALL.map(|step| step.rows() * size_of::<u64>()).iter().sum::<usize>();
            prop_assert_eq!(allocated, rings.bytes() as isize - of_itself as isize);
            prop_assert!(rings.bytes() <= bound, "{} {}", rings.bytes(), bound);
            prop_assert_eq!(rings.bound(), bound);
        }
        for (name, step) in names.iter().flat_map(|name| Step::ALL.map(|step| (name, step))) {
            let of = |rings: &Rings| rings.past(Kind::CircuitBreaker, name, step, 0).map(|past| (past.first, kept(&past, step)));
            let is_lost = rings.lost_of(Kind::CircuitBreaker, name).contains(&step);
            let there = of(&rings);
            prop_assert!(there.is_none() || !is_lost);
            // One that came when there was no room has a history of its own.
            if there.is_some() && !was_refused {
                prop_assert_eq!(there, of(&unbounded), "{} {:?}", name, step);
            }
        }
        prop_assert!(unbounded.lost().is_empty() && unbounded.refused() == 0);
    }
}

/// Two breakers, of which the first has less to do, after a second in which both were called.
fn two_called(bound: usize, took: bool) -> Rings {
    let mut breakers = ["a", "b"].map(named).to_vec();
    if took {
        let measured = CircuitBreaker::builder("one").latency(true).build().unwrap().snapshot();
        breakers.iter_mut().for_each(|breaker| breaker.latency = measured.latency.clone());
    }
    let mut rings = Rings::new(bound);
    rings.record(&of_breakers(breakers.clone()), |_| 0, 60_000_000);
    (breakers[0].totals.successes, breakers[1].totals.successes) = (1, 2);
    rings.record(&of_breakers(breakers), |_| 0, 60_001_000);
    rings
}

#[test]
fn room_is_used_to_the_last_byte_and_no_more_is_taken_than_is_needed() {
    let lost = |rings: &Rings| -> Vec<_> {
        rings.lost().into_iter().map(|lost| (lost.name.to_string(), lost.steps)).collect()
    };
    let full = two_called(1 << 20, false).bytes();
    assert_eq!((two_called(full, false).bytes(), lost(&two_called(full, false))), (full, vec![]));
    // A byte less, and the longest ring of the first one goes.
    let less = two_called(full - 1, false);
    let minutes = ("a".to_owned(), vec![Step::Minute]);
    assert!(lost(&less).iter().eq([&minutes]));
    // Where that is all that has to go, nothing else does.
    let (exact, fewer) = (two_called(less.bytes(), false), two_called(less.bytes() - 1, false));
    assert_eq!((exact.bytes(), lost(&exact)), (less.bytes(), vec![minutes]));
    assert_eq!(exact.lost_of(Kind::CircuitBreaker, "a"), [Step::Minute]);
    // And of the next longest ones that of the same.
    assert_eq!(lost(&fewer), [("a".to_owned(), vec![Step::TenSeconds, Step::Minute])]);
}

#[test]
fn without_room_for_a_ring_or_for_times_there_is_none() {
    let nothing = Rings::new(0).bytes();
    let mut quiet = Rings::new(1 << 20);
    quiet.record(&of_breakers(["a", "b"].map(named).to_vec()), |_| 0, 60_000_000);
    let names = quiet.bytes();
    assert!(names > nothing);
    for took in [false, true] {
        let rings = two_called(names, took);
        assert_eq!(rings.bytes(), names, "there is room for the names alone");
        let steps: Vec<_> = rings.lost().into_iter().map(|lost| lost.steps).collect();
        assert_eq!(steps, [Step::ALL, Step::ALL]);
    }
}

/// What it did long ago counts for less: half of it after three hours.
#[test]
fn who_was_busy_long_ago_loses_before_who_is_busy_now() {
    // Ten that were busy before and ten that are now: which of them have lost more when there is no room for the first time.
    let lose = |hours: u64, old: u64, new: u64| {
        let mut breakers: Vec<_> = (0..20).map(|nth| named(&format!("{nth:02}"))).collect();
        let mut rings = Rings::new(256 << 10);
        let mut record = |second: u64, breakers: &[CircuitBreakerSnapshot]| {
            rings.record(&of_breakers(breakers.to_vec()), |_| 0, (60_000 + second) * 1000);
            let (of_old, of_new): (Vec<_>, Vec<_>) = rings.lost().into_iter().partition(|lost| *lost.name < *"10");
            (of_old.len(), of_new.len())
        };
        record(0, &breakers);
        breakers[..10].iter_mut().for_each(|breaker| breaker.totals.successes += old);
        record(1, &breakers);
        for minute in 1..=hours * 60 {
            assert_eq!(record(1 + minute * 60, &breakers), (0, 0));
        }
        breakers[10..].iter_mut().for_each(|breaker| breaker.totals.successes += new);
        let lost = (2..1000).find_map(|second| {
            breakers.iter_mut().for_each(|breaker| breaker.totals.successes += 1);
            Some(record(hours * 3600 + second, &breakers)).filter(|lost| *lost != (0, 0))
        });
        let (of_old, of_new) = lost.unwrap();
        of_old.cmp(&of_new)
    };
    assert_eq!(lose(0, 1000, 600), Ordering::Less);
    assert_eq!(lose(3, 1000, 600), Ordering::Greater);
    assert_eq!(lose(3, 1000, 400), Ordering::Less);
}

#[test]
fn who_has_done_nothing_yet_has_nothing_to_lose() {
    let mut breakers: Vec<_> = (0..20).map(|nth| named(&format!("{nth:02}"))).collect();
    let mut rings = Rings::new(256 << 10);
    let lost = (0..1000).find_map(|second| {
        rings.record(&of_breakers(breakers.clone()), |_| 0, (60_000 + second) * 1000);
        breakers[1..].iter_mut().for_each(|breaker| breaker.totals.successes += 1);
        Some(rings.lost()).filter(|lost| !lost.is_empty())
    });
    let lost: Vec<_> = lost.unwrap().into_iter().map(|lost| lost.name.to_string()).collect();
    assert!(!lost.contains(&"00".to_owned()), "{lost:?}");
}

#[test]
fn one_that_comes_when_many_have_gone_has_a_history() {
    let mut rings = Rings::new(1 << 20);
    rings.record(&of_breakers(["b", "c", "d"].map(named).to_vec()), |_| 0, 1_000_000);
    rings.record(&of_breakers(vec![named("a")]), |_| 0, 1_001_000);
    let is_there = |name: &str| rings.past(Kind::CircuitBreaker, name, Step::Second, 0).is_some();
    assert_eq!(["a", "b", "c", "d"].map(is_there), [true, false, false, false]);
}

/// The rings of 5,000 breakers that are called so often a second, and the bytes that were allocated for them.
fn measured(bound: usize, seconds: u64, calls: impl Fn(usize) -> u64) -> (Rings, usize) {
    let breaker = breaker();
    let named = |nth: usize| {
        let mut breaker = breaker.clone();
        (breaker.name, breaker.settings) = (Name::from(format!("breaker {nth:05}")), Vec::new());
        breaker
    };
    let mut reading = of_breakers((0..5000).map(named).collect());
    let before = held();
    let since = || usize::try_from(held() - before).unwrap();
    let mut rings = Rings::new(bound);
    for second in 0..seconds {
        for (nth, breaker) in reading.circuit_breakers.iter_mut().enumerate() {
            breaker.totals.successes += calls(nth);
        }
        rings.record(&reading, |_| 0, (10_000 + second) * 1000);
        let allocated = since();
        assert!(allocated <= bound, "{allocated} bytes in second {second}");
    }
    let allocated = since();
    (rings, allocated)
}

#[test]
fn memory_is_bounded_with_5000_policies_and_the_quietest_lose_first() {
    // Nothing happens: next to nothing is kept.
    let (rings, allocated) = measured(16 << 20, 100, |_| 0);
    assert!(allocated < 2 << 20, "{allocated}");
    assert!(rings.lost().is_empty());

    let (rings, allocated) = measured(16 << 20, 100, |nth| nth as u64);
    println!("5000 busy policies: {allocated} bytes, by its own account {}", rings.bytes());
    assert!(allocated > 12 << 20, "it uses what it may: {allocated}");
    assert!(rings.bytes().abs_diff(allocated) < 64 << 10, "{} {allocated}", rings.bytes());
    let lost = rings.lost();
    // Of those that were ever called, the busiest keep what the quietest have lost.
    let has = |nth: usize, step| rings.past(Kind::CircuitBreaker, &format!("breaker {nth:05}"), step, 0).is_some();
    assert!(has(4999, Step::Second) && !has(1, Step::Minute));
    let with_minutes = (1..5000).filter(|nth| has(*nth, Step::Minute)).count();
    let with_seconds = (1..5000).filter(|nth| has(*nth, Step::Second)).count();
    assert!(with_minutes < with_seconds, "{with_minutes} {with_seconds}");
    assert!(lost.iter().all(|lost| lost.steps.contains(&Step::Minute)), "the longest goes first");

    // A bound below the names of all of them holds as well.
    let (rings, _) = measured(256 << 10, 20, |nth| nth as u64);
    assert!(rings.refused() > 3000, "{}", rings.refused());
}
