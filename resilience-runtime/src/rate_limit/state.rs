//! The rate limiter's algorithm (GCRA) as pure functions of the time, and its word.
//!
//! # The algorithm
//!
//! The word holds the theoretical arrival time: the moment at which the bucket is full again if nobody passes. A call that passes moves it on by
//! as many intervals as it costs, from the present moment if it lies behind. A call that costs `c` may pass while it lies at most `burst - c` intervals ahead.
//!
//! Of the calls that pass within `[a, b]`, by their own readings of the clock and in whatever order the word took them: the first leaves
//! the word at `a` and its own cost or later, each other moves it on by its cost, and the last found it at `b + (burst - c) * interval`
//! or earlier, `c` being what that one costs. So together they cost at most `burst + (b - a) / interval`. This holds on any number of threads, and it holds for
//! calls that have waited as well, because they pass by the clock of the moment at which they pass and not by the one at which
//! they were told to: a timer may be late, and several of them late together.
//!
//! # Those who wait
//!
//! They take nothing out of the word before their time; what they cost is only counted, and whoever comes then plans with so many turns being
//! taken before its own. So one that is cancelled has nothing to give back but its place in that count: the turns of all behind it move up,
//! and no cancellation can break the bound. The count is for planning; stale by one, somebody is told to wait for a turn too many or too few.
//!
//! # Orderings
//!
//! A rule is written before the word of its epoch (`AcqRel` on the exchange) and read after it (`Acquire` on the load), so a word is never judged by an
//! older rule. The rules of two epochs have a place; one that is being overwritten belongs to the epoch before last, and whoever reads it meanwhile holds a word that is
//! gone: its exchange fails, and it looks again.
//!
//! Whoever finds the bucket full and nobody waiting, for another key, exchanges both words for themselves (`AcqRel`), and so does whoever passes or begins to wait:
//! who comes after it sees what was done before it.

use crate::sync::{AtomicSetting, AtomicU64, Ordering};
use resilience_config::RateLimitSettings;

/// Longer times are taken for this long: nine years. So sums of three stay within a word.
const LONGEST: u64 = 1 << 58;

/// How the word is judged, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    interval: u64,
    /// How far ahead of the present the word may be for one more to pass.
    tolerance: u64,
}

impl Rule {
    /// Of a limiter that is turned off: those who wait already pass when they look. No rate has it, since no burst is so large.
    const NONE: Self = Self { interval: 1, tolerance: LONGEST };

    /// The interval is rounded up to whole nanoseconds: never more than the rate.
    pub(super) fn of(settings: &RateLimitSettings) -> Self {
        if !settings.enabled {
            return Self::NONE;
        }
        let interval = settings.rate.per.as_nanos().div_ceil(u128::from(settings.rate.count.max(1)));
        let interval = u64::try_from(interval).unwrap_or(LONGEST).clamp(1, LONGEST);
        let more = u64::from(settings.burst.saturating_sub(1));
        Self { interval, tolerance: interval.saturating_mul(more).min(LONGEST) }
    }

    /// The moment at which a call may pass that costs so much, which is not nothing, as much as `ahead` having passed before it.
    #[inline]
    pub(super) fn turn(self, arrival: u64, ahead: u64, now: u64, cost: u64) -> u64 {
        let last = arrival.max(now).saturating_add((ahead + (cost - 1)).saturating_mul(self.interval));
        last.saturating_sub(self.tolerance).max(now)
    }

    /// Whether a call that costs so much can ever pass: not above the burst.
    #[inline]
    pub(super) fn holds(self, cost: u64) -> bool {
        (cost - 1).saturating_mul(self.interval) <= self.tolerance
    }

    /// The word after a call has passed that costs so much; or the moment at which it may.
    #[inline]
    pub(super) fn pass(self, arrival: u64, now: u64, cost: u64) -> Result<u64, u64> {
        match self.turn(arrival, 0, now, cost) {
            turn if turn <= now => Ok(self.passed(arrival, now, cost)),
            turn => Err(turn),
        }
    }

    /// The word after a call that may pass now has passed.
    #[inline]
    fn passed(self, arrival: u64, now: u64, cost: u64) -> u64 {
        arrival.max(now) + cost * self.interval
    }

    /// How many may pass now.
    pub(super) fn available(self, arrival: u64, ahead: u64, now: u64) -> u64 {
        let room = (now + self.tolerance + self.interval).saturating_sub(arrival.max(now));
        (room / self.interval).saturating_sub(ahead)
    }

    /// The word under another rule: as many calls as were used up of the burst are used up of the new one, and no more than it has. So
    /// one turn of the new rate is the longest that anybody waits for the next.
    pub(super) fn convert(self, arrival: u64, now: u64, to: Self) -> u64 {
        if self == Self::NONE {
            // Turned on, it begins with a full bucket.
            return arrival.min(now);
        }
        let used_up = u128::from(arrival.saturating_sub(now)) * u128::from(to.interval);
        let used_up = u64::try_from(used_up.div_ceil(u128::from(self.interval))).unwrap_or(LONGEST);
        arrival.min(now) + used_up.min(to.tolerance + to.interval)
    }
}

/// Nanoseconds reach for 36 years so.
const EPOCH_BITS: u32 = 4;

/// `theoretical arrival time (60) << 4 | epoch of the rule (4)`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EpochWord(u64);

impl EpochWord {
    fn new(arrival: u64, epoch: u64) -> Self {
        Self(arrival << EPOCH_BITS | epoch)
    }

    fn arrival(self) -> u64 {
        self.0 >> EPOCH_BITS
    }

    fn epoch(self) -> u64 {
        self.0 & ((1 << EPOCH_BITS) - 1)
    }

    fn next_epoch(self) -> u64 {
        Self(self.0 + 1).epoch()
    }
}

/// What a caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passage {
    Passed,
    /// It is counted as waiting until it [leaves](Turns::leave).
    Waits,
    /// Its turn would be then.
    Refused(u64),
    /// It costs more than the burst.
    Never,
}

pub(super) struct Turns {
    word: AtomicU64,
    /// What those who wait cost.
    waiting: AtomicU64,
    /// How many they are, to be shown.
    callers: AtomicU64,
    /// Interval and tolerance, of even and of odd epochs.
    rules: [[AtomicSetting; 2]; 2],
}

impl Turns {
    /// With a full bucket.
    pub(super) fn new(rule: Rule) -> Self {
        let setting = || [AtomicSetting::new(rule.interval), AtomicSetting::new(rule.tolerance)];
        Self {
            word: AtomicU64::new(0),
            waiting: AtomicU64::new(0),
            callers: AtomicU64::new(0),
            rules: [setting(), setting()],
        }
    }

    #[inline]
    fn load(&self) -> (EpochWord, Rule) {
        let word = EpochWord(self.word.load(Ordering::Acquire));
        let [interval, tolerance] = &self.rules[(word.epoch() & 1) as usize];
        (word, Rule { interval: interval.get(), tolerance: tolerance.get() })
    }

    #[inline]
    fn exchange(&self, from: EpochWord, to: EpochWord) -> bool {
        self.word.compare_exchange(from.0, to.0, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Lets a newcomer pass, or wait for its turn behind all who wait, if that is not too long.
    #[inline]
    pub(super) fn arrive(&self, now: u64, max_wait: u64, cost: u64) -> Passage {
        loop {
            let ahead = self.waiting.load(Ordering::Relaxed);
            let (word, rule) = self.load();
            let turn = rule.turn(word.arrival(), ahead, now, cost);
            if turn > now {
                if !rule.holds(cost) {
                    return Passage::Never;
                }
                if turn - now > max_wait {
                    return Passage::Refused(turn);
                }
                if self.waiting.compare_exchange(ahead, ahead + cost, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                    self.callers.fetch_add(1, Ordering::Relaxed);
                    return Passage::Waits;
                }
            } else if self.exchange(word, EpochWord::new(rule.passed(word.arrival(), now, cost), word.epoch())) {
                return Passage::Passed;
            }
        }
    }

    /// Lets one who waits pass, or says when it may; nothing of one that has come to cost more than the burst.
    pub(super) fn pass(&self, now: u64, cost: u64) -> Result<(), Option<u64>> {
        loop {
            let (word, rule) = self.load();
            let passed = rule.pass(word.arrival(), now, cost);
            let passed = passed.map_err(|turn| rule.holds(cost).then_some(turn))?;
            if self.exchange(word, EpochWord::new(passed, word.epoch())) {
                return Ok(());
            }
        }
    }

    /// One waits no more, having passed or not.
    pub(super) fn leave(&self, cost: u64) {
        self.callers.fetch_sub(1, Ordering::Relaxed);
        self.waiting.fetch_sub(cost, Ordering::AcqRel);
    }

    /// As if somebody had not come.
    pub(super) fn undo(&self, passage: Passage, cost: u64) {
        match passage {
            Passage::Passed => loop {
                let (word, rule) = self.load();
                let given_back = word.arrival().saturating_sub(cost * rule.interval);
                if self.exchange(word, EpochWord::new(given_back, word.epoch())) {
                    return;
                }
            },
            Passage::Waits => self.leave(cost),
            Passage::Refused(_) | Passage::Never => {}
        }
    }

    /// Whether the bucket is full and nobody waits.
    pub(super) fn is_full(&self, now: u64) -> bool {
        self.waiting.load(Ordering::Relaxed) == 0 && self.load().0.arrival() <= now
    }

    /// The same; whoever comes after this sees what was done before it.
    pub(super) fn is_full_for_all(&self, now: u64) -> bool {
        let nobody_waits = self.waiting.compare_exchange(0, 0, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        let (word, _) = self.load();
        nobody_waits && word.arrival() <= now && self.exchange(word, word)
    }

    /// How many callers wait.
    pub(super) fn waiting(&self) -> u64 {
        self.callers.load(Ordering::Relaxed)
    }

    pub(super) fn available(&self, now: u64) -> u64 {
        let (word, rule) = self.load();
        rule.available(word.arrival(), self.waiting.load(Ordering::Relaxed), now)
    }

    /// When the turn of a newcomer is that costs 1, behind all who wait; now or later.
    pub(super) fn turn(&self, now: u64) -> u64 {
        let (word, rule) = self.load();
        rule.turn(word.arrival(), self.waiting.load(Ordering::Relaxed), now, 1)
    }

    /// Puts another rule in force. One at a time: the caller sees to it.
    pub(super) fn set_rule(&self, rule: Rule, now: u64) {
        loop {
            let (word, before) = self.load();
            let next = word.next_epoch();
            let [interval, tolerance] = &self.rules[(next & 1) as usize];
            interval.set(rule.interval);
            tolerance.set(rule.tolerance);
            let converted = before.convert(word.arrival(), now, rule);
            if self.exchange(word, EpochWord::new(converted, next)) {
                return;
            }
        }
    }
}

#[cfg(all(test, not(resilience_loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use resilience_config::{Rate, RateLimitConfig};
    use std::time::Duration;

    const START: u64 = 1 << 50;
    const MILLI: u64 = 1_000_000;

    fn rule(rate: Rate, burst: u32) -> Rule {
        Rule::of(&RateLimitConfig::new().rate(rate).burst(burst).validated().resolve())
    }

    /// How many too many passed, in the interval in which it is worst. Times are in order.
    fn too_many(rule: Rule, passed: &[u64]) -> u64 {
        let burst = rule.tolerance / rule.interval + 1;
        let over = |from: usize, to: usize| {
            let bound = burst + (passed[to] - passed[from]) / rule.interval;
            ((to - from + 1) as u64).saturating_sub(bound)
        };
        (0..passed.len()).flat_map(|to| (0..=to).map(move |from| over(from, to))).max().unwrap_or(0)
    }

    #[test]
    fn the_interval_never_makes_it_more_than_the_rate() {
        assert_eq!(rule(Rate::per_second(3), 2), Rule { interval: 333_333_334, tolerance: 333_333_334 });
        assert_eq!(rule(Rate::per_second(1_000_000_000), 1), Rule { interval: 1, tolerance: 0 });
        let slow = Rate::new(1, Duration::MAX);
        assert_eq!(rule(slow, 1_000_000_000), Rule { interval: LONGEST, tolerance: LONGEST });
    }

    #[test]
    fn a_burst_and_then_the_rate() {
        let rule = rule(Rate::per_second(10), 3);
        let mut word = 0;
        for left in (0..3).rev() {
            word = rule.pass(word, START, 1).unwrap();
            assert_eq!(rule.available(word, 0, START), left);
        }
        let turn = rule.pass(word, START, 1).unwrap_err();
        assert_eq!(turn, START + 100 * MILLI);
        assert_eq!(rule.pass(word, turn - 1, 1), Err(turn));
        assert!(rule.pass(word, turn, 1).is_ok());
        assert_eq!(rule.turn(word, 2, START, 1), START + 300 * MILLI, "two who wait go first");
    }

    /// Why the limiter reads the precise clock: two readings of one of 4 ms steps can look a whole step apart and be next to each other. At
    /// 5,000 a second a step is 20 calls.
    #[test]
    fn on_a_clock_of_4_ms_steps_20_too_many_pass() {
        const STEP: u64 = 4 * MILLI;
        let rule = rule(Rate::per_second(5000), 100);
        let passed_by = |clock: fn(u64) -> u64| {
            let mut word = 0;
            // Somebody asks every 100 ns, beginning shortly before a step ends.
            let asked = (0..3000).map(|call| START.next_multiple_of(STEP) - 20_000 + call * 100);
            asked.filter(|now| rule.pass(word, clock(*now), 1).map(|next| word = next).is_ok()).collect::<Vec<_>>()
        };
        assert_eq!(too_many(rule, &passed_by(|now| now)), 0);
        assert_eq!(too_many(rule, &passed_by(|now| now / STEP * STEP)), 20);
    }

    #[test]
    fn what_is_used_up_stays_used_up_under_another_rule() {
        let (slow, fast) = (rule(Rate::per_hour(1), 4), rule(Rate::per_second(10), 10));
        let turns = Turns::new(slow);
        for _ in 0..4 {
            assert_eq!(turns.arrive(START, 0, 1), Passage::Passed);
        }
        assert!(matches!(turns.arrive(START, 0, 1), Passage::Refused(_)));
        for _ in 0..20 {
            turns.set_rule(fast, START);
            assert_eq!(turns.available(START), 6);
            turns.set_rule(slow, START);
            assert_eq!(turns.available(START), 0);
        }
        turns.set_rule(fast, START);
        for _ in 0..6 {
            assert_eq!(turns.arrive(START, 0, 1), Passage::Passed);
        }
        assert_eq!(turns.arrive(START, 0, 1), Passage::Refused(START + 100 * MILLI));
    }

    #[test]
    fn a_used_up_burst_is_at_most_the_whole_of_the_new_one() {
        let (fast, slow) = (rule(Rate::per_second(100), 100), rule(Rate::per_minute(10), 10));
        let turns = Turns::new(fast);
        while turns.arrive(START, 0, 1) == Passage::Passed {}
        turns.set_rule(slow, START);
        assert_eq!(turns.arrive(START, 0, 1), Passage::Refused(START + 6000 * MILLI));
    }

    /// On all cores, in real time: it is the races that are wanted.
    #[test]
    fn on_all_cores_never_above_burst_and_rate() {
        let rule = rule(Rate::per_second(50_000), 20);
        let (turns, origin) = (Turns::new(rule), std::time::Instant::now());
        let reading = || START + origin.elapsed().as_nanos() as u64;
        let call = |_: u32| {
            let now = reading();
            match turns.arrive(now, 100_000, 1) {
                Passage::Passed => Some(now),
                Passage::Waits => {
                    let moment = reading();
                    let passed = turns.pass(moment, 1).is_ok();
                    turns.leave(1);
                    passed.then_some(moment)
                }
                Passage::Refused(_) | Passage::Never => None,
            }
        };
        let mut passed: Vec<u64> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..4).map(|_| scope.spawn(|| (0..20_000).filter_map(call).collect::<Vec<_>>())).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        passed.sort_unstable();
        passed.truncate(2000);
        assert!(passed.len() >= 20);
        assert_eq!((too_many(rule, &passed), turns.waiting()), (0, 0));
    }

    fn rules() -> impl Strategy<Value = Rule> {
        (1..=10_000_u32, 1..=3_600_000_u64, 1..=50_u32)
            .prop_map(|(count, millis, burst)| rule(Rate::new(count, Duration::from_millis(millis)), burst))
    }

    proptest! {
        /// Readings of the clock may come to the word in another order than they were taken: each of several threads has its own.
        #[test]
        fn never_above_burst_and_rate_by_readings_in_any_order(
            rule in rules(),
            steps in proptest::collection::vec((0..3_u64, 0..1500_u64, 0..3000_u64), 1..300),
        ) {
            let (mut word, mut clock, mut passed) = (0, START, vec![]);
            for (idle, step, stale) in steps {
                clock += idle * step * rule.interval / 1000;
                let now = clock - stale * rule.interval / 1000;
                if let Ok(next) = rule.pass(word, now, 1) {
                    (word, passed) = (next, { passed.push(now); passed });
                }
            }
            passed.sort_unstable();
            prop_assert_eq!(too_many(rule, &passed), 0);
        }

        /// And nobody is refused whom the bound would let pass: all that come make the most of it.
        #[test]
        fn a_refusal_says_exactly_when(rule in rules(), gaps in proptest::collection::vec(0..3000_u64, 1..100)) {
            let (mut word, mut now) = (0, START);
            for gap in gaps {
                now += gap * rule.interval / 1000;
                let available = rule.available(word, 0, now);
                match rule.pass(word, now, 1) {
                    Ok(next) => {
                        prop_assert_eq!(rule.available(next, 0, now), available - 1);
                        word = next;
                    }
                    Err(turn) => {
                        prop_assert_eq!(available, 0);
                        prop_assert_eq!(rule.pass(word, turn - 1, 1), Err(turn));
                        prop_assert!(rule.pass(word, turn, 1).is_ok());
                    }
                }
            }
        }
    }

    /// The limiter as one would write it with a lock around it: what is used up of the burst, in nanoseconds, and what those who wait cost.
    struct TokenBucket {
        /// None of one that is turned off.
        rule: Option<Rule>,
        used_up: u64,
        waiting: Vec<u64>,
    }

    impl TokenBucket {
        fn interval(&self) -> u64 {
            self.rule.map_or(0, |rule| rule.interval)
        }

        /// How much may be used up at most.
        fn size(&self) -> u64 {
            self.rule.map_or(0, |rule| rule.interval + rule.tolerance)
        }

        fn ahead(&self) -> u64 {
            self.waiting.iter().sum()
        }

        /// How long until so much fits behind so much, from now on.
        fn wait(&self, ahead: u64, cost: u64) -> u64 {
            (self.used_up + (ahead + cost) * self.interval()).saturating_sub(self.size())
        }

        fn holds(&self, cost: u64) -> bool {
            self.rule.is_none() || cost * self.interval() <= self.size()
        }

        fn set(&mut self, rule: Option<Rule>) {
            let calls = |used_up: u64, interval: u64| u128::from(used_up) * u128::from(interval);
            self.used_up = match (self.rule, rule) {
                (Some(before), Some(rule)) => {
                    let scaled = calls(self.used_up, rule.interval).div_ceil(u128::from(before.interval)) as u64;
                    scaled.min(rule.interval + rule.tolerance)
                }
                _ => 0,
            };
            self.rule = rule;
        }
    }

    #[derive(Clone, Debug)]
    enum LimiterStep {
        /// What it costs, and how many intervals it would wait.
        Arrive(u64, u64),
        ArriveAndUndo(u64, u64),
        /// One that waits looks whether it may pass.
        Look(prop::sample::Index),
        Cancel(prop::sample::Index),
        /// So many thousandths of an interval.
        Passes(u64),
        Change(Rule),
        TurnOff,
    }

    fn steps() -> impl Strategy<Value = Vec<LimiterStep>> {
        let index = any::<prop::sample::Index>;
        let step = prop_oneof![
            6 => (1..5_u64, 0..6_u64).prop_map(|(cost, wait)| LimiterStep::Arrive(cost, wait)),
            2 => (1..5_u64, 0..6_u64).prop_map(|(cost, wait)| LimiterStep::ArriveAndUndo(cost, wait)),
            3 => index().prop_map(LimiterStep::Look),
            1 => index().prop_map(LimiterStep::Cancel),
            3 => prop_oneof![0..2500_u64, (0..4_u64).prop_map(|intervals| intervals * 1000)].prop_map(LimiterStep::Passes),
            1 => small_rules().prop_map(LimiterStep::Change),
            1 => Just(LimiterStep::TurnOff),
        ];
        proptest::collection::vec(step, 1..60)
    }

    /// Of which a thousandth of an interval is a whole number.
    fn small_rules() -> impl Strategy<Value = Rule> {
        (1..50_u32, 1..7_u32).prop_map(|(count, burst)| rule(Rate::per_second(count), burst))
    }

    proptest! {
        /// Whoever comes for whatever it costs, waits, is cancelled or finds another rule: who passes, who waits and for how long, and what is left is as of a bucket behind a
        /// lock.
        #[test]
        fn as_the_bucket_does(first in small_rules(), steps in steps()) {
            let (turns, mut now) = (Turns::new(first), START);
            let mut bucket = TokenBucket { rule: Some(first), used_up: 0, waiting: vec![] };
            for step in steps {
                match step {
                    LimiterStep::Arrive(cost, wait) | LimiterStep::ArriveAndUndo(cost, wait) => {
                        // While it is off nobody asks for a turn.
                        let Some(rule) = bucket.rule else { continue };
                        let (far, longest) = (bucket.wait(bucket.ahead(), cost), wait * rule.interval);
                        let expected = match far {
                            0 => Passage::Passed,
                            _ if !bucket.holds(cost) => Passage::Never,
                            far if far > longest => Passage::Refused(now + far),
                            _ => Passage::Waits,
                        };
                        let passage = turns.arrive(now, longest, cost);
                        prop_assert_eq!(passage, expected);
                        match passage {
                            _ if matches!(step, LimiterStep::ArriveAndUndo(..)) => turns.undo(passage, cost),
                            Passage::Passed => bucket.used_up += cost * rule.interval,
                            Passage::Waits => bucket.waiting.push(cost),
                            Passage::Refused(_) | Passage::Never => {}
                        }
                    }
                    LimiterStep::Look(which) if !bucket.waiting.is_empty() => {
                        let which = which.index(bucket.waiting.len());
                        let cost = bucket.waiting[which];
                        let expected = match bucket.wait(0, cost) {
                            0 => Ok(()),
                            _ if !bucket.holds(cost) => Err(None),
                            far => Err(Some(now + far)),
                        };
                        prop_assert_eq!(turns.pass(now, cost), expected);
                        if expected.is_ok() {
                            turns.leave(cost);
                            bucket.used_up += cost * bucket.interval();
                            bucket.waiting.remove(which);
                        }
                    }
                    LimiterStep::Cancel(which) if !bucket.waiting.is_empty() => {
                        let cost = bucket.waiting.remove(which.index(bucket.waiting.len()));
                        turns.leave(cost);
                    }
                    LimiterStep::Look(_) | LimiterStep::Cancel(_) => {}
                    LimiterStep::Passes(thousandths) => {
                        let time = thousandths * first.interval / 1000;
                        (now, bucket.used_up) = (now + time, bucket.used_up.saturating_sub(time));
                    }
                    LimiterStep::Change(rule) => {
                        turns.set_rule(rule, now);
                        bucket.set(Some(rule));
                    }
                    LimiterStep::TurnOff => {
                        turns.set_rule(Rule::NONE, now);
                        bucket.set(None);
                    }
                }
                prop_assert_eq!(turns.waiting(), bucket.waiting.len() as u64);
                let Some(rule) = bucket.rule else { continue };
                let room = (bucket.size() - bucket.used_up) / rule.interval;
                prop_assert_eq!(turns.available(now), room.saturating_sub(bucket.ahead()));
                prop_assert_eq!(turns.turn(now), now + bucket.wait(bucket.ahead(), 1));
                let is_full = bucket.used_up == 0 && bucket.waiting.is_empty();
                prop_assert_eq!((turns.is_full(now), turns.is_full_for_all(now)), (is_full, is_full));
            }
        }
    }
}
