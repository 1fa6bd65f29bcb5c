//! Why a breaker opened, its window as it was then, and for how long where that was said: written once an opening, read by every rejection.

use crate::error::OpenReason;
use crate::seqlock::{BUSY, EMPTY, Tagged};
use crate::sync::AtomicSetting;
use crate::window::WindowCounts;
use std::time::Duration;

/// One opening: the generation of the open state, the reason, and the window that the opening froze.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Opening {
    pub(super) generation: u64,
    pub(super) reason: OpenReason,
    pub(super) frozen: WindowCounts,
}

/// Tagged `count << 42 | generation << 4 | reason`, where the count tells openings of one millisecond apart; the reason's two numbers, then the window.
pub(super) struct LastOpening(Tagged<7>);

impl LastOpening {
    pub(super) fn new() -> Self {
        Self(Tagged::new())
    }

    /// Nobody else writes for this generation: it was this thread that entered it. An earlier one's writer that was held
    /// up is waited for, and one that comes late is told off.
    pub(super) fn write(&self, opening: Opening) {
        let (kind, a, b) = pack(opening.reason);
        let WindowCounts { calls, failures, slow, slow_of, abandoned } = opening.frozen;
        loop {
            let seen = self.0.tag();
            if seen != EMPTY && seen != BUSY && is_later(generation_of(seen), opening.generation) {
                return;
            }
            let count = if seen == EMPTY { 0 } else { (seen >> COUNT_AT) + 1 };
            let tag = (count & COUNT) << COUNT_AT | opening.generation << 4 | kind;
            if self.0.replace(seen, tag, [a, b, calls, failures, slow, slow_of, abandoned]) {
                return;
            }
            #[cfg(resilience_loom)]
            loom::thread::yield_now();
            #[cfg(not(resilience_loom))]
            std::thread::yield_now();
        }
    }

    /// The generation and the reason alone, for rejections. `None` while it is being written.
    #[inline]
    pub(super) fn read_reason(&self) -> Option<(u64, PackedReason)> {
        let tag = self.0.tag();
        if tag == EMPTY || tag == BUSY {
            return None;
        }
        let [a, b] = self.0.read_first(tag)?;
        Some((generation_of(tag), PackedReason { kind: tag & 0xf, a, b }))
    }

    /// `None` while it is being written.
    pub(super) fn read(&self) -> Option<Opening> {
        let tag = self.0.tag();
        if tag == EMPTY || tag == BUSY {
            return None;
        }
        let [a, b, calls, failures, slow, slow_of, abandoned] = self.0.read(tag)?;
        let frozen = WindowCounts { calls, failures, slow, slow_of, abandoned };
        Some(Opening { generation: generation_of(tag), reason: unpack(tag & 0xf, a, b), frozen })
    }
}

/// How long an opening lasts that was not to last as the settings say: `generation (26) << 38 | milliseconds`. Written in the turn that enters the state, before it
/// is entered: whoever sees that state sees this.
pub(super) struct OwnTime(AtomicSetting);

const MILLIS_BITS: u32 = 38;
const MILLIS: u64 = (1 << MILLIS_BITS) - 1;

impl OwnTime {
    pub(super) fn new() -> Self {
        Self(AtomicSetting::new(0))
    }

    pub(super) fn set(&self, generation: u64, millis: u64) {
        self.0.set(generation << MILLIS_BITS | millis.min(MILLIS));
    }

    /// `None` where the next opening is being written already: the state is left by then.
    pub(super) fn of(&self, generation: u64) -> Option<u64> {
        let own = self.0.get();
        ((own >> MILLIS_BITS) << MILLIS_BITS == generation << MILLIS_BITS).then_some(own & MILLIS)
    }
}

/// A reason as three words, which travel by themselves where the whole would be copied in larger pieces than it was written in.
#[derive(Clone, Copy, Debug)]
pub(super) struct PackedReason {
    kind: u64,
    a: u64,
    b: u64,
}

impl From<OpenReason> for PackedReason {
    fn from(reason: OpenReason) -> Self {
        let (kind, a, b) = pack(reason);
        Self { kind, a, b }
    }
}

impl From<PackedReason> for OpenReason {
    #[inline(always)]
    fn from(PackedReason { kind, a, b }: PackedReason) -> Self {
        unpack(kind, a, b)
    }
}

const COUNT_AT: u32 = 42;
const COUNT: u64 = (1 << 20) - 1;

#[inline]
fn generation_of(tag: u64) -> u64 {
    tag >> 4 & ((1 << 38) - 1)
}

/// Generations are moments of 38 bits.
fn is_later(generation: u64, than: u64) -> bool {
    let ahead = generation.wrapping_sub(than) & ((1 << 38) - 1);
    ahead != 0 && ahead < 1 << 37
}

fn pack(reason: OpenReason) -> (u64, u64, u64) {
    match reason {
        OpenReason::FailureRate { failures, calls } => (0, failures, calls),
        OpenReason::SlowCallRate { slow, calls } => (1, slow, calls),
        OpenReason::ConsecutiveFailures { failures } => (2, failures, 0),
        OpenReason::TripIf { failures, calls } => (3, failures, calls),
        OpenReason::ProbesFailed { failures } => (4, failures, 0),
        OpenReason::ProbeTimedOut => (5, 0, 0),
        OpenReason::Forced => (6, 0, 0),
        OpenReason::JustOpened => (7, 0, 0),
        OpenReason::Verdict { open_for: time } => (8, millis(time), 0),
        OpenReason::ForcedFor { open_for: time } => (9, millis(time), 0),
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[inline(always)]
fn unpack(kind: u64, a: u64, b: u64) -> OpenReason {
    match kind {
        0 => OpenReason::FailureRate { failures: a, calls: b },
        1 => OpenReason::SlowCallRate { slow: a, calls: b },
        2 => OpenReason::ConsecutiveFailures { failures: a },
        3 => OpenReason::TripIf { failures: a, calls: b },
        4 => OpenReason::ProbesFailed { failures: a },
        5 => OpenReason::ProbeTimedOut,
        6 => OpenReason::Forced,
        8 => OpenReason::Verdict { open_for: Duration::from_millis(a) },
        9 => OpenReason::ForcedFor { open_for: Duration::from_millis(a) },
        _ => OpenReason::JustOpened,
    }
}

#[cfg(all(test, not(resilience_loom)))]
mod tests {
    use super::*;
    use crate::circuit_breaker::CircuitBreaker;
    use crate::circuit_breaker::state::Word;
    use resilience_config::CircuitBreakerConfig;

    #[test]
    fn a_time_is_that_of_one_opening() {
        let own = OwnTime::new();
        let generation = (1 << 37) + 12_345;
        own.set(generation, 365 * 86_400_000);
        assert_eq!((own.of(generation), own.of(generation + 1)), (Some(365 * 86_400_000), None));
    }

    /// Where the next one is being written already, the settings say how long the state lasts that is being left.
    #[test]
    fn an_opening_whose_time_is_that_of_another_one_lasts_as_the_settings_say() {
        let config = CircuitBreakerConfig::new().open_for(Duration::from_secs(1)).open_backoff(2.0).open_jitter(0.5);
        let emitter = crate::event::Emitter::new(std::sync::Arc::default());
        let breaker = CircuitBreaker::new_at("opening".into(), config.resolve(), None, emitter, 1000);
        let open = Word::open(5000, 2, 0, false).for_own_time();
        breaker.cold.made().own_time.set(open.generation(), 70);
        assert_eq!(breaker.probe_due_in(open, 5000), 70);
        breaker.cold.made().own_time.set(open.generation() + 1, 70);
        assert_eq!(breaker.probe_due_in(open, 5000), 4000);
    }

    #[test]
    fn of_two_openings_of_one_generation_the_later_one_is_heard_and_told_from_the_first() {
        let last = LastOpening::new();
        let mut tags = std::collections::HashSet::new();
        for failures in 1..1000 {
            let reason = OpenReason::ConsecutiveFailures { failures };
            last.write(Opening { generation: 7, reason, frozen: WindowCounts::default() });
            assert_eq!(last.read().unwrap().reason, reason);
            assert!(tags.insert(last.0.tag()), "what is read between two tags that are equal is one opening's");
        }
    }

    #[test]
    fn moments_go_round_and_the_nearer_half_of_them_is_later() {
        let (half, last) = (1 << 37, (1 << 38) - 1);
        for (generation, than, expected) in [
            (7, 7, false),
            (8, 7, true),
            (7, 8, false),
            (0, last, true),
            (last, 0, false),
            (half - 1, 0, true),
            (half, 0, false),
            (half + 1, 0, false),
        ] {
            assert_eq!(is_later(generation, than), expected, "{generation} than {than}");
        }
    }

    #[test]
    fn every_reason_is_read_as_written() {
        let last = LastOpening::new();
        assert_eq!(last.read(), None);
        let reasons = [
            OpenReason::FailureRate { failures: 1, calls: 2 },
            OpenReason::SlowCallRate { slow: 3, calls: 4 },
            OpenReason::ConsecutiveFailures { failures: 5 },
            OpenReason::TripIf { failures: 6, calls: 7 },
            OpenReason::ProbesFailed { failures: 8 },
            OpenReason::ProbeTimedOut,
            OpenReason::Forced,
            OpenReason::JustOpened,
            OpenReason::Verdict { open_for: Duration::from_millis(9) },
            OpenReason::ForcedFor { open_for: Duration::from_millis(10) },
        ];
        for (generation, reason) in (1..).zip(reasons) {
            let opening =
                Opening { generation, reason, frozen: WindowCounts::new(9, 8, 7).dropped_slow(6).abandoned(5) };
            last.write(opening);
            assert_eq!(last.read(), Some(opening));
        }
        last.write(Opening { generation: 2, reason: OpenReason::Forced, frozen: WindowCounts::default() });
        assert_eq!(last.read().unwrap().generation, 10, "a late writer of an earlier opening is not heard");
    }
}
