//! Counting outcomes without making two cores wait for each other.
//!
//! Every outcome is one addition to a counter of the calling thread's own ([`shards`]). The counters only grow, and they are the
//! totals that metrics show. A window is a difference: the sums now less the sums at a mark in the past. A time window
//! puts a mark at each bucket's beginning ([`marks`]), taken by whoever first enters the bucket; a count window stamps each
//! failure with its position and asks which stamps lie within the last N calls ([`stamps`]); a streak of failures remembers the
//! successes before it ([`streak`]). Rollover, reset and resize move marks, so no count is ever lost or counted twice.
//!
//! # Orderings
//!
//! * **Counters**, and the histograms beside them ([`times`]), are `Relaxed`: a shard is written by one thread at a time (its index is handed on with `Release` and
//!   `Acquire`), or added to atomically, and read by summing.
//! * **Two failures that together reach a threshold** are on two shards, and each thread adds before it tally. A `SeqCst`
//!   **fence** stands between the two on every path that evaluates ([`Window::record`]): of two such fences one is
//!   second, and what its thread sums afterwards contains the other's addition, mark and stamp. Without it both could miss each
//!   other's and neither would trip. (`SeqCst` accesses in place of the fence would do on hardware, but not in loom's model.)
//!   A success that completes `minimum_calls` is not fenced: what it misses, the next outcome finds. So it may also ask whether anybody waits for
//!   it before it adds.
//! * **`current`** (generation and end of the bucket) is exchanged with `AcqRel` after the sums for the new mark were read. An
//!   outcome adds only once it has seen the bucket that it belongs to, hence after the exchange, so it is never in that
//!   bucket's mark. What adds late (it saw the old bucket and was held up) is counted on the old side.
//! * **Another reach** is stored before `current` is ended, and whoever has begun a bucket looks at the reach once more: either it sees the new one, or
//!   its bucket is ended after it. Otherwise a bucket could last as long as one of a window that is no more.
//! * **Marks** are published as sequence locks: see [`crate::seqlock`].

mod histogram;
mod marks;
mod shards;
mod stamps;
mod streak;
mod times;

use crate::sync::{ArcSwapOption, AtomicSetting, AtomicU64, Ordering, fence};
use std::sync::Arc;

pub use histogram::{Histogram, Latency};
pub(crate) use shards::{Counter, Shard, Total};
pub(crate) use streak::Consecutive;
pub(crate) use times::TimesKept;
use {
    marks::Marks,
    shards::{Shards, Tally},
    stamps::{Heads, Stamps},
    streak::{Began, Streak},
};

/// What is in a circuit breaker's window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct WindowCounts {
    /// Successes and failures; slow calls are among them.
    pub calls: u64,
    /// Failures.
    pub failures: u64,
    /// Calls that took longer than `slow_call`, as long as that was on: those of `calls`, and those that were dropped after it.
    pub slow: u64,
    /// What `slow` is a share of: `calls`, and those that were dropped after `slow_call`. A count window holds the last so many of them together.
    pub slow_of: u64,
    /// Calls that were dropped after their body had waited for `abandoned_after`. They are in no failure rate.
    pub abandoned: u64,
}

impl WindowCounts {
    /// Counts of one's own, to try a `trip_if` on.
    pub const fn new(calls: u64, failures: u64, slow: u64) -> Self {
        Self { calls, failures, slow, slow_of: calls, abandoned: 0 }
    }

    /// With so many calls more that were dropped after `slow_call`.
    pub const fn dropped_slow(mut self, calls: u64) -> Self {
        self.slow += calls;
        self.slow_of += calls;
        self
    }

    /// With so many calls that were abandoned.
    pub const fn abandoned(mut self, calls: u64) -> Self {
        self.abandoned = calls;
        self
    }

    /// The share of failures in percent; 0 of an empty window.
    pub fn failure_rate(&self) -> f64 {
        crate::error::percent(self.failures, self.calls)
    }

    /// The share of slow calls in percent, those that were dropped among them; 0 of an empty window.
    pub fn slow_call_rate(&self) -> f64 {
        crate::error::percent(self.slow, self.slow_of)
    }
}

/// How far a window reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Span {
    /// So many milliseconds, in buckets of a tenth.
    Time { millis: u64 },
    /// So many calls.
    Count { calls: u64 },
    /// All since the breaker closed; in no rate.
    Unbounded,
}

/// Parts of a time window.
pub(crate) const BUCKETS: u64 = if cfg!(resilience_loom) { 2 } else { 10 };

/// One finished call, as the window takes it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EndedCall {
    /// `Ok` or `Failed`; of what was dropped and says something none the less, `Abandoned` or `Cancelled`.
    pub(crate) counter: Counter,
    pub(crate) slow: bool,
    /// Nanoseconds, or `NOT_TIMED`.
    pub(crate) took: u64,
}

impl EndedCall {
    /// That of a call of which nobody counts how long it took.
    pub(crate) const NOT_TIMED: u64 = u64::MAX;

    /// Whether it says nothing but that the dependency works.
    fn is_calm(self) -> bool {
        self.counter == Counter::Ok && !self.slow
    }

    fn is_dropped(self) -> bool {
        matches!(self.counter, Counter::Abandoned | Counter::Cancelled)
    }

    fn lengthens_the_row(self) -> bool {
        matches!(self.counter, Counter::Failed | Counter::Abandoned)
    }
}

/// The window after an outcome that has to be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) counts: WindowCounts,
    pub(crate) streak: Consecutive,
}

/// Laid out by who writes: what every call reads, the counters, and what failures and the beginnings of buckets write. Whoever holds it puts more that every call reads
/// before it, so that the counters begin a cache line.
#[repr(C)]
pub(crate) struct Window {
    /// `generation << 40 | end of the bucket in milliseconds`: what an outcome has to see before it counts.
    current: AtomicU64,
    /// Whether a success has to be judged, since it may complete `minimum_calls` and trip: a hint, set by whoever evaluated last.
    armed: AtomicSetting,
    shards: Shards,
    streak: Streak,
    pub(crate) streak_began: Began,
    span: AtomicSpan,
    /// Nothing of a window that is not one of calls. Read without a lock: no call waits while another ring is made.
    stamps: ArcSwapOption<Stamps>,
    marks: Marks,
}

const END_BITS: u32 = 40;
const NO_END: u64 = (1 << END_BITS) - 1;
/// No bucket ends at zero: whoever comes next begins one.
const ENDED: u64 = 0;

/// As much of a generation as fits beside a bucket's end. Those of a breaker are numbers with one bit less, so that none is that of a window that nobody has entered yet.
const GENERATION_MASK: u64 = (1 << (64 - END_BITS)) - 1;

impl Window {
    pub(crate) fn new(span: Span, slow_calls: bool) -> Self {
        Self {
            current: AtomicU64::new(GENERATION_MASK << END_BITS | ENDED),
            armed: AtomicSetting::new(0),
            shards: Shards::new(),
            streak: Streak::new(),
            streak_began: Began::new(),
            span: AtomicSpan::new(span),
            stamps: ArcSwapOption::new(Stamps::new(span, slow_calls).map(Arc::new)),
            marks: Marks::new(),
        }
    }

    /// Counts what is in no window.
    #[inline]
    pub(crate) fn count(&self, shard: Shard, counter: Counter) {
        self.shards.add(shard, counter);
    }

    pub(crate) fn total(&self, counter: Counter) -> u64 {
        self.shards.total(counter)
    }

    /// Counts a success that was admitted in the closed `generation`, if that is all there is to do: it enters a bucket that has
    /// already begun, so it can lower a rate and complete no minimum. Otherwise [`record`](Self::record) is to be asked.
    #[inline(always)]
    pub(crate) fn count_calm_success(&self, shard: Shard, generation: u64, now: impl Fn() -> u64) -> bool {
        let is_calm = self.is_entered(self.current.load(Ordering::Acquire), generation, now) && self.armed.get() == 0;
        if is_calm {
            self.shards.add(shard, Counter::Ok);
        }
        is_calm
    }

    /// Counts the end of a call that was admitted in the closed `generation`, and says how things stand if that has to be judged.
    pub(crate) fn record(
        &self,
        shard: Shard,
        generation: u64,
        now: impl Fn() -> u64,
        finished: EndedCall,
    ) -> Option<Standing> {
        let entered = self.enter(generation, &now);
        self.count_finished(shard, finished);
        if entered || !finished.is_calm() || self.armed.get() != 0 {
            return Some(self.stand(generation, now(), finished));
        }
        None
    }

    /// Counts the end of a call that is in no window.
    pub(crate) fn count_finished(&self, shard: Shard, finished: EndedCall) {
        self.shards.add(shard, finished.counter);
        if finished.slow {
            self.shards.add(shard, Counter::Slow);
            if finished.is_dropped() {
                self.shards.add(shard, Counter::DroppedSlow);
            }
        }
    }

    /// The sums are looked at once, and once more only for a count window's stamp: each look takes their lines from threads that are counting.
    #[cold]
    fn stand(&self, generation: u64, now: u64, finished: EndedCall) -> Standing {
        fence(Ordering::SeqCst);
        let (counts, tally) = self.counts_after(generation, now, Some(finished));
        let streak = if finished.lengthens_the_row() {
            self.streak.failed(generation, tally.ok)
        } else {
            Consecutive::default()
        };
        Standing { counts, streak }
    }

    /// From now on every outcome has to be judged, until an evaluation finds that it need not.
    pub(crate) fn arm(&self) {
        // After the reason for it, and before the look at whether somebody has disarmed: see `rearm`.
        fence(Ordering::SeqCst);
        self.set_armed(true);
    }

    /// Whether the evaluation found that a success might still complete the minimum and trip. With a rule of the user's own, and after a
    /// reconfiguration, it may in any case. Whoever disarms asks `still` afterwards: the reason to [arm](Self::arm) that comes meanwhile is seen there, or its arming
    /// comes later.
    pub(crate) fn rearm(&self, armed: bool, still: impl FnOnce() -> bool) {
        if self.set_armed(armed) && !armed {
            fence(Ordering::SeqCst);
            if still() {
                self.set_armed(true);
            }
        }
    }

    /// Whether that is a change.
    fn set_armed(&self, armed: bool) -> bool {
        let armed = u64::from(armed);
        // Read by every success: written only when it changes.
        let changes = self.armed.get() != armed;
        if changes {
            self.armed.set(armed);
        }
        changes
    }

    /// Whether the generation and the bucket of `now` have begun.
    #[inline]
    fn is_entered(&self, current: u64, generation: u64, now: impl Fn() -> u64) -> bool {
        let end = current & NO_END;
        current >> END_BITS == generation & GENERATION_MASK && (end == NO_END || now() < end)
    }

    /// Makes sure that they have; whether it was this call that began them.
    fn enter(&self, generation: u64, now: impl Fn() -> u64) -> bool {
        let current = self.current.load(Ordering::Acquire);
        !self.is_entered(current, generation, &now) && self.begin(generation, now(), current)
    }

    #[cold]
    fn begin(&self, generation: u64, now: u64, mut current: u64) -> bool {
        let generation = generation & GENERATION_MASK;
        loop {
            if current >> END_BITS == generation && now < current & NO_END {
                return false;
            }
            let span = self.span.load();
            // Before the exchange: see the module's orderings.
            let (tally, streak) = (self.shards.tally(), self.streak.seen());
            let next = generation << END_BITS | span.bucket(now).1;
            match self.current.compare_exchange(current, next, Ordering::AcqRel, Ordering::Acquire) {
                // Another reach has come between, whose buckets end elsewhere.
                Ok(_) if self.span.load() != span => {
                    let ended = generation << END_BITS | ENDED;
                    let exchanged = self.current.compare_exchange(next, ended, Ordering::AcqRel, Ordering::Acquire);
                    current = exchanged.map_or_else(|newer| newer, |_| ended);
                }
                Ok(_) => {
                    let first = self.marks.put(generation, now, tally, span);
                    if first && current >> END_BITS != generation {
                        self.streak.restart(streak, generation, tally.ok);
                    }
                    return true;
                }
                Err(newer) => current = newer,
            }
        }
    }

    /// What is in the window of a closed `generation` as of `now`.
    pub(crate) fn counts(&self, generation: u64, now: u64) -> WindowCounts {
        self.counts_after(generation, now, None).0
    }

    /// What is in the window after an outcome that is counted but not stamped yet, and the sums that it was told from.
    fn counts_after(&self, generation: u64, now: u64, finished: Option<EndedCall>) -> (WindowCounts, Tally) {
        let span = self.span.load();
        let stamped = if let Span::Count { calls } = span {
            let stamps = self.stamps.load();
            // There are none where the window is becoming another one.
            let heads = stamps.as_ref().map(|stamps| {
                if let Some(finished) = finished
                    && !finished.is_calm()
                {
                    stamps.stamp(&self.shards.tally(), finished);
                    fence(Ordering::SeqCst);
                }
                stamps.heads()
            });
            Some((calls, stamps, heads))
        } else {
            None
        };
        let mark = self.marks.oldest(generation & GENERATION_MASK, span.reach(now));
        let tally = self.shards.tally();
        let Some(mark) = mark else { return (WindowCounts::default(), tally) };
        let mark = mark.before(&tally);
        let (begun, positions) = (mark.positions(), tally.positions());
        let since = WindowCounts {
            calls: positions.calls.saturating_sub(begun.calls),
            failures: tally.failed.saturating_sub(mark.failed),
            slow: tally.slow.saturating_sub(mark.slow),
            slow_of: positions.timed.saturating_sub(begun.timed),
            abandoned: tally.abandoned.saturating_sub(mark.abandoned),
        };
        let counts = match stamped {
            None => since,
            Some((calls, stamps, heads)) => {
                let stamped = stamps.as_ref().zip(heads);
                let after = |(stamps, heads): (&Arc<Stamps>, _)| stamps.after(heads, positions.back(calls, &begun));
                let in_it = stamped.map_or(Heads::NONE, after);
                WindowCounts {
                    calls: since.calls.min(calls),
                    failures: in_it.failed,
                    slow: in_it.slow,
                    slow_of: since.slow_of.min(calls),
                    abandoned: in_it.abandoned,
                }
            }
        };
        (counts, tally)
    }

    /// Failures in a row in a closed `generation`.
    pub(crate) fn streak(&self, generation: u64) -> u64 {
        if self.current.load(Ordering::Acquire) >> END_BITS != generation & GENERATION_MASK {
            return 0;
        }
        self.streak.length(generation, self.shards.tally().ok)
    }

    /// Room for another window, with the newest stamps in it. Whoever is stamping the old ring is waited for, since nobody else may wait for this: what has been stamped there
    /// meanwhile follows. Until then it is a failure too few. One at a time.
    fn replace_stamps(&self, span: Span, slow_calls: bool) {
        let new = Stamps::new(span, slow_calls).map(Arc::new);
        let copied = self.stamps.load().as_ref().zip(new.as_ref()).map(|(old, new)| old.copy_to(new));
        let Some(old) = self.stamps.swap(new.clone()) else { return };
        while Arc::strong_count(&old) > 1 {
            #[cfg(resilience_loom)]
            loom::thread::yield_now();
            #[cfg(not(resilience_loom))]
            std::thread::yield_now();
        }
        // What they have stamped was done before they let go.
        fence(Ordering::Acquire);
        new.iter().zip(copied).for_each(|(new, copied)| old.copy_later(copied, new));
        // Loom does not see what the count says, and would take its end for an access beside those of the others.
        #[cfg(resilience_loom)]
        std::mem::forget(old);
    }

    /// Another reach, or slow calls counted from now on. What is in the window stays, except that a count window that becomes a
    /// time window, or the other way round, starts empty; what had left it stays out.
    pub(crate) fn resize(&self, span: Span, slow_calls: bool, now: u64) {
        let old = self.span.load();
        if old == span && self.stamps.load().as_ref().is_none_or(|stamps| stamps.takes_slow_calls() == slow_calls) {
            return;
        }
        let current = self.current.load(Ordering::Acquire);
        let generation = current >> END_BITS;
        self.replace_stamps(span, slow_calls);
        match (old, span) {
            (Span::Time { .. }, Span::Time { .. }) => self.marks.forget_before(old.reach(now)),
            (Span::Count { calls }, Span::Count { .. }) => {
                if let Some(mark) = self.marks.oldest(generation, 0) {
                    let tally = self.shards.tally();
                    let begins = tally.positions().back(calls, &mark.before(&tally).positions());
                    self.marks.clear();
                    self.marks.put(generation, now, tally.at(begins), span);
                }
            }
            (Span::Unbounded, Span::Unbounded) => {}
            _ => self.marks.clear(),
        }
        self.span.store(span);
        // Buckets end elsewhere now: whoever comes next begins one, of whichever generation it is by now.
        self.current.fetch_and(!NO_END, Ordering::AcqRel);
    }
}

/// Where what is in it: what every call reads, the counters, and what failures and the beginnings of buckets write.
#[cfg(all(test, target_pointer_width = "64", not(resilience_loom)))]
impl Window {
    pub(crate) const READ_AT: [usize; 3] = [
        std::mem::offset_of!(Self, current),
        std::mem::offset_of!(Self, armed),
        std::mem::offset_of!(Self, shards) + Shards::MORE_AT,
    ];
    pub(crate) const COUNTERS_AT: std::ops::Range<usize> = {
        let (within, counters) = (std::mem::offset_of!(Self, shards), Shards::COUNTERS_AT);
        within + counters.start..within + counters.end
    };
    pub(crate) const WRITTEN_AT: [usize; 3] = [
        std::mem::offset_of!(Self, streak),
        std::mem::offset_of!(Self, streak_began),
        std::mem::offset_of!(Self, marks),
    ];
}

impl Span {
    /// The bucket of `now`: its beginning, and the first millisecond after it. Without time there is one bucket.
    fn bucket(self, now: u64) -> (u64, u64) {
        match self {
            Self::Time { millis } => {
                let bucket = (now * BUCKETS) / millis;
                ((bucket * millis).div_ceil(BUCKETS), ((bucket + 1) * millis).div_ceil(BUCKETS))
            }
            Self::Count { .. } | Self::Unbounded => (0, NO_END),
        }
    }

    /// The beginning of the oldest bucket that is in the window at `now`.
    fn reach(self, now: u64) -> u64 {
        match self {
            Self::Time { millis } => {
                let bucket = (now * BUCKETS) / millis;
                (bucket.saturating_sub(BUCKETS - 1) * millis).div_ceil(BUCKETS)
            }
            Self::Count { .. } | Self::Unbounded => 0,
        }
    }
}

/// A [`Span`] in one word: two bits of kind, the rest its length.
struct AtomicSpan(AtomicU64);

impl AtomicSpan {
    fn new(span: Span) -> Self {
        Self(AtomicU64::new(Self::pack(span)))
    }

    fn pack(span: Span) -> u64 {
        match span {
            Span::Unbounded => 0,
            Span::Time { millis } => millis << 2 | 1,
            Span::Count { calls } => calls << 2 | 2,
        }
    }

    fn load(&self) -> Span {
        let packed = self.0.load(Ordering::Acquire);
        match packed & 3 {
            1 => Span::Time { millis: packed >> 2 },
            2 => Span::Count { calls: packed >> 2 },
            _ => Span::Unbounded,
        }
    }

    fn store(&self, span: Span) {
        self.0.store(Self::pack(span), Ordering::Release);
    }
}

#[cfg(all(test, not(resilience_loom)))]
mod tests {
    use super::*;

    #[test]
    fn buckets_follow_one_another_without_a_gap_and_a_window_is_ten_of_them() {
        for millis in [10, 11, 95, 1000, 10_007, 86_400_000] {
            let span = Span::Time { millis };
            for now in [0, 1, millis / 2, millis, 1_000_000, 5_000_000_000, 5_000_000_000 + millis / 3] {
                let (start, end) = span.bucket(now);
                assert!(start <= now && now < end, "{now}, {millis} ms");
                assert!((end - start).abs_diff(millis / 10) <= 1, "{now}, {millis} ms");
                assert_eq!((span.bucket(start), span.bucket(end - 1)), ((start, end), (start, end)));
                assert_eq!(span.bucket(end).0, end);
                let oldest = (1..BUCKETS).fold(start, |start, _| span.bucket(start.saturating_sub(1)).0);
                assert_eq!(span.reach(now), oldest, "{now}, {millis} ms");
            }
        }
        for span in [Span::Count { calls: 7 }, Span::Unbounded] {
            assert_eq!((span.bucket(1_000_000), span.reach(1_000_000)), ((0, NO_END), 0));
        }
    }

    #[test]
    fn counts_of_ones_own_are_what_was_said_and_the_rates_are_their_shares() {
        let counts = WindowCounts::new(10, 8, 3).dropped_slow(2).abandoned(5);
        assert_eq!(counts, WindowCounts { calls: 10, failures: 8, slow: 5, slow_of: 12, abandoned: 5 });
        assert_eq!((counts.failure_rate(), counts.slow_call_rate()), (80.0, 500.0 / 12.0));
        assert_eq!((WindowCounts::default().failure_rate(), WindowCounts::default().slow_call_rate()), (0.0, 0.0));
    }

    #[test]
    fn a_span_is_read_as_it_was_written() {
        let written = AtomicSpan::new(Span::Unbounded);
        for span in
            [Span::Time { millis: 7 }, Span::Count { calls: 7 }, Span::Unbounded, Span::Time { millis: 1 << 40 }]
        {
            written.store(span);
            assert_eq!((written.load(), AtomicSpan::new(span).load()), (span, span));
        }
    }

    #[test]
    fn who_disarms_a_window_looks_once_more_and_arms_it_again_for_what_came_meanwhile() {
        let window = Window::new(Span::Unbounded, false);
        let looks = std::cell::Cell::new(0);
        let is_armed_after = |armed, still| {
            window.rearm(armed, || {
                looks.set(looks.get() + 1);
                still
            });
            (window.armed.get(), looks.take())
        };
        assert_eq!(is_armed_after(false, true), (0, 0), "it was not armed");
        for (armed, still, expected) in [
            (true, false, (1, 0)),
            (true, false, (1, 0)),
            (false, true, (1, 1)),
            (false, false, (0, 1)),
            (false, true, (0, 0)),
        ] {
            assert_eq!(is_armed_after(armed, still), expected, "armed {armed}, still {still}");
        }
        window.arm();
        assert_eq!(is_armed_after(false, false), (0, 1));
    }
}
