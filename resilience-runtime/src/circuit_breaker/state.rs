//! The breaker's state in one atomic word, and every transition as a pure function of it.
//!
//! # The word
//!
//! ```text
//! bits      0..3   3..41                41..48       48..63      63
//! closed    tag    since (38)           number (23)
//! open      tag    since (38)           openings (7) jitter (15) own time (1)
//! forced    tag    since (38)
//! disabled  tag    since (38)
//!
//! bits      0..3   3..33                33..40       40..48         48..56         56..64
//! half-open tag    since (30)           openings (7) in flight (8)  succeeded (8)  failed (8)
//! ```
//!
//! * `since` is the millisecond at which the state was entered. Of a half-open breaker it is the
//!   moment at which a probe entered while no other was in flight, unless none of those before has said anything; nothing of an older moment can be outstanding
//!   then, so it is the **generation** of its probes as well. Only distances are read from it, so wrapping does no harm: 38 bits
//!   are 8.7 years, and the 30 bits of a half-open breaker (12 days) are compared with a timeout of at most one day.
//! * `number` counts the closed states. Together with `since` it is the **generation** of everything that was admitted in one: many may begin in one millisecond, and none of
//!   them is dated later than it began. It is given when the state is entered ([`AtomicWord::exchange`]), so a word that is still to be entered has none.
//! * `openings` counts the openings in a row that followed a failed half-open, up to 127, for `open_backoff`.
//! * `jitter` is this opening's share of `open_jitter`, so that all callers agree on it.
//! * `own time`: how long this opening lasts was said when it began, and stands beside (`opening::OwnTime`).
//!
//! The open deadline is not stored but computed from `since` with the settings of the moment: a changed `open_for` holds at once,
//! also for a breaker that is open.
//!
//! # Orderings
//!
//! A transition is one compare-and-swap of the whole word; what it decides needs nothing stored beside it. The word is
//! loaded with `Acquire` and exchanged with `AcqRel`, so that whoever acts on a state sees what was written before
//! it was entered. The counters have their own argument, in `window`.

use crate::error::OpenReason;
use crate::state::State;
use crate::sync::{AtomicSetting, AtomicU64, Ordering};
use resilience_config::Mode;

const TAG_BITS: u32 = 3;
const SINCE_BITS: u32 = 38;
const PROBE_SINCE_BITS: u32 = 30;
const JITTER_AT: u32 = 48;
const JITTER: u64 = mask(15);
const OWN_TIME: u64 = 1 << 63;
const MAX_OPENINGS: u64 = 127;
const NUMBER_AT: u32 = TAG_BITS + SINCE_BITS;
/// Numbers go round. Only one that is outstanding for exactly so many closings is taken for one of another.
const MAX_NUMBER: u64 = mask(64 - NUMBER_AT);
/// A moment is at most so far ahead of the present: 17 minutes. What looks like more is one that is long ago.
const AHEAD: u64 = mask(20);
/// As long as it takes `since` to wrap: no difference to it, and no moment before the clock began is below zero.
const TURN: u64 = 1 << SINCE_BITS;

#[inline]
const fn mask(bits: u32) -> u64 {
    (1 << bits) - 1
}

/// The phase of the state machine; `monitored` ones decide and reject nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Closed,
    Open,
    HalfOpen,
    Forced,
    Disabled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word(u64);

/// How many probes there are, and what they came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ProbeCounts {
    pub(super) in_flight: u64,
    pub(super) succeeded: u64,
    pub(super) failed: u64,
}

impl ProbeCounts {
    /// That have said something about the dependency.
    fn answered(self) -> u64 {
        self.succeeded + self.failed
    }
}

/// The settings that a half-open breaker goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HalfOpenRule {
    pub(super) calls: u64,
    pub(super) successes: u64,
    pub(super) timeout_millis: u64,
}

/// The settings that say how long a breaker stays open.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct OpenRule {
    pub(super) open_for_millis: u64,
    pub(super) max_millis: u64,
    pub(super) backoff: f64,
    pub(super) jitter: f64,
}

impl OpenRule {
    /// `jitter` only lengthens, and comes on top of the cap: a fleet at its cap must not probe as one either.
    pub(super) fn lasts(&self, openings: u64, jitter: u64) -> u64 {
        let Self { open_for_millis, max_millis, backoff, jitter: share } = *self;
        if (openings == 0 || backoff == 1.0) && share == 0.0 {
            return open_for_millis;
        }
        let exponent = i32::try_from(openings).unwrap_or(i32::MAX);
        let longer = (open_for_millis as f64 * backoff.powi(exponent)).min(max_millis as f64);
        let jitter = share * jitter as f64 / JITTER as f64;
        // A cast from float saturates.
        (longer * (1.0 + jitter)).ceil() as u64
    }
}

/// What a half-open breaker does as of now, with nobody calling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    /// Enough probes succeeded.
    Close,
    /// So many failed that it cannot close any more.
    ReopenFailed {
        failures: u64,
    },
    /// A probe had not answered by this moment, or none had said anything.
    ReopenTimedOut {
        at: u64,
    },
}

impl Due {
    /// Why it opens, where it does.
    pub(super) fn reason(self) -> Option<OpenReason> {
        match self {
            Self::Nothing | Self::Close => None,
            Self::ReopenFailed { failures } => Some(OpenReason::ProbesFailed { failures }),
            Self::ReopenTimedOut { .. } => Some(OpenReason::ProbeTimedOut),
        }
    }
}

impl Word {
    /// As `mode` says that a breaker begins.
    pub(super) fn initial(mode: Mode, since: u64) -> Self {
        match mode.monitors() {
            Some(monitored) => Self::closed(since, monitored),
            None => Self::disabled(since),
        }
    }

    pub(super) fn closed(since: u64, monitored: bool) -> Self {
        Self::plain(Phase::Closed, since, monitored)
    }

    pub(super) fn open(since: u64, openings: u64, jitter: u64, monitored: bool) -> Self {
        let Self(plain) = Self::plain(Phase::Open, since, monitored);
        Self(plain | openings.min(MAX_OPENINGS) << (TAG_BITS + SINCE_BITS) | (jitter & JITTER) << JITTER_AT)
    }

    /// Open, for a time that stands beside.
    pub(super) fn for_own_time(self) -> Self {
        Self(self.0 | OWN_TIME)
    }

    /// Of an open breaker.
    #[inline]
    pub(super) fn has_own_time(self) -> bool {
        self.0 & OWN_TIME != 0
    }

    pub(super) fn forced(since: u64) -> Self {
        Self::plain(Phase::Forced, since, false)
    }

    pub(super) fn disabled(since: u64) -> Self {
        Self::plain(Phase::Disabled, since, false)
    }

    /// What is closed under a number: never 0, which is that of a word that is still to be entered.
    fn numbered(self, closings: u64) -> Self {
        Self(self.0 | (closings % MAX_NUMBER + 1) << NUMBER_AT)
    }

    /// Whether it is closed and still to be entered.
    fn wants_a_number(self) -> bool {
        self.phase() == Phase::Closed && self.closed_generation() == 0
    }

    fn plain(phase: Phase, since: u64, monitored: bool) -> Self {
        Self(tag(phase, monitored) | (since & mask(SINCE_BITS)) << TAG_BITS)
    }

    fn half_open(since: u64, openings: u64, probes: ProbeCounts, monitored: bool) -> Self {
        Self(
            tag(Phase::HalfOpen, monitored)
                | (since & mask(PROBE_SINCE_BITS)) << TAG_BITS
                | openings.min(MAX_OPENINGS) << 33
                | probes.in_flight << 40
                | probes.succeeded << 48
                | probes.failed << 56,
        )
    }

    #[inline]
    pub(super) fn phase(self) -> Phase {
        match self.0 & mask(TAG_BITS) {
            0 | 5 => Phase::Closed,
            1 | 6 => Phase::Open,
            2 | 7 => Phase::HalfOpen,
            3 => Phase::Forced,
            _ => Phase::Disabled,
        }
    }

    #[inline]
    pub(super) fn monitored(self) -> bool {
        self.0 & mask(TAG_BITS) >= 5
    }

    /// What the breaker does with calls.
    pub(super) fn state(self) -> State {
        if self.monitored() { State::Monitoring } else { self.decided() }
    }

    /// What it would do if it enforced what it decides.
    pub(super) fn decided(self) -> State {
        match self.phase() {
            Phase::Closed => State::Closed,
            Phase::Open => State::Open,
            Phase::HalfOpen => State::HalfOpen,
            Phase::Forced => State::ForcedOpen,
            Phase::Disabled => State::Disabled,
        }
    }

    /// Closed and enforcing: the one test of the closed path.
    #[inline]
    pub(super) fn is_plainly_closed(self) -> bool {
        self.0 & mask(TAG_BITS) == 0
    }

    /// Open and enforcing: the one test of a rejection by an open breaker.
    #[inline]
    pub(super) fn is_plainly_open(self) -> bool {
        self.0 & mask(TAG_BITS) == 1
    }

    /// What identifies the things admitted in this state: compared for equality only.
    #[inline]
    pub(super) fn generation(self) -> u64 {
        match self.phase() {
            Phase::Closed => self.0 >> TAG_BITS,
            Phase::HalfOpen => self.probe_generation(),
            Phase::Open | Phase::Forced | Phase::Disabled => self.0 >> TAG_BITS & mask(SINCE_BITS),
        }
    }

    /// Of what is half-open: that of its probes.
    #[inline]
    pub(super) fn probe_generation(self) -> u64 {
        self.0 >> TAG_BITS & mask(PROBE_SINCE_BITS)
    }

    /// Whether it is that half-open state, with whatever its probes have come to.
    #[inline]
    pub(super) fn is_half_open(self, generation: u64) -> bool {
        matches!(self.0 & mask(TAG_BITS), 2 | 7) && self.probe_generation() == generation
    }

    /// Whether this is that state, with whatever has happened in it.
    pub(super) fn is_in(self, phase: Phase, generation: u64) -> bool {
        self.phase() == phase && self.generation() == generation
    }

    /// The number of what is closed, by which the window tells its generations apart.
    #[inline]
    pub(super) fn closed_generation(self) -> u64 {
        self.0 >> NUMBER_AT
    }

    /// The moment at which the state was entered, on the clock's own scale, `now` being a moment not long before or any time after.
    pub(super) fn since(self, now: u64) -> u64 {
        let bits = if self.phase() == Phase::HalfOpen { PROBE_SINCE_BITS } else { SINCE_BITS };
        self.since_of(bits, now)
    }

    #[inline]
    fn since_of(self, bits: u32, now: u64) -> u64 {
        let age = now.wrapping_sub(self.0 >> TAG_BITS) & mask(bits);
        if age > mask(bits) - AHEAD {
            // Entered "later" than now: pushed on by entering twice within a millisecond, or read from the clock by a thread that was faster.
            return now + (mask(bits) + 1 - age);
        }
        now - age.min(now)
    }

    pub(super) fn openings(self) -> u64 {
        match self.phase() {
            Phase::Open => self.0 >> (TAG_BITS + SINCE_BITS) & mask(7),
            Phase::HalfOpen => self.0 >> 33 & mask(7),
            _ => 0,
        }
    }

    /// Of an open breaker.
    pub(super) fn jitter(self) -> u64 {
        self.0 >> JITTER_AT & JITTER
    }

    /// How long ago the state was entered: longer than the clock has run, of one that was restored.
    pub(super) fn age(self, now: u64) -> u64 {
        (now + TURN).saturating_sub(self.since(now + TURN))
    }

    /// Of a half-open breaker.
    pub(super) fn probes(self) -> ProbeCounts {
        ProbeCounts { in_flight: self.0 >> 40 & mask(8), succeeded: self.0 >> 48 & mask(8), failed: self.0 >> 56 }
    }

    /// The same state, monitored or enforced.
    pub(super) fn with_monitored(self, monitored: bool) -> Self {
        Self(self.0 & !mask(TAG_BITS) | tag(self.phase(), monitored))
    }

    /// From now on monitored or enforced, whatever was done by hand: one that was forced open or disabled closes.
    pub(super) fn with_enforcement(self, monitored: bool, now: u64) -> Self {
        match self.phase() {
            Phase::Forced | Phase::Disabled => Self::closed(self.entering(now), monitored),
            _ => self.with_monitored(monitored),
        }
    }

    /// The moment to enter another state in: never back in time.
    pub(super) fn entering(self, now: u64) -> u64 {
        now.max(self.since(now))
    }

    /// Of an open breaker: how much is left of so many milliseconds since it opened. Only from an age, so that one that was restored may have opened before the clock began;
    /// in few steps, each of which waits for the one before, since every rejection takes them.
    #[inline]
    pub(super) fn left_of(self, millis: u64, now: u64) -> u64 {
        let age = now.wrapping_sub(self.0 >> TAG_BITS) & mask(SINCE_BITS);
        if age > mask(SINCE_BITS) - AHEAD {
            // It has not begun.
            return millis.saturating_add(mask(SINCE_BITS) + 1 - age);
        }
        millis.saturating_sub(age)
    }

    /// Open, and due: the first probe enters.
    pub(super) fn transition_to_half_open(self, now: u64) -> Self {
        let probes = ProbeCounts { in_flight: 1, ..ProbeCounts::default() };
        Self::half_open(self.entering(now), self.openings(), probes, self.monitored())
    }

    /// Half-open: open again as of `at`, as far as can be said beforehand: nobody knows the jitter yet.
    pub(super) fn reopened(self, at: u64) -> Self {
        Self::open(at, self.openings() + 1, 0, self.monitored())
    }

    /// Half-open: whether all of `half_open_calls` have permits, or have answered.
    #[inline]
    pub(super) fn is_full(self, rule: &HalfOpenRule) -> bool {
        let probes = self.probes();
        probes.in_flight + probes.answered() >= rule.calls
    }

    /// Half-open: whether the next probe begins their time anew. Whoever follows probes of which none has said anything goes on with theirs: it is up one day, however many are
    /// cancelled or ignored.
    #[inline]
    pub(super) fn next_probe_begins_anew(self) -> bool {
        let probes = self.probes();
        probes.in_flight == 0 && probes.answered() > 0
    }

    /// Half-open: one more probe, if there is room.
    pub(super) fn admit_probe(self, now: u64, rule: &HalfOpenRule) -> Option<Self> {
        if self.is_full(rule) {
            return None;
        }
        let mut probes = self.probes();
        probes.in_flight += 1;
        Some(match self.next_probe_begins_anew() {
            true => Self::half_open(self.entering(now), self.openings(), probes, self.monitored()),
            false => self.with_probes(probes),
        })
    }

    /// Half-open: a probe has answered, or has given its permit back.
    #[inline]
    pub(super) fn release_probe(self, outcome: Option<bool>) -> Self {
        let mut probes = self.probes();
        probes.in_flight = probes.in_flight.saturating_sub(1);
        match outcome {
            Some(true) => probes.succeeded = (probes.succeeded + 1).min(mask(8)),
            Some(false) => probes.failed = (probes.failed + 1).min(mask(8)),
            None => {}
        }
        self.with_probes(probes)
    }

    /// Half-open: so many probes are in flight no more.
    pub(super) fn without_probes(self, count: u64) -> Self {
        let mut probes = self.probes();
        probes.in_flight = probes.in_flight.saturating_sub(count);
        self.with_probes(probes)
    }

    /// Half-open: since the same moment, and with these probes.
    #[inline]
    fn with_probes(self, probes: ProbeCounts) -> Self {
        Self(self.0 & mask(40) | probes.in_flight << 40 | probes.succeeded << 48 | probes.failed << 56)
    }

    /// When a half-open breaker with a probe in flight gives up on it.
    pub(super) fn probe_deadline(self, now: u64, rule: &HalfOpenRule) -> u64 {
        self.since(now).saturating_add(rule.timeout_millis)
    }

    /// Half-open and full: how long a caller should wait before it asks again. Nobody can know when the probes answer, so it is
    /// as long as an opening lasts, counted from when they began and over again, but not past their deadline.
    pub(super) fn ask_again_in(self, now: u64, rule: &HalfOpenRule, lasts: u64) -> u64 {
        let (passed, lasts) = (now.saturating_sub(self.since(now)), lasts.max(1));
        // Dividing takes longer than all the rest, and one opening's time is seldom over.
        let passed = if passed < lasts { passed } else { passed % lasts };
        (lasts - passed).min(self.probe_deadline(now, rule).saturating_sub(now))
    }

    /// Half-open: what has to happen before anything else is judged.
    #[inline]
    pub(super) fn due(self, now: u64, rule: &HalfOpenRule) -> Due {
        let probes = self.probes();
        if probes.succeeded >= rule.successes {
            return Due::Close;
        }
        if probes.failed + rule.successes > rule.calls {
            return Due::ReopenFailed { failures: probes.failed };
        }
        if (probes.in_flight > 0 || probes.answered() == 0) && self.probes_age(now) >= rule.timeout_millis {
            return Due::ReopenTimedOut { at: self.probe_deadline(now, rule) };
        }
        Due::Nothing
    }

    /// Half-open: how long ago its probes began, in fewer steps than [`since`](Self::since).
    #[inline]
    fn probes_age(self, now: u64) -> u64 {
        let age = now.wrapping_sub(self.0 >> TAG_BITS) & mask(PROBE_SINCE_BITS);
        if age > mask(PROBE_SINCE_BITS) - AHEAD { 0 } else { age }
    }
}

const fn tag(phase: Phase, monitored: bool) -> u64 {
    match (phase, monitored) {
        (Phase::Closed, false) => 0,
        (Phase::Open, false) => 1,
        (Phase::HalfOpen, false) => 2,
        (Phase::Forced, _) => 3,
        (Phase::Disabled, _) => 4,
        (Phase::Closed, true) => 5,
        (Phase::Open, true) => 6,
        (Phase::HalfOpen, true) => 7,
    }
}

pub(super) struct AtomicWord {
    word: AtomicU64,
    /// How many closed states there were, at least.
    closings: AtomicSetting,
}

impl AtomicWord {
    pub(super) fn new(word: Word) -> Self {
        let word = if word.wants_a_number() { word.numbered(0) } else { word };
        Self { word: AtomicU64::new(word.0), closings: AtomicSetting::new(1) }
    }

    #[inline]
    pub(super) fn load(&self) -> Word {
        Word(self.word.load(Ordering::Acquire))
    }

    /// Whether the word was still `from` and is `to` now. A closed state that is entered gets its number.
    #[inline]
    pub(super) fn exchange(&self, from: Word, to: Word) -> bool {
        let to = if to.wants_a_number() { to.numbered(self.closings.add(1)) } else { to };
        self.word.compare_exchange(from.0, to.0, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

#[cfg(all(test, not(resilience_loom)))]
mod tests {
    use super::*;

    const RULE: HalfOpenRule = HalfOpenRule { calls: 3, successes: 3, timeout_millis: 60_000 };

    #[test]
    fn a_word_gives_back_what_was_put_in() {
        let now = 5_000_000_000;
        let open = Word::open(now - 7, 3, 0x2bcd, true).for_own_time();
        assert!(open.has_own_time() && !Word::open(now, 127, JITTER, false).has_own_time());
        assert_eq!((open.phase(), open.monitored()), (Phase::Open, true));
        assert_eq!((open.since(now), open.openings(), open.jitter()), (now - 7, 3, 0x2bcd));
        for many in [127, 128, 1000, u64::MAX] {
            let open = Word::open(now, many, 0, false);
            assert_eq!((open.openings(), open.jitter(), open.has_own_time()), (127, 0, false), "of {many}");
        }

        let half = open.transition_to_half_open(now);
        assert_eq!((half.phase(), half.since(now + 9), half.openings()), (Phase::HalfOpen, now, 3));
        assert_eq!(half.probes(), ProbeCounts { in_flight: 1, succeeded: 0, failed: 0 });
        let half = half.admit_probe(now + 1, &RULE).unwrap().release_probe(Some(false));
        assert_eq!(half.probes(), ProbeCounts { in_flight: 1, succeeded: 0, failed: 1 });
        assert_eq!(half.since(now + 100), now, "the first probe is still in flight");
    }

    #[test]
    fn closings_in_one_millisecond_are_generations_of_their_own_and_of_that_millisecond() {
        let word = AtomicWord::new(Word::closed(1000, false));
        let mut seen = std::collections::HashSet::new();
        for _ in 0..10_000 {
            let from = word.load();
            assert!(seen.insert(from.generation()) && seen.insert(from.closed_generation()));
            assert_eq!((from.since(1000), from.age(1000), from.phase()), (1000, 0, Phase::Closed));
            let monitored = from.with_monitored(true);
            assert_eq!(monitored.generation(), from.generation(), "the same state");
            assert!(word.exchange(from, monitored) && word.exchange(monitored, from));
            assert!(word.exchange(from, Word::closed(from.entering(1000), false)));
        }
    }

    #[test]
    fn numbers_begin_at_one_and_go_round_without_reaching_into_the_rest_of_the_word() {
        let number = |word: Word| (word.0 >> NUMBER_AT, word.phase(), word.monitored(), word.since(1000));
        for (closings, expected) in [
            (0, 1),
            (1, 2),
            (MAX_NUMBER - 2, MAX_NUMBER - 1),
            (MAX_NUMBER - 1, MAX_NUMBER),
            (MAX_NUMBER, 1),
            (MAX_NUMBER + 1, 2),
            (2 * MAX_NUMBER - 1, MAX_NUMBER),
            (2 * MAX_NUMBER, 1),
        ] {
            for monitored in [false, true] {
                let closed = Word::closed(1000, monitored);
                let numbered = closed.numbered(closings);
                assert_eq!(number(numbered), (expected, Phase::Closed, monitored, 1000), "{closings} closings");
                assert!(closed.wants_a_number() && !numbered.wants_a_number(), "{closings} closings");
            }
        }
        let word = AtomicWord::new(Word::closed(1000, false));
        let begun = word.load();
        assert!(word.exchange(begun, Word::closed(1000, false)));
        assert_eq!([begun, word.load()].map(|word| number(word).0), [1, 2]);
    }

    #[test]
    fn ages_survive_the_wrapping_of_since() {
        let now = mask(SINCE_BITS) + 10;
        let open = Word::open(now - 20, 0, 0, false);
        assert_eq!(open.since(now), now - 20);
        let half = open.transition_to_half_open(now);
        assert_eq!(half.since(now + mask(PROBE_SINCE_BITS) / 2), now);
    }

    #[test]
    fn a_state_that_was_entered_ahead_of_the_clock_is_not_left_before_it_began() {
        let now = 5_000_000_000;
        let half_open = Word::open(now, 0, 0, false).transition_to_half_open(now + 1);
        for word in [Word::closed(now + 1, false), Word::open(now + 1, 0, 0, true), Word::forced(now + 1), half_open] {
            let moments = (word.since(now), word.entering(now), word.entering(now + 2));
            assert_eq!(moments, (now + 1, now + 1, now + 2), "{:?}", word.phase());
        }
        // Nor is the next one entered before: whatever follows from the present.
        let (open, disabled) = (Word::open(now + 1, 0, 0, false), Word::disabled(now + 1));
        let silent = open.transition_to_half_open(now).release_probe(Some(true));
        for next in [
            open.transition_to_half_open(now),
            silent.admit_probe(now, &RULE).unwrap(),
            Word::forced(now + 1).with_enforcement(false, now),
            disabled.with_enforcement(true, now),
            open.with_enforcement(true, now),
        ] {
            assert_eq!(next.since(now + 1), now + 1, "{:?}", next.phase());
        }
        let open = Word::open(now + 7, 3, 9, false);
        assert_eq!([now, now + 7, now + 8].map(|now| open.left_of(1000, now)), [1007, 1000, 999]);
    }

    #[test]
    fn what_seems_to_be_further_ahead_of_the_clock_than_any_moment_is_was_long_ago() {
        let now = 5_000_000_000;
        for (ahead, is_ahead) in [(AHEAD - 1, true), (AHEAD, true), (AHEAD + 1, false), (AHEAD + 2, false)] {
            let at = now + ahead;
            let open = Word::open(at, 0, 0, false);
            let half_open = open.transition_to_half_open(at);
            for word in [Word::closed(at, false), open, half_open] {
                assert_eq!(word.since(now) == at, is_ahead, "{:?}, {ahead} ahead", word.phase());
                assert_eq!(word.since(now) < now, !is_ahead, "{:?}, {ahead} ahead", word.phase());
            }
            assert_eq!(open.left_of(1000, now), if is_ahead { 1000 + ahead } else { 0 });
            assert_eq!(half_open.due(now, &RULE) == Due::Nothing, is_ahead, "its time is up, or has not begun");
        }
    }

    #[test]
    fn a_caller_beyond_the_probes_is_told_the_rest_of_an_opening_and_not_past_their_deadline() {
        let began = 5_000_000_000;
        let half_open = Word::open(began - 10, 0, 0, false).transition_to_half_open(began);
        for (lasts, timeout_millis, passed) in (1..12)
            .flat_map(|lasts| (1..30).flat_map(move |timeout| (0..40).map(move |passed| (lasts, timeout, passed))))
        {
            let rule = HalfOpenRule { timeout_millis, ..RULE };
            let rest_of_opening = (1..=lasts).find(|rest| (passed + rest) % lasts == 0).unwrap();
            let until_deadline = timeout_millis - passed.min(timeout_millis);
            let told = half_open.ask_again_in(began + passed, &rule, lasts);
            assert_eq!(told, rest_of_opening.min(until_deadline), "{passed} ms of {timeout_millis}, by {lasts}");
        }
    }

    #[test]
    fn a_half_open_breaker_that_nobody_called_for_days_is_left_now_and_not_later() {
        let now = 5_000_000_000;
        let idle = Word::open(now - 10, 0, 0, false).transition_to_half_open(now).release_probe(Some(true));
        for hours in 1..24 * 12 {
            let now = now + hours * 3_600_000;
            assert_eq!(idle.entering(now), now, "after {hours} hours");
            let hung = Word::open(0, 0, 0, false).transition_to_half_open(5_000_000_000);
            let reopens = Due::ReopenTimedOut { at: 5_000_060_000 };
            assert_eq!(hung.due(now, &RULE), reopens, "after {hours} hours");
        }
    }

    #[test]
    fn one_that_opened_before_the_clock_began_is_as_old_as_it_is() {
        let now = 5_000_u64;
        let open = |age: u64| Word::open(now.wrapping_sub(age), 0, 0, false);
        assert_eq!(open(20_000).age(now), 20_000);
        assert_eq!([20_000, 30_000, 40_000, 1_000].map(|age| open(age).left_of(30_000, now)), [10_000, 0, 0, 29_000]);
    }

    #[test]
    fn backoff_grows_to_the_cap_and_jitter_only_lengthens() {
        let rule = OpenRule { open_for_millis: 1000, max_millis: 5000, backoff: 2.0, jitter: 0.5 };
        assert_eq!([0, 1, 2, 3].map(|n| rule.lasts(n, 0)), [1000, 2000, 4000, 5000]);
        assert_eq!(rule.lasts(0, JITTER), 1500);
        assert_eq!(rule.lasts(127, JITTER), 7500);
    }

    #[test]
    fn a_half_open_breaker_waits_for_a_probe_and_no_longer() {
        let now = 1_000_000;
        let half = Word::open(now - 10, 0, 0, false).transition_to_half_open(now);
        assert_eq!(half.due(now + 59_999, &RULE), Due::Nothing);
        assert_eq!(half.due(now + 60_000, &RULE), Due::ReopenTimedOut { at: now + 60_000 });
        let idle = half.release_probe(Some(true));
        assert_eq!(idle.due(now + 600_000, &RULE), Due::Nothing, "nobody is in flight");
        let silent = half.release_probe(None);
        assert_eq!(silent.due(now + 59_999, &RULE), Due::Nothing);
        assert_eq!(silent.due(now + 600_000, &RULE), Due::ReopenTimedOut { at: now + 60_000 }, "nobody has answered");
        let next = silent.admit_probe(now + 59_999, &RULE).unwrap();
        assert_eq!(next.due(now + 60_000, &RULE), Due::ReopenTimedOut { at: now + 60_000 }, "the first one's time");
    }
}
