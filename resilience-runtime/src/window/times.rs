//! Counting how long calls took: a histogram of each outcome for each shard, added to as the counters are (see [`shards`](super::shards)).

use super::Ordering;
use super::histogram::{BUCKETS, Histogram, Latency, bucket};
use super::shards::{Counter, Shard, shards_wanted};
use crate::sync::AtomicU64;
use once_cell::race::OnceBox;
use std::sync::Arc;
use std::time::Duration;

/// 512 bytes: eight cache lines.
#[repr(align(64))]
struct Cells {
    counts: [AtomicU64; BUCKETS],
    /// Nanoseconds.
    sum: AtomicU64,
}

impl Cells {
    fn new() -> Self {
        Self { counts: std::array::from_fn(|_| AtomicU64::new(0)), sum: AtomicU64::new(0) }
    }
}

/// Successes, and failures.
struct OfShard([Cells; 2]);

struct CallTimes(Box<[OfShard]>);

/// How long the calls of a breaker took, from when somebody asks for it; with keys, of all of them together.
pub(crate) struct TimesKept(OnceBox<Arc<CallTimes>>);

impl TimesKept {
    pub(crate) fn new() -> Self {
        Self(OnceBox::new())
    }

    /// From now on times can be counted here, together with those of `all`.
    pub(crate) fn begin(&self, all: &Self) {
        let times = all.0.get_or_init(|| Box::new(Arc::new(CallTimes::new())));
        self.0.get_or_init(|| Box::new(Arc::clone(times)));
    }

    /// A call that ended so took so long; nothing of one that neither succeeded nor failed.
    pub(crate) fn add(&self, shard: Shard, counter: Counter, nanos: u64) {
        if let Some(times) = self.0.get() {
            times.add(shard, counter, nanos);
        }
    }

    /// `None` where nobody has asked for it yet.
    pub(crate) fn read(&self) -> Option<Latency> {
        self.0.get().map(|times| times.read())
    }
}

impl CallTimes {
    fn new() -> Self {
        Self((0..shards_wanted()).map(|_| OfShard([Cells::new(), Cells::new()])).collect())
    }

    fn add(&self, Shard(index): Shard, counter: Counter, nanos: u64) {
        let outcome = match counter {
            Counter::Ok => 0,
            Counter::Failed => 1,
            _ => return,
        };
        let last = self.0.len() - 1;
        let OfShard(cells) = &self.0[index.min(last)];
        let Cells { counts, sum } = &cells[outcome];
        let cell = &counts[bucket(nanos)];
        if index < last {
            cell.store(cell.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
            sum.store(sum.load(Ordering::Relaxed).wrapping_add(nanos), Ordering::Relaxed);
        } else {
            cell.fetch_add(1, Ordering::Relaxed);
            sum.fetch_add(nanos, Ordering::Relaxed);
        }
    }

    fn read(&self) -> Latency {
        let [success, failure] = [0, 1].map(|outcome| {
            let mut histogram = Histogram::default();
            for OfShard(cells) in &self.0 {
                let Cells { counts, sum } = &cells[outcome];
                let counts = counts.iter().map(|count| count.load(Ordering::Relaxed));
                histogram.add(counts, Duration::from_nanos(sum.load(Ordering::Relaxed)));
            }
            histogram
        });
        Latency { success, failure }
    }
}

#[cfg(all(test, not(resilience_loom)))]
mod tests {
    use super::*;

    #[test]
    fn every_thread_is_counted_whether_its_shard_is_its_own_or_not() {
        let times = CallTimes::new();
        assert_eq!(size_of::<Cells>(), 512);
        for shard in [0, 1, times.0.len() - 1, times.0.len(), usize::MAX] {
            times.add(Shard(shard), Counter::Ok, 1_000_000);
            times.add(Shard(shard), Counter::Failed, 2_000_000);
            times.add(Shard(shard), Counter::Abandoned, 3_000_000);
        }
        let Latency { success, failure } = times.read();
        assert_eq!((success.count(), failure.count()), (5, 5));
        assert_eq!((success.sum(), failure.sum()), (Duration::from_millis(5), Duration::from_millis(10)));
    }

    #[test]
    fn threads_that_share_a_shard_lose_nothing() {
        let times = CallTimes::new();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..10_000).for_each(|nanos| times.add(Shard(usize::MAX), Counter::Ok, nanos)));
            }
        });
        let Latency { success, .. } = times.read();
        assert_eq!(success.count(), 40_000);
        assert_eq!(success.sum(), 4 * Duration::from_nanos(9999 * 10_000 / 2));
    }
}
