//! How long calls took, as counts between bounds that never change: what can be read of it.

use std::time::Duration;

/// How many bounds there are.
const BOUNDS: usize = 55;

/// One for what is up to each bound, and one for the rest.
pub(super) const BUCKETS: usize = BOUNDS + 1;

/// 10 15 20 25 30 40 50 60 75 × 10^k nanoseconds from 100 µs on, and 100 s.
const fn nanos() -> [u64; BOUNDS] {
    const OF_TEN: [u64; 9] = [10, 15, 20, 25, 30, 40, 50, 60, 75];
    let (mut bounds, mut at, mut power) = ([0; BOUNDS], 0, 10_000);
    while at < BOUNDS {
        bounds[at] = OF_TEN[at % OF_TEN.len()] * power;
        at += 1;
        if at % OF_TEN.len() == 0 {
            power *= 10;
        }
    }
    bounds
}

static NANOS: [u64; BOUNDS] = nanos();

/// The first bound that a number with so many leading zeros may be up to.
static FIRST: [u8; 65] = {
    let (bounds, mut first, mut zeros) = (nanos(), [0; 65], 0);
    while zeros < 64 {
        let smallest = 1 << (63 - zeros);
        let mut at = 0;
        while at < BOUNDS && bounds[at] < smallest {
            at += 1;
        }
        first[zeros] = at as u8;
        zeros += 1;
    }
    first
};

/// Which bucket a call belongs to. From one power of two to the next there are four bounds at most.
#[inline]
pub(super) fn bucket(nanos: u64) -> usize {
    let mut at = usize::from(FIRST[nanos.leading_zeros() as usize]);
    while at < BOUNDS && NANOS[at] < nanos {
        at += 1;
    }
    at
}

/// How long calls took: how many of them were up to each of 55 bounds, and how long all of them took together.
///
/// The bounds are the same everywhere and always, so histograms can be added up and subtracted: 10, 15, 20, 25, 30, 40, 50, 60 and 75 times each power of ten
/// from 100 µs to 75 s, and 100 s.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use resilience_runtime::CircuitBreaker;
/// use std::time::Duration;
///
/// let breaker = CircuitBreaker::builder("stock").latency(true).build()?;
/// for _ in 0..3 {
///     breaker.call(async { Ok::<_, std::io::Error>(7) }).await?;
/// }
/// let took = breaker.snapshot().latency.unwrap().success;
/// assert_eq!(took.count(), 3);
/// assert!(took.percentile(99.0) < Some(Duration::from_secs(1)));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    counts: Box<[u64; BUCKETS]>,
    sum: Duration,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: Box::new([0; BUCKETS]), sum: Duration::ZERO }
    }
}

impl Histogram {
    /// What the buckets are bounded by; a call that took exactly so long is below.
    pub const BOUNDS: [Duration; BOUNDS] = {
        let (nanos, mut bounds, mut at) = (nanos(), [Duration::ZERO; BOUNDS], 0);
        while at < BOUNDS {
            bounds[at] = Duration::from_nanos(nanos[at]);
            at += 1;
        }
        bounds
    };

    /// How many calls there are.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How long all of them took together.
    pub fn sum(&self) -> Duration {
        self.sum
    }

    /// The upper bound of each bucket, and the calls in it that are in none before it. The last one has no bound, for which [`Duration::MAX`] stands.
    pub fn buckets(&self) -> impl ExactSizeIterator<Item = (Duration, u64)> + '_ {
        let upper = |at: usize| Self::BOUNDS.get(at).copied().unwrap_or(Duration::MAX);
        self.counts.iter().enumerate().map(move |(at, calls)| (upper(at), *calls))
    }

    /// What `percent` of the calls took at most: 50 for the median. It is the middle of a bucket and therefore a quarter off at most, from 100 µs on; of what took
    /// longer than 100 s it is that. `None` without a call. What is below 0 is as 0, which is the fastest call, and what is above 100 is as 100.
    // A rank below 2^53 is exact.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn percentile(&self, percent: f64) -> Option<Duration> {
        let count = self.count();
        let rank = (percent.clamp(0.0, 100.0) * count as f64 / 100.0).ceil() as u64;
        let (rank, mut below) = (rank.clamp(1, count.max(1)), 0);
        let at = self.counts.iter().position(|calls| {
            below += calls;
            below >= rank
        })?;
        let lower = at.checked_sub(1).map_or(Duration::ZERO, |at| Self::BOUNDS[at]);
        Some(Self::BOUNDS.get(at).map_or(lower, |upper| (lower + *upper) / 2))
    }

    /// With the calls of another one.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        self.add(other.counts.iter().copied(), other.sum);
        self
    }

    /// The calls since `earlier`, which is an earlier reading of the same.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut since = self.clone();
        since
            .counts
            .iter_mut()
            .zip(&*earlier.counts)
            .for_each(|(calls, before)| *calls = calls.saturating_sub(*before));
        since.sum = since.sum.saturating_sub(earlier.sum);
        since
    }

    pub(super) fn add(&mut self, counts: impl Iterator<Item = u64>, sum: Duration) {
        self.counts.iter_mut().zip(counts).for_each(|(calls, more)| *calls += more);
        self.sum = self.sum.saturating_add(sum);
    }
}

/// In JSON: `count`, `sum`, `p50`, `p95`, `p99`, and of the `buckets` those that are not empty.
#[cfg(feature = "serde")]
impl serde::Serialize for Histogram {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;

        /// One that is not empty. `None` is the one without a bound.
        #[derive(serde::Serialize)]
        struct Bucket {
            up_to: Option<f64>,
            calls: u64,
        }

        let filled = self.buckets().filter(|(_, calls)| *calls > 0);
        let bucket = |(upper, calls): (Duration, u64)| Bucket {
            up_to: (upper != Duration::MAX).then_some(upper.as_secs_f64()),
            calls,
        };
        let buckets: Vec<_> = filled.map(bucket).collect();
        let percentile = |percent| self.percentile(percent).map(|took| took.as_secs_f64());
        let mut fields = serializer.serialize_struct("Histogram", 6)?;
        fields.serialize_field("count", &self.count())?;
        fields.serialize_field("sum", &self.sum.as_secs_f64())?;
        for (name, percent) in [("p50", 50.0), ("p95", 95.0), ("p99", 99.0)] {
            fields.serialize_field(name, &percentile(percent))?;
        }
        fields.serialize_field("buckets", &buckets)?;
        fields.end()
    }
}

/// How long the calls of a circuit breaker took, from their admission to their end: as far as they are in its [totals](crate::Totals), and were admitted
/// while [`latency`](crate::CircuitBreakerConfig::latency) was on. What was rejected, ignored, cancelled, abandoned or stale is not among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Latency {
    /// Of those that succeeded.
    pub success: Histogram,
    /// Of those that failed.
    pub failure: Histogram,
}

impl Latency {
    /// Of both.
    pub fn all(&self) -> Histogram {
        self.success.clone().and(&self.failure)
    }

    /// The calls since `earlier`, which is an earlier reading of the same.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self { success: self.success.since(&earlier.success), failure: self.failure.since(&earlier.failure) }
    }
}

#[cfg(all(test, not(resilience_loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_bounds_go_from_100_microseconds_to_100_seconds_and_each_is_half_as_much_again_at_most() {
        let bounds = Histogram::BOUNDS;
        assert_eq!(bounds[..9], [100, 150, 200, 250, 300, 400, 500, 600, 750].map(Duration::from_micros));
        assert!((9..bounds.len()).all(|at| bounds[at] == bounds[at - 9] * 10));
        assert_eq!(bounds[53..], [75, 100].map(Duration::from_secs));
        assert!(bounds.windows(2).all(|pair| pair[0] < pair[1] && pair[1] * 2 <= pair[0] * 3));
    }

    #[test]
    fn a_call_is_up_to_the_first_bound_that_is_not_below_it() {
        let edges = NANOS.iter().flat_map(|bound| [bound - 1, *bound, bound + 1]);
        let powers = (0..64).flat_map(|power| [(1_u64 << power) - 1, 1 << power]);
        for nanos in edges.chain(powers).chain([u64::MAX]) {
            assert_eq!(bucket(nanos), NANOS.partition_point(|bound| *bound < nanos), "{nanos}");
        }
    }

    /// With a call of each of these lengths.
    fn of(nanos: &[u64]) -> Histogram {
        let mut histogram = Histogram::default();
        for nanos in nanos {
            histogram.counts[bucket(*nanos)] += 1;
            histogram.sum += Duration::from_nanos(*nanos);
        }
        histogram
    }

    proptest! {
        #[test]
        fn a_percentile_is_a_quarter_off_at_most(
            mut nanos in prop::collection::vec(100_001..100_000_000_000_u64, 1..200),
            percent in 0.0..=100.0_f64,
        ) {
            let read = of(&nanos).percentile(percent).unwrap().as_secs_f64();
            nanos.sort_unstable();
            let rank = (percent * nanos.len() as f64 / 100.0).ceil().max(1.0) as usize;
            let exact = Duration::from_nanos(nanos[rank - 1]).as_secs_f64();
            prop_assert!((read - exact).abs() <= exact / 4.0, "{} and not {}", read, exact);
        }

        #[test]
        fn what_was_added_can_be_subtracted(
            first in prop::collection::vec(any::<u32>().prop_map(u64::from), 0..20),
            second in prop::collection::vec(any::<u32>().prop_map(u64::from), 0..20),
        ) {
            let (first, second) = (of(&first), of(&second));
            let both = first.clone().and(&second);
            prop_assert_eq!(both.count(), first.count() + second.count());
            prop_assert_eq!(both.since(&first), second);
        }
    }

    #[test]
    fn what_is_at_the_ends() {
        let (micro, minute) = (1000, 60_000_000_000);
        assert_eq!(Histogram::default().percentile(50.0), None);
        let ends = of(&[micro, 2 * minute]);
        assert_eq!(ends.percentile(0.0), Some(Duration::from_micros(50)));
        assert_eq!(ends.percentile(-7.0), ends.percentile(0.0));
        assert_eq!(ends.percentile(f64::NAN), ends.percentile(0.0));
        assert_eq!(ends.percentile(100.0), Some(Duration::from_secs(100)));
        assert_eq!(ends.percentile(1e9), ends.percentile(100.0));
        assert_eq!(ends.buckets().last(), Some((Duration::MAX, 1)));
        assert_eq!(ends.buckets().len(), BUCKETS);
    }
}
