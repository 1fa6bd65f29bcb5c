//! What each policy did, second by second: rings of rows in memory, within a bound, written by one sampler.
//!
//! A policy has a ring of seconds, one of tens of seconds and one of minutes. What a second was goes into all three at once: a coarse row is the sum of the fine ones and keeps
//! what a mean would lose, the worst state and the largest percentiles. Rows lie in blocks, and a block in which nothing happened takes no room: all that is kept of it is how the
//! policy stood. A second in which nobody looked is a gap, and what was counted across it is in no row that does not span all of it.

use resilience_runtime::{
    BulkheadSnapshot, CircuitBreakerSnapshot, Histogram, Kind, Latency, Name, RateLimiterSnapshot, RegistrySnapshot,
    RetrySnapshot, State, TimeoutSnapshot,
};
use std::mem::size_of;
use std::ops::{Range, RangeInclusive};

/// Rows that are allocated together.
const BLOCK: usize = 60;
const BYTES_OF_BLOCK: usize = BLOCK * size_of::<Row>();
/// What a histogram has besides itself.
const BYTES_OF_HISTOGRAM: usize = (Histogram::BOUNDS.len() + 1) * size_of::<u64>();
/// A reading that comes more milliseconds after the one before does not say what happened in its own second.
const LATEST: u64 = 2000;
/// Numbers of a row, besides its percentiles and how the policy stood.
pub(crate) const COLUMNS: usize = 5;
/// What is left of a policy's volume a minute later: half of it after three hours.
const LEFT_AFTER_A_MINUTE: f32 = 0.996;
/// The busiest window of an hour is remembered by so many seconds.
const PART_OF_AN_HOUR: u64 = 600;

/// How much time a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Second,
    TenSeconds,
    Minute,
}

impl Step {
    pub(crate) const ALL: [Self; 3] = [Self::Second, Self::TenSeconds, Self::Minute];

    pub(crate) const fn seconds(self) -> u64 {
        match self {
            Self::Second => 1,
            Self::TenSeconds => 10,
            Self::Minute => 60,
        }
    }

    /// How many are kept.
    pub(crate) const fn rows(self) -> usize {
        match self {
            Self::Second => 300,
            Self::TenSeconds => 360,
            Self::Minute => 720,
        }
    }
}

/// What becomes of a number when rows become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rollup {
    /// It was counted.
    Sum,
    /// It was there at a moment.
    Max,
}

/// The numbers of a row, by the kind of the policy. The first says how much it has to do.
pub(crate) const fn columns(kind: Kind) -> &'static [(&'static str, Rollup)] {
    use Rollup::{Max, Sum};
    match kind {
        Kind::CircuitBreaker => {
            &[("calls", Sum), ("failures", Sum), ("rejected", Sum), ("fallbacks", Sum), ("slow", Sum)]
        }
        Kind::Retry => &[("retries", Sum), ("recovered", Sum), ("gave_up", Sum), ("over_budget", Sum)],
        Kind::Timeout => &[("timed_out", Sum)],
        Kind::Bulkhead => {
            &[("admitted", Sum), ("rejected", Sum), ("timed_out", Sum), ("inside", Max), ("waiting", Max)]
        }
        Kind::RateLimit => &[("allowed", Sum), ("waited", Sum), ("rejected", Sum), ("waiting", Max)],
        // A fallback is in no registry, and neither is a kind of a later version.
        _ => &[],
    }
}

/// In the order of a registry's snapshot.
const KINDS: [Kind; 5] = [Kind::CircuitBreaker, Kind::Retry, Kind::Timeout, Kind::Bulkhead, Kind::RateLimit];

/// The best first: of two that become one, the later counts.
const STATES: [State; 6] =
    [State::Closed, State::Monitoring, State::Disabled, State::HalfOpen, State::Open, State::ForcedOpen];

fn rank(state: State) -> u8 {
    STATES.iter().position(|known| *known == state).map_or(0, |rank| rank as u8)
}

/// How a policy stood: of anything but a circuit breaker, closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Standing {
    rank: u8,
    enforced: u8,
}

/// Less than every percentile.
const ABSENT: f32 = -1.0;

/// What a policy did in one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Row {
    counts: [u32; COLUMNS],
    /// In seconds.
    p50: f32,
    p99: f32,
    standing: Standing,
}

impl Row {
    const fn quiet(standing: Standing) -> Self {
        Self { counts: [0; COLUMNS], p50: ABSENT, p99: ABSENT, standing }
    }

    pub(crate) fn count(&self, column: usize) -> u32 {
        self.counts[column]
    }

    /// The number of that name, of a policy of this kind.
    pub(crate) fn number(&self, kind: Kind, column: &str) -> u64 {
        let nth = columns(kind).iter().position(|(name, _)| *name == column);
        nth.map_or(0, |nth| self.counts[nth].into())
    }

    /// In seconds; absent where nothing was measured.
    pub(crate) fn percentiles(&self) -> [Option<f32>; 2] {
        [self.p50, self.p99].map(|percentile| (percentile != ABSENT).then_some(percentile))
    }

    /// The worst that it was in.
    pub(crate) fn state(&self) -> State {
        STATES[usize::from(self.standing.rank)]
    }

    /// The smallest share of the calls to be rejected that was rejected, in percent.
    pub(crate) fn enforced_percent(&self) -> u8 {
        self.standing.enforced
    }

    fn and(mut self, other: &Self, kind: Kind) -> Self {
        for (nth, (_, rollup)) in columns(kind).iter().enumerate() {
            let (one, another) = (self.counts[nth], other.counts[nth]);
            self.counts[nth] = match rollup {
                Rollup::Sum => one.saturating_add(another),
                Rollup::Max => one.max(another),
            };
        }
        self.p50 = self.p50.max(other.p50);
        self.p99 = self.p99.max(other.p99);
        self.standing.rank = self.standing.rank.max(other.standing.rank);
        self.standing.enforced = self.standing.enforced.min(other.standing.enforced);
        self
    }
}

/// A policy at one moment.
#[derive(Clone, Debug, Default)]
struct Sample {
    /// Sums of what is counted so far, and values of what is there.
    counts: [u64; COLUMNS],
    state: Option<State>,
    enforced: u8,
    /// How often it was half-open, open and forced open.
    entered: [u64; 3],
    /// Calls in its window.
    window: u32,
    /// How long its calls took, where that is measured.
    took: Option<Histogram>,
}

impl Sample {
    fn circuit_breaker(of: &CircuitBreakerSnapshot, fallbacks: u64) -> Self {
        let totals = &of.totals;
        let ended = totals.successes + totals.failures + totals.ignored;
        let calls = ended + totals.cancelled + totals.abandoned + totals.stale + totals.rejected;
        let entered = of.history.map(|history| history.entered);
        Self {
            counts: [calls, totals.failures, totals.rejected, fallbacks, totals.slow],
            state: Some(of.state),
            enforced: of.enforced_percent,
            entered: entered.map_or([0; 3], |entered| [entered.half_open, entered.open, entered.forced_open]),
            window: u32::try_from(of.window.calls).unwrap_or(u32::MAX),
            took: of.latency.as_ref().map(Latency::all),
        }
    }

    fn of(counts: [u64; COLUMNS]) -> Self {
        Self { counts, enforced: 100, ..Self::default() }
    }

    fn retry(of: &RetrySnapshot) -> Self {
        let gave_up = &of.gave_up;
        let otherwise = gave_up.attempts + gave_up.not_retryable + gave_up.elapsed + gave_up.asked_too_much;
        let all = otherwise + gave_up.budget + gave_up.circuit_open + gave_up.turned_off;
        Self::of([of.retries, of.recovered, all, gave_up.budget, 0])
    }

    fn timeout(of: &TimeoutSnapshot) -> Self {
        Self::of([of.timed_out, 0, 0, 0, 0])
    }

    fn bulkhead(of: &BulkheadSnapshot) -> Self {
        Self::of([of.admitted, of.rejected, of.timed_out, of.inside, of.waiting])
    }

    fn rate_limiter(of: &RateLimiterSnapshot) -> Self {
        Self::of([of.allowed, of.waited, of.rejected, of.waiting, 0])
    }

    fn bytes(&self) -> usize {
        if self.took.is_some() { BYTES_OF_HISTOGRAM } else { 0 }
    }

    /// What happened from then to now. A state that it was in between is known by its being counted.
    fn since(&self, before: &Self, kind: Kind) -> Row {
        let now = self.state.map_or(0, rank);
        let passed = [State::HalfOpen, State::Open, State::ForcedOpen].into_iter().enumerate();
        let passed = passed.filter(|(nth, _)| self.entered[*nth] > before.entered[*nth]).map(|(_, state)| rank(state));
        let mut row = Row::quiet(Standing { rank: passed.fold(now, u8::max), enforced: self.enforced });
        for (nth, (_, rollup)) in columns(kind).iter().enumerate() {
            let number = match rollup {
                Rollup::Sum => self.counts[nth].saturating_sub(before.counts[nth]),
                Rollup::Max => self.counts[nth],
            };
            row.counts[nth] = u32::try_from(number).unwrap_or(u32::MAX);
        }
        if let (Some(now), Some(before)) = (&self.took, &before.took) {
            let took = now.since(before);
            let percentile = |percent| took.percentile(percent).map_or(ABSENT, |took| took.as_secs_f32());
            (row.p50, row.p99) = (percentile(50.0), percentile(99.0));
        }
        row
    }
}

/// The rows of one policy and one step, each at the place of its number.
#[derive(Debug, Default)]
struct Ring {
    /// The number of its first row, and how the policy stood in all of them while there are no blocks.
    begun: Option<(u64, Standing)>,
    blocks: Vec<Block>,
}

#[derive(Clone, Debug)]
enum Block {
    /// Nothing happened.
    Quiet(Standing),
    Rows(Box<[Row; BLOCK]>),
}

impl Block {
    fn get(&self, nth: usize) -> Row {
        match self {
            Self::Quiet(standing) => Row::quiet(*standing),
            Self::Rows(rows) => rows[nth],
        }
    }
}

impl Ring {
    fn get(&self, place: usize) -> Option<Row> {
        let (_, standing) = self.begun?;
        Some(self.blocks.get(place / BLOCK).map_or(Row::quiet(standing), |block| block.get(place % BLOCK)))
    }

    /// The bytes that the row needs, besides what is there.
    fn needs(&self, place: usize, blocks: usize, row: &Row) -> usize {
        let standing = self.begun.map_or(row.standing, |(_, standing)| standing);
        match self.blocks.get(place / BLOCK) {
            None if *row == Row::quiet(standing) => 0,
            None => blocks * size_of::<Block>() + BYTES_OF_BLOCK,
            Some(Block::Quiet(standing)) if *row != Row::quiet(*standing) => BYTES_OF_BLOCK,
            Some(_) => 0,
        }
    }

    fn set(&mut self, number: u64, place: usize, blocks: usize, row: Row) {
        let (_, standing) = *self.begun.get_or_insert((number, row.standing));
        if self.blocks.is_empty() {
            if row == Row::quiet(standing) {
                return;
            }
            self.blocks = vec![Block::Quiet(standing); blocks];
        }
        let block = &mut self.blocks[place / BLOCK];
        if let Block::Quiet(standing) = block {
            let quiet = Row::quiet(*standing);
            if row == quiet {
                return;
            }
            *block = Block::Rows(Box::new([quiet; BLOCK]));
        }
        if let Block::Rows(rows) = block {
            rows[place % BLOCK] = row;
        }
    }

    /// Lets go of a block that is full, if nothing happened in it. The bytes that it took.
    fn settle(&mut self, block: usize) -> usize {
        let Some(block) = self.blocks.get_mut(block) else { return 0 };
        let Block::Rows(rows) = block else { return 0 };
        let quiet = Row::quiet(rows[0].standing);
        if rows.iter().any(|row| *row != quiet) {
            return 0;
        }
        *block = Block::Quiet(quiet.standing);
        BYTES_OF_BLOCK
    }

    fn bytes(&self) -> usize {
        let rows = self.blocks.iter().filter(|block| matches!(block, Block::Rows(_))).count();
        self.blocks.capacity() * size_of::<Block>() + rows * BYTES_OF_BLOCK
    }
}

/// One policy.
#[derive(Debug)]
struct Recorded {
    name: Name,
    before: Sample,
    /// By step; none of one that was lost to the bound.
    rings: [Option<Ring>; Step::ALL.len()],
    /// What it had to do lately.
    volume: f32,
    /// By part of an hour: the most calls in the window of a circuit breaker, when somebody looked.
    busiest: [u32; 7],
    /// The second since which it has enforced the share that it enforces now.
    enforces_since: u64,
}

/// Of one step: the rows that were written, of whichever policy. A row that is none of them is a gap.
#[derive(Debug)]
struct Written {
    /// The number of the row in each place.
    numbers: Box<[u64]>,
    latest: u64,
}

/// One reading, as far as it is the same for all policies.
struct Turn {
    /// The second that it belongs to.
    second: u64,
    /// By step: the number of its row, where it says what happened in that, and whether it is the first to do so.
    rows: [Option<(u64, bool)>; Step::ALL.len()],
    /// By step: the block that was full before it.
    full: [Option<usize>; Step::ALL.len()],
    is_first: bool,
    /// The parts of hours that begin with it.
    parts: RangeInclusive<u64>,
    minutes: u64,
}

/// The rings of all policies.
#[derive(Debug)]
pub(crate) struct Rings {
    bound: usize,
    /// All that there is, and of that what the rings take.
    bytes: usize,
    bytes_of_rings: usize,
    /// The moment of the reading before, in milliseconds.
    last: Option<u64>,
    written: [Written; Step::ALL.len()],
    /// By kind and name.
    policies: [Vec<Recorded>; KINDS.len()],
    /// Those that came when there was no room for them at all.
    refused: usize,
}

/// What is left of one policy, step by step.
#[derive(Debug)]
pub(crate) struct Past {
    /// The second in which the first row ends.
    pub(crate) first: u64,
    /// `None` is a gap.
    pub(crate) rows: Vec<Option<Row>>,
}

/// Whose history is shorter than it could be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lost {
    pub(crate) kind: Kind,
    pub(crate) name: Name,
    pub(crate) steps: Vec<Step>,
}

impl Rings {
    /// For as many policies as there are, in so many bytes.
    pub(crate) fn new(bound: usize) -> Self {
        let written = Step::ALL.map(|step| Written { numbers: vec![u64::MAX; step.rows()].into(), latest: 0 });
        let of_written = written.iter().map(|written| size_of_val(&*written.numbers)).sum::<usize>();
        let bytes = size_of::<Self>() + of_written;
        Self { bound, bytes, bytes_of_rings: 0, last: None, written, policies: Default::default(), refused: 0 }
    }

    pub(crate) fn bound(&self) -> usize {
        self.bound
    }

    /// What all of it takes, by its own account.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Writes down what happened since the reading before. `at` is in milliseconds, and never goes back; `fallbacks` says how often those of a circuit breaker were asked.
    pub(crate) fn record(&mut self, reading: &RegistrySnapshot, fallbacks: impl Fn(&str) -> u64, at: u64) {
        let turn = self.turn(at);
        let breaker = |of: &CircuitBreakerSnapshot| Sample::circuit_breaker(of, fallbacks(&of.name));
        self.refused = 0;
        self.record_kind(0, &turn, &reading.circuit_breakers, |of| &of.name, breaker);
        self.record_kind(1, &turn, &reading.retries, |of| &of.name, Sample::retry);
        self.record_kind(2, &turn, &reading.timeouts, |of| &of.name, Sample::timeout);
        self.record_kind(3, &turn, &reading.bulkheads, |of| &of.name, Sample::bulkhead);
        self.record_kind(4, &turn, &reading.rate_limiters, |of| &of.name, Sample::rate_limiter);
        for (written, row) in self.written.iter_mut().zip(turn.rows) {
            if let Some((number, _)) = row {
                let places = written.numbers.len() as u64;
                written.numbers[(number % places) as usize] = number;
                written.latest = number;
            }
        }
    }

    fn turn(&mut self, at: u64) -> Turn {
        // Of readings on whole seconds, each a little late.
        let second_of = |at: u64| (at + 500) / 1000;
        let second = second_of(at);
        let last = self.last.replace(at);
        let before = last.map_or(second, second_of);
        let on_time = last.is_some_and(|last| at.saturating_sub(last) <= LATEST);
        let rows = [0, 1, 2].map(|nth| {
            let (seconds, written) = (Step::ALL[nth].seconds(), &self.written[nth]);
            let number = second / seconds;
            let spans_all = last.is_some() && before / seconds == number;
            let place = (number % written.numbers.len() as u64) as usize;
            (on_time || spans_all).then(|| (number, written.numbers[place] != number))
        });
        let full = [0, 1, 2].map(|nth| {
            let block_of = |number: u64| (number % Step::ALL[nth].rows() as u64) as usize / BLOCK;
            let (number, before) = (rows[nth]?.0, self.written[nth].latest);
            (block_of(number) != block_of(before)).then(|| block_of(before))
        });
        let part_of = |second: u64| second / PART_OF_AN_HOUR;
        let parts = part_of(before) + 1..=part_of(second);
        Turn { second, rows, full, is_first: last.is_none(), parts, minutes: second / 60 - before / 60 }
    }

    fn record_kind<S>(
        &mut self,
        kind: usize,
        turn: &Turn,
        snapshots: &[S],
        name: fn(&S) -> &Name,
        sample: impl Fn(&S) -> Sample,
    ) {
        let mut nth = 0;
        for snapshot in snapshots {
            let (name, mut sample) = (name(snapshot), sample(snapshot));
            // By name, on both sides: who comes before it was taken out of the registry.
            let gone = self.policies[kind][nth..].iter().take_while(|policy| policy.name < *name).count();
            self.forget(kind, nth..nth + gone);
            let is_known = self.policies[kind].get(nth).is_some_and(|policy| policy.name == *name);
            if !is_known && !self.insert(kind, nth, name, &sample, turn, snapshots.len()) {
                self.refused += 1;
                continue;
            }
            self.bytes -= self.policies[kind][nth].before.bytes();
            if self.bytes + sample.bytes() > self.bound {
                self.make_room(sample.bytes());
            }
            if self.bytes + sample.bytes() > self.bound {
                sample.took = None;
            }
            self.bytes += sample.bytes();
            let row = self.policies[kind][nth].note(KINDS[kind], sample, turn);
            for step in Step::ALL {
                self.write(kind, nth, step, turn, &row);
            }
            nth += 1;
        }
        let all = self.policies[kind].len();
        self.forget(kind, nth..all);
    }

    fn forget(&mut self, kind: usize, gone: Range<usize>) {
        for nth in gone.clone() {
            self.bytes -= self.policies[kind][nth].before.bytes();
            (0..Step::ALL.len()).for_each(|step| self.lose(kind, nth, step));
        }
        self.policies[kind].drain(gone);
    }

    fn write(&mut self, kind: usize, nth: usize, step: Step, turn: &Turn, row: &Row) {
        let at = step as usize;
        let Some(ring) = &mut self.policies[kind][nth].rings[at] else { return };
        let settled = turn.full[at].map_or(0, |block| ring.settle(block));
        if let Some((number, is_new)) = turn.rows[at] {
            let (place, blocks) = ((number % step.rows() as u64) as usize, step.rows() / BLOCK);
            let has_begun = ring.begun.is_some_and(|(begun, _)| begun <= number);
            let before = ring.get(place).filter(|_| has_begun && !is_new);
            let row = before.map_or(*row, |before| before.and(row, KINDS[kind]));
            let needed = ring.needs(place, blocks, &row);
            self.bytes -= settled;
            self.bytes_of_rings -= settled;
            if self.bytes + needed > self.bound {
                self.make_room(needed);
            }
            // It may be this one that had to go.
            let Some(ring) = &mut self.policies[kind][nth].rings[at] else { return };
            if self.bytes + needed > self.bound {
                return self.lose(kind, nth, at);
            }
            ring.set(number, place, blocks, row);
            self.bytes += needed;
            self.bytes_of_rings += needed;
        }
    }

    fn lose(&mut self, kind: usize, nth: usize, step: usize) {
        let lost = self.policies[kind][nth].rings[step].take().map_or(0, |ring| ring.bytes());
        self.bytes -= lost;
        self.bytes_of_rings -= lost;
    }

    /// Whether there is room for one that is new.
    fn insert(&mut self, kind: usize, nth: usize, name: &Name, sample: &Sample, turn: &Turn, all: usize) -> bool {
        let policies = &mut self.policies[kind];
        let capacity = policies.capacity();
        if policies.len() == capacity {
            // Those that are gone may still be in the list, which may be as long as there are policies or longer.
            let more = all.saturating_sub(policies.len()).max(1);
            // While the list moves it is there twice.
            let needed = (2 * capacity + more) * size_of::<Recorded>();
            if self.bytes + needed > self.bound {
                return false;
            }
            policies.reserve_exact(more);
            self.bytes += (policies.capacity() - capacity) * size_of::<Recorded>();
        }
        // What was there when nobody had looked before may be of any age.
        let before = if turn.is_first { Sample { took: None, ..sample.clone() } } else { Sample::default() };
        let rings = [0, 1, 2].map(|_| Some(Ring::default()));
        let recorded =
            Recorded { name: name.clone(), before, rings, volume: 0.0, busiest: [0; 7], enforces_since: turn.second };
        policies.insert(nth, recorded);
        true
    }

    /// Takes the longest ring of the quietest policies first, until so much more fits, and an eighth of the rings besides, so that this is not done at every turn.
    fn make_room(&mut self, more: usize) {
        let enough = self.bound.saturating_sub(more).min(self.bytes - self.bytes_of_rings / 8);
        for step in [2, 1, 0] {
            if self.bytes <= enough || self.bytes_of_rings == 0 {
                return;
            }
            let with_ring = self.policies.iter().enumerate().flat_map(|(kind, policies)| {
                let with_ring = policies.iter().enumerate();
                with_ring.filter_map(move |(nth, policy)| {
                    let ring = policy.rings[step].as_ref()?;
                    (ring.bytes() > 0).then_some((policy.volume, kind, nth))
                })
            });
            let mut with_ring: Vec<_> = with_ring.collect();
            with_ring.sort_by(|(one, ..), (another, ..)| one.total_cmp(another));
            for (_, kind, nth) in with_ring {
                if self.bytes <= enough {
                    return;
                }
                self.lose(kind, nth, step);
            }
        }
    }

    fn find(&self, kind: Kind, name: &str) -> Option<&Recorded> {
        let policies = &self.policies[KINDS.iter().position(|known| *known == kind)?];
        let nth = policies.binary_search_by(|policy| policy.name.as_str().cmp(name)).ok()?;
        Some(&policies[nth])
    }

    /// Of one policy, the rows that are over and end in that second or later. `None` where there is no such policy, or its ring was lost.
    pub(crate) fn past(&self, kind: Kind, name: &str, step: Step, since: u64) -> Option<Past> {
        let nth = step as usize;
        let ring = self.find(kind, name)?.rings[nth].as_ref()?;
        let (written, seconds, rows) = (&self.written[nth], step.seconds(), step.rows() as u64);
        let ends = |number: u64| (number + 1) * seconds - 1;
        let Some((begun, _)) = ring.begun else { return Some(Past { first: since, rows: Vec::new() }) };
        let over = written.latest + u64::from(ends(written.latest) <= self.now()?);
        let first = begun.max((written.latest + 1).saturating_sub(rows)).max((since + 1).div_ceil(seconds).max(1) - 1);
        let row = |number: u64| {
            let place = number % rows;
            (written.numbers[place as usize] == number).then(|| ring.get(place as usize))?
        };
        Some(Past { first: ends(first), rows: (first..over).map(row).collect() })
    }

    /// The policies that have lost rings to the bound, by kind and name.
    pub(crate) fn lost(&self) -> Vec<Lost> {
        let lost = self.policies.iter().zip(KINDS).flat_map(|(policies, kind)| {
            policies.iter().filter_map(move |policy| {
                let steps = policy.lost();
                (!steps.is_empty()).then(|| Lost { kind, name: policy.name.clone(), steps })
            })
        });
        lost.collect()
    }

    /// The rings that a policy has lost to the bound.
    pub(crate) fn lost_of(&self, kind: Kind, name: &str) -> Vec<Step> {
        self.find(kind, name).map_or_else(Vec::new, Recorded::lost)
    }

    /// How many policies have no history at all, since there was no room for their names.
    pub(crate) fn refused(&self) -> usize {
        self.refused
    }

    /// The most calls that the window of a circuit breaker had in the last hour, when somebody looked.
    pub(crate) fn busiest_window(&self, name: &str) -> Option<u32> {
        self.find(Kind::CircuitBreaker, name)?.busiest.into_iter().max()
    }

    /// For how many seconds a circuit breaker has enforced the share that it enforces now.
    pub(crate) fn enforces_for(&self, name: &str) -> Option<u64> {
        let recorded = self.find(Kind::CircuitBreaker, name)?;
        Some(self.now()?.saturating_sub(recorded.enforces_since))
    }

    /// The second of the last reading.
    pub(crate) fn now(&self) -> Option<u64> {
        self.last.map(|last| (last + 500) / 1000)
    }
}

impl Recorded {
    fn lost(&self) -> Vec<Step> {
        let steps = Step::ALL.into_iter().zip(&self.rings).filter(|(_, ring)| ring.is_none());
        steps.map(|(step, _)| step).collect()
    }

    /// What happened since the sample before.
    fn note(&mut self, kind: Kind, sample: Sample, turn: &Turn) -> Row {
        // What counts from zero again was taken out and built anew.
        let is_another = columns(kind)
            .iter()
            .enumerate()
            .any(|(nth, (_, rollup))| *rollup == Rollup::Sum && sample.counts[nth] < self.before.counts[nth]);
        let row = if is_another { sample.since(&Sample::default(), kind) } else { sample.since(&self.before, kind) };
        if sample.enforced != self.before.enforced {
            self.enforces_since = turn.second;
        }
        self.volume *= LEFT_AFTER_A_MINUTE.powi(turn.minutes.min(10_000) as i32);
        self.volume += row.counts[0] as f32;
        for part in turn.parts.clone().rev().take(self.busiest.len()) {
            self.busiest[(part % 7) as usize] = 0;
        }
        let busiest = &mut self.busiest[(turn.second / PART_OF_AN_HOUR % 7) as usize];
        *busiest = sample.window.max(*busiest);
        self.before = sample;
        row
    }
}
