//! Counters that only grow, one set a thread.
//!
//! A thread takes the lowest free index when it first records, and gives it back when it ends. The threads of the lowest
//! indexes each own a shard and add to it with a plain load and store; all others share the last shard and add atomically.

use super::Ordering;
use crate::sync::AtomicU64;

/// What is counted, and where it stands in a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counter {
    Ok,
    Failed,
    /// Of those, and of those that were dropped.
    Slow,
    /// Of the slow ones.
    DroppedSlow,
    Ignored,
    Cancelled,
    Abandoned,
    Rejected,
}

const COUNTERS: usize = 8;

/// As long as a cache line.
struct Counters([AtomicU64; COUNTERS]);

impl Counters {
    fn new() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }

    fn get(&self, counter: Counter) -> u64 {
        self.0[counter as usize].load(Ordering::Relaxed)
    }

    /// For the thread that has the index: no other writes here meanwhile.
    #[inline]
    fn add_alone(&self, counter: Counter, order: Ordering) {
        let cell = &self.0[counter as usize];
        cell.store(cell.load(Ordering::Relaxed) + 1, order);
    }
}

/// Shards that every breaker has within itself. Those that more cores need are allocated when it is built.
const INLINE: usize = if cfg!(resilience_loom) { 2 } else { 4 };

const LINE: usize = 64;

/// Counters on a cache line of their own.
#[repr(align(64))]
struct OwnLine(Counters);

/// The thread's place among the shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shard(pub(crate) usize);

/// The sums over all shards that a window is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) ok: u64,
    pub(crate) failed: u64,
    pub(crate) slow: u64,
    pub(crate) dropped_slow: u64,
    pub(crate) abandoned: u64,
}

/// Where a count window stands, or begins: in the sequence of the calls, in that of the calls and those that were dropped when they were slow, and in that of
/// the calls and those that were abandoned. What was dropped pushes no call out of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Positions {
    pub(super) calls: u64,
    pub(super) timed: u64,
    pub(super) abandoned: u64,
}

impl Positions {
    /// Where the last so many begin, and none before `begun`.
    pub(super) fn back(&self, calls: u64, begun: &Self) -> Self {
        let back = |position: u64, begun: u64| position.saturating_sub(calls).max(begun);
        Self {
            calls: back(self.calls, begun.calls),
            timed: back(self.timed, begun.timed),
            abandoned: back(self.abandoned, begun.abandoned),
        }
    }
}

impl Tally {
    /// Sums of these that stand there, for a count window that begins there.
    pub(super) fn at(self, Positions { calls, timed, abandoned }: Positions) -> Self {
        let ok = calls.wrapping_sub(self.failed);
        Self { ok, dropped_slow: timed - calls, abandoned: abandoned - calls, ..self }
    }

    pub(super) fn positions(&self) -> Positions {
        let calls = self.ok.wrapping_add(self.failed);
        Positions { calls, timed: calls + self.dropped_slow, abandoned: calls + self.abandoned }
    }
}

/// Whoever holds them says where: each of the inline ones is to be a cache line, and `more`, which threads beyond those read whenever they count, stands before them, where
/// nobody writes.
#[repr(C)]
pub(super) struct Shards {
    more: Box<[OwnLine]>,
    inline: [Counters; INLINE],
}

impl Shards {
    pub(super) fn new() -> Self {
        Self {
            more: (INLINE..shards_wanted()).map(|_| OwnLine(Counters::new())).collect(),
            inline: std::array::from_fn(|_| Counters::new()),
        }
    }

    #[inline]
    pub(crate) fn add(&self, shard: Shard, counter: Counter) {
        self.add_in(shard, counter, Ordering::Relaxed);
    }

    #[inline(always)]
    fn add_in(&self, Shard(index): Shard, counter: Counter, order: Ordering) {
        // The last of the inline ones may be the one that is shared; which it is, is for the others to find out.
        if index < INLINE - 1 {
            self.inline[index].add_alone(counter, order);
        } else {
            self.add_beyond(index, counter, order);
        }
    }

    fn add_beyond(&self, index: usize, counter: Counter, order: Ordering) {
        let Shard(index) = Shard(index).taken();
        let last = INLINE + self.more.len() - 1;
        if index < last {
            let counters = if index < INLINE { &self.inline[index] } else { &self.more[index - INLINE].0 };
            counters.add_alone(counter, order);
        } else {
            let counters = self.more.last().map_or(&self.inline[INLINE - 1], |OwnLine(counters)| counters);
            counters.0[counter as usize].fetch_add(1, order);
        }
    }

    pub(super) fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for shard in self.all() {
            tally.ok += shard.get(Counter::Ok);
            tally.failed += shard.get(Counter::Failed);
            tally.slow += shard.get(Counter::Slow);
            tally.dropped_slow += shard.get(Counter::DroppedSlow);
            tally.abandoned += shard.get(Counter::Abandoned);
        }
        tally
    }

    pub(super) fn total(&self, counter: Counter) -> u64 {
        self.all().map(|shard| shard.get(counter)).sum()
    }

    fn all(&self) -> impl Iterator<Item = &Counters> {
        self.inline.iter().chain(self.more.iter().map(|OwnLine(counters)| counters))
    }
}

/// Where what is in them.
#[cfg(all(test, target_pointer_width = "64", not(resilience_loom)))]
impl Shards {
    pub(super) const MORE_AT: usize = std::mem::offset_of!(Self, more);
    pub(super) const COUNTERS_AT: std::ops::Range<usize> =
        std::mem::offset_of!(Self, inline)..std::mem::offset_of!(Self, inline) + size_of::<[Counters; INLINE]>();
}

/// How many were let in, and how many were rejected: numbers that only grow and that all threads count, each by itself.
#[repr(C, align(64))]
pub(crate) struct Total {
    /// So that the shards begin a line each.
    _to_the_line: [u8; LINE - size_of::<Box<[OwnLine]>>()],
    shards: Shards,
}

impl Total {
    pub(crate) fn new() -> Self {
        Self { _to_the_line: [0; LINE - size_of::<Box<[OwnLine]>>()], shards: Shards::new() }
    }

    #[inline]
    pub(crate) fn increment(&self) {
        self.shards.add(Shard::if_taken(), Counter::Ok);
    }

    #[inline]
    pub(crate) fn reject(&self) {
        self.shards.add(Shard::if_taken(), Counter::Rejected);
    }

    pub(crate) fn get(&self) -> u64 {
        self.shards.total(Counter::Ok)
    }

    pub(crate) fn rejected(&self) -> u64 {
        self.shards.total(Counter::Rejected)
    }

    /// One more; whoever [finds](Self::released) it there sees what was done before.
    #[inline(always)]
    pub(crate) fn release(&self, shard: Shard) {
        self.shards.add_in(shard, Counter::Ok, Ordering::Release);
    }

    pub(crate) fn released(&self) -> u64 {
        let count = |counters: &Counters| counters.0[Counter::Ok as usize].load(Ordering::Acquire);
        self.shards.all().map(count).sum()
    }
}

#[cfg(resilience_loom)]
pub(super) fn shards_wanted() -> usize {
    INLINE
}

#[cfg(resilience_loom)]
impl Shard {
    /// Models say which thread they are on.
    pub(crate) fn of_this_thread() -> Self {
        unreachable!("a model gives the shard")
    }

    /// Likewise.
    pub(crate) fn if_taken() -> Self {
        unreachable!("a model gives the shard")
    }

    fn taken(self) -> Self {
        self
    }
}

#[cfg(not(resilience_loom))]
pub(super) use index::shards_wanted;

#[cfg(all(test, not(resilience_loom)))]
mod tests {
    use super::*;

    #[test]
    fn each_thread_has_a_shard_of_its_own_but_the_last_which_the_rest_share() {
        for beyond in [0, 1, 3] {
            let more = (0..beyond).map(|_| OwnLine(Counters::new())).collect();
            let shards = Shards { more, inline: std::array::from_fn(|_| Counters::new()) };
            let last = INLINE + beyond - 1;
            for thread in (0..2 * last).chain([usize::MAX]) {
                let before: Vec<_> = shards.all().map(|shard| shard.get(Counter::Slow)).collect();
                shards.add(Shard(thread), Counter::Slow);
                let after = shards.all().map(|shard| shard.get(Counter::Slow));
                let counted: Vec<_> = before.iter().zip(after).map(|(before, after)| after - before).collect();
                let expected: Vec<_> = (0..=last).map(|shard| u64::from(shard == thread.min(last))).collect();
                assert_eq!(counted, expected, "thread {thread}, {beyond} shards beyond those within");
            }
        }
    }

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn each_shard_is_a_cache_line_wherever_it_stands() {
        assert_eq!((size_of::<Counters>(), size_of::<OwnLine>(), align_of::<OwnLine>()), (64, 64, 64));
        let within = std::mem::offset_of!(Total, shards) + Shards::COUNTERS_AT.start;
        assert_eq!((within % 64, align_of::<Total>()), (0, 64));
    }

    #[test]
    fn a_tally_is_the_sum_of_each_counter_over_all_shards() {
        use Counter::{Abandoned, DroppedSlow, Failed, Ok, Slow};
        let shards = Shards::new();
        for (times, counter) in (1..).zip([Ok, Failed, Slow, DroppedSlow, Abandoned]) {
            (0..times).for_each(|thread| shards.add(Shard(thread), counter));
            assert_eq!(shards.total(counter), times as u64);
        }
        let tally = Tally { ok: 1, failed: 2, slow: 3, dropped_slow: 4, abandoned: 5 };
        assert_eq!(shards.tally(), tally);
        let positions = tally.positions();
        assert_eq!(positions, Positions { calls: 3, timed: 7, abandoned: 8 });
        assert_eq!(tally.at(positions), tally, "it stands where it is");
        let begun = Positions { calls: 1, timed: 2, abandoned: 0 };
        assert_eq!(positions.back(6, &begun), Positions { calls: 1, timed: 2, abandoned: 2 });
    }
}

#[cfg(not(resilience_loom))]
mod index {
    use super::{INLINE, Ordering, Shard};
    use once_cell::sync::Lazy;
    use std::cell::Cell;
    use std::sync::atomic::AtomicU64;

    /// Indexes that can be given out: bits of these words.
    static TAKEN: [AtomicU64; 4] = [const { AtomicU64::new(0) }; 4];

    /// A shard for each core, one for a thread beside them (a `block_on`), and the one that the rest share.
    static WANTED: Lazy<usize> =
        Lazy::new(|| std::thread::available_parallelism().map_or(INLINE, |cores| (cores.get() + 2).clamp(INLINE, 256)));

    pub(in crate::window) fn shards_wanted() -> usize {
        *WANTED
    }

    /// What a thread has before it first records.
    const NONE: usize = usize::MAX - 1;
    /// What it has when there was no other, and while it ends.
    const SHARED: usize = usize::MAX;

    thread_local! {
        /// Without a destructor, so that reading it is one load.
        static INDEX: Cell<usize> = const { Cell::new(NONE) };
        /// Gives the index back when the thread ends.
        static TAKEN_HERE: Index = Index::take();
    }

    struct Index(usize);

    impl Index {
        fn take() -> Self {
            for (position, word) in TAKEN.iter().enumerate() {
                let taken = word.fetch_update(Ordering::Acquire, Ordering::Relaxed, |bits| {
                    (bits != u64::MAX).then(|| bits | (bits + 1))
                });
                if let Ok(bits) = taken {
                    return Self(position * 64 + bits.trailing_ones() as usize);
                }
            }
            Self(SHARED)
        }
    }

    impl Drop for Index {
        fn drop(&mut self) {
            INDEX.set(SHARED);
            if let Some(word) = TAKEN.get(self.0 / 64) {
                word.fetch_and(!(1 << (self.0 % 64)), Ordering::Release);
            }
        }
    }

    impl Shard {
        /// This thread's. While a thread ends and has given its index back, it shares the last shard.
        #[inline]
        pub(crate) fn of_this_thread() -> Self {
            Self::if_taken().taken()
        }

        /// The same, but on a thread that has not recorded anything before: then whoever adds for it finds it out, on the way of those that have no shard of their own within a breaker. So
        /// no other call has to ask.
        #[inline]
        pub(crate) fn if_taken() -> Self {
            Self(INDEX.get())
        }

        #[inline]
        pub(super) fn taken(self) -> Self {
            if self.0 == NONE { Self::take() } else { self }
        }

        #[cold]
        fn take() -> Self {
            let index = TAKEN_HERE.try_with(|index| index.0).unwrap_or(SHARED);
            INDEX.set(index);
            Self(index)
        }
    }

    #[cfg(test)]
    mod tests {
        use super::super::Total;
        use super::*;

        #[test]
        fn a_thread_takes_its_index_when_it_first_records() {
            let total = Total::new();
            let indexes = std::thread::scope(|scope| {
                let record = || [Shard::if_taken(), (total.increment(), Shard::if_taken()).1, Shard::of_this_thread()];
                scope.spawn(record).join().unwrap()
            });
            assert_eq!((indexes[0], total.get()), (Shard(NONE), 1));
            assert!(indexes[1] != Shard(NONE) && indexes[1] == indexes[2], "{indexes:?}");
        }

        #[test]
        fn an_index_belongs_to_one_living_thread() {
            let threads: Vec<_> = (0..8).map(|_| std::thread::spawn(Shard::of_this_thread)).collect();
            let _ended: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();

            let here = Shard::of_this_thread();
            let barrier = std::sync::Barrier::new(8);
            let living = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..8)
                    .map(|_| {
                        scope.spawn(|| {
                            let shard = Shard::of_this_thread();
                            barrier.wait();
                            shard.0
                        })
                    })
                    .collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
            });
            let mut all = living;
            all.push(here.0);
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), 9);

            // More than there are, one after the other.
            for _ in 0..64 * TAKEN.len() + 1 {
                let index = std::thread::spawn(|| Shard::of_this_thread().0).join().unwrap();
                assert_ne!(index, SHARED, "whoever has ended has given it back");
            }
        }
    }
}
