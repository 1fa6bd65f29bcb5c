//! From the registry to numbers with labels: one reading of all policies, and what becomes of those beyond the bound.

use crate::advice::Refused;
use crate::locked::locked;
use crate::program::Program;
use crate::rows::{BreakerRow, KeyRow, Seen};
use crate::settings::{KeySeries, Settings};
use crate::table::{Family, Folding, MetricKind, Source, state_number};
use resilience_runtime::{
    BulkheadSnapshot, CircuitBreakerSnapshot, Event, Events, Histogram, Key, Kind, Name, Operation,
    RateLimiterSnapshot, Registry, RegistrySnapshot, RetrySnapshot, State, TimeoutSnapshot, Timestamp,
};
use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

/// The name of the policies beyond the bound, all together.
pub(crate) const OTHER: &str = "(other)";

/// What stays from one reading to the next.
#[derive(Debug)]
pub(crate) struct Memory {
    /// Which of the policies that are there have series of their own. One that has none never gets them, so that the counters of the others together do not fall.
    seen: HashMap<Kind, HashMap<Name, bool>>,
    sums: Sums,
    events: Events,
    conflicts: u64,
    refused: u64,
    /// The configuration, what was wrong with it, and when.
    last_refused: Option<(Name, String, Timestamp)>,
    lost: u64,
}

/// What counters that are told together have come to: their sum does not fall when one of them is gone.
#[derive(Debug, Default)]
pub(crate) struct Sums(HashMap<String, Sum>);

#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    told: f64,
    /// Counted by those who are gone.
    gone: f64,
}

impl Sums {
    /// What is told of these series, where those that are there come to `sum`.
    pub(crate) fn risen(&mut self, series: String, sum: f64) -> f64 {
        let Sum { told, gone } = self.0.entry(series).or_default();
        // What the others have counted since then, up to as much, is lost with them: nobody knows by how much each has fallen.
        *gone = gone.max(*told - sum);
        *told = sum + *gone;
        *told
    }
}

/// Everything at one moment.
#[derive(Debug)]
pub(crate) struct Reading<'o> {
    settings: &'o Settings,
    program: &'o Program,
    memory: &'o Mutex<Memory>,
    breakers: Rows<BreakerRow>,
    keys: Vec<KeyRow>,
    retries: Rows<RetrySnapshot>,
    timeouts: Rows<TimeoutSnapshot>,
    bulkheads: Rows<BulkheadSnapshot>,
    rate_limiters: Rows<RateLimiterSnapshot>,
    seen: Seen,
}

/// The policies of one kind, by name.
#[derive(Debug)]
struct Rows<R> {
    /// With series of their own.
    named: Vec<(Name, R)>,
    folded: Vec<R>,
}

impl Memory {
    pub(crate) fn new(events: Events) -> Self {
        let (seen, sums) = (HashMap::new(), Sums::default());
        Self { seen, sums, events, conflicts: 0, refused: 0, last_refused: None, lost: 0 }
    }

    fn catch_up(&mut self) {
        while let Some(event) = self.events.try_recv() {
            match event {
                Event::Conflict { .. } => self.conflicts += 1,
                Event::ConfigRefused { source, error, at } => {
                    self.refused += 1;
                    self.last_refused = Some((source, error, at));
                }
                Event::Missed { events, .. } => self.lost += events,
                _ => {}
            }
        }
    }

    pub(crate) fn last_refused(&mut self) -> Option<Refused> {
        self.catch_up();
        let (source, error, at) = self.last_refused.clone()?;
        Some(Refused { source, error, ago: at.elapsed() })
    }

    fn rows<S, R>(
        &mut self,
        kind: Kind,
        bound: usize,
        snapshots: Vec<S>,
        name: fn(&S) -> &Name,
        row: impl Fn(S) -> R,
    ) -> Rows<R> {
        let seen = self.seen.entry(kind).or_default();
        // By name. Those that were taken out of the registry leave their series to others.
        seen.retain(|known, _| snapshots.binary_search_by(|there| name(there).cmp(known)).is_ok());
        let mut with_series = seen.values().filter(|has_series| **has_series).count();
        let mut rows = Rows { named: Vec::with_capacity(snapshots.len()), folded: Vec::new() };
        for snapshot in snapshots {
            let name = name(&snapshot).clone();
            let has_series = *seen.entry(name.clone()).or_insert_with(|| {
                // Who has the name of all others is one of them.
                let is_within = with_series < bound && name.as_str() != OTHER;
                with_series += usize::from(is_within);
                is_within
            });
            if has_series {
                rows.named.push((name, row(snapshot)));
            } else {
                rows.folded.push(row(snapshot));
            }
        }
        rows
    }

    fn has_series(&self, kind: Kind, name: &Name) -> bool {
        self.seen.get(&kind).is_some_and(|seen| seen.get(name) == Some(&true))
    }
}

fn breaker(program: &Program, snapshot: CircuitBreakerSnapshot) -> BreakerRow {
    let sum = |count| program.fallbacks_of(&snapshot.name, count);
    // The answers first: they are never more than the questions.
    let answered_fallbacks = sum(Operation::answered_fallbacks);
    let fallbacks = sum(Operation::fallbacks);
    BreakerRow { snapshot, fallbacks, answered_fallbacks }
}

/// The keys that reject calls, at most so many a policy: of breakers those first that have done so for longest, of the others those that have rejected the most.
fn keys_that_reject(registry: &Registry, choice: KeySeries) -> Vec<KeyRow> {
    let KeySeries::NotClosed { at_most } = choice else { return Vec::new() };
    let mut rows = keys_not_closed(registry, at_most);
    for bulkhead in registry.bulkheads() {
        let of_keys = bulkhead.of_keys().into_iter().map(|of_key| {
            let BulkheadSnapshot { name, key, rejected, timed_out, .. } = of_key.snapshot();
            (name, key, rejected + timed_out)
        });
        rows.extend(rejected_most(Kind::Bulkhead, of_keys, at_most));
    }
    for limiter in registry.rate_limiters() {
        let of_keys = limiter.of_keys().into_iter().map(|of_key| {
            let RateLimiterSnapshot { name, key, rejected, .. } = of_key.snapshot();
            (name, key, rejected)
        });
        rows.extend(rejected_most(Kind::RateLimit, of_keys, at_most));
    }
    rows
}

/// Of the keys of one policy, those that have rejected the most.
fn rejected_most(
    kind: Kind,
    of_keys: impl Iterator<Item = (Name, Option<Key>, u64)>,
    at_most: usize,
) -> impl Iterator<Item = KeyRow> {
    let mut rejected: Vec<(Name, Key, u64)> = of_keys
        .filter_map(|(name, key, rejected)| Some((name, key?, rejected)))
        .filter(|of_key| of_key.2 > 0)
        .collect();
    rejected.sort_by(|(_, key, rejected), (_, other_key, other)| other.cmp(rejected).then_with(|| key.cmp(other_key)));
    let first = rejected.into_iter().take(at_most);
    first.map(move |(name, key, rejected)| KeyRow { kind, name, key, value: number(rejected) })
}

fn keys_not_closed(registry: &Registry, at_most: usize) -> Vec<KeyRow> {
    let mut rows = Vec::new();
    for breaker in registry.circuit_breakers() {
        let mut not_closed: Vec<(Duration, KeyRow)> = Vec::new();
        for of_key in breaker.of_keys() {
            let lets_pass = |state| matches!(state, State::Closed | State::Disabled | State::Monitoring);
            if lets_pass(of_key.state()) {
                continue;
            }
            let CircuitBreakerSnapshot { name, key, state, age, .. } = of_key.snapshot();
            // Meanwhile it may have closed, or have been given to another key.
            if let Some(key) = key.filter(|_| !lets_pass(state)) {
                let value = state_number(state);
                not_closed.push((age, KeyRow { kind: Kind::CircuitBreaker, name, key, value }));
            }
        }
        not_closed.sort_by(|(age, row), (other_age, other)| other_age.cmp(age).then_with(|| row.key.cmp(&other.key)));
        rows.extend(not_closed.into_iter().take(at_most).map(|(_, row)| row));
    }
    rows
}

impl<'o> Reading<'o> {
    pub(crate) fn of(
        registry: &Registry,
        settings: &'o Settings,
        program: &'o Program,
        remembered: &'o Mutex<Memory>,
    ) -> Self {
        let memory = &mut *locked(remembered);
        memory.catch_up();
        let mut keys = keys_that_reject(registry, settings.keys);
        let RegistrySnapshot { circuit_breakers, retries, timeouts, bulkheads, rate_limiters, .. } = registry.read();
        let bound = settings.fold_beyond;
        let of_breaker = |row| breaker(program, row);
        let breakers = memory.rows(Kind::CircuitBreaker, bound, circuit_breakers, |row| &row.name, of_breaker);
        let retries = memory.rows(Kind::Retry, bound, retries, |row| &row.name, |row| row);
        let timeouts = memory.rows(Kind::Timeout, bound, timeouts, |row| &row.name, |row| row);
        let bulkheads = memory.rows(Kind::Bulkhead, bound, bulkheads, |row| &row.name, |row| row);
        let rate_limiters = memory.rows(Kind::RateLimit, bound, rate_limiters, |row| &row.name, |row| row);
        keys.retain(|row| memory.has_series(row.kind, &row.name));
        let counts =
            [breakers.counts(), retries.counts(), timeouts.counts(), bulkheads.counts(), rate_limiters.counts()];
        let seen = Seen {
            policies: counts.map(|(named, folded)| named + folded),
            folded: counts.map(|(_, folded)| folded),
            conflicts: memory.conflicts,
            refused: memory.refused,
            lost: memory.lost,
        };
        let memory = remembered;
        Self { settings, program, memory, breakers, keys, retries, timeouts, bulkheads, rate_limiters, seen }
    }

    /// Every number of the family, with what its name ends in and with its labels.
    pub(crate) fn for_each_sample(&self, family: &Family, mut sample: impl FnMut(&str, &[(&str, &str)], f64)) {
        let mut sample = |end: &str, labels: &[(&str, &str)], value: f64| {
            let is_sum = family.kind != MetricKind::Gauge && labels.first().is_some_and(|(_, name)| *name == OTHER);
            let value = match is_sum {
                true => locked(self.memory).sums.risen(format!("{}{end}{labels:?}", family.name), value),
                false => value,
            };
            sample(end, labels, value);
        };
        let mut numbers = |labels: &[(&str, &str)], value: f64| sample("", labels, value);
        let numbers = &mut numbers;
        match &family.source {
            Source::CallTimes(times) => self.times(family, *times, &mut sample),
            Source::CircuitBreaker(value) => self.policies(family, &self.breakers, *value, numbers),
            Source::Retry(value) => self.policies(family, &self.retries, *value, numbers),
            Source::Timeout(value) => self.policies(family, &self.timeouts, *value, numbers),
            Source::Bulkhead(value) => self.policies(family, &self.bulkheads, *value, numbers),
            Source::RateLimit(value) => self.policies(family, &self.rate_limiters, *value, numbers),
            Source::Key(kind) => {
                for row in self.keys.iter().filter(|row| row.kind == *kind) {
                    let labels = [(self.label(), row.name.as_str()), ("key", row.key.as_str())];
                    words(family, &labels, |_| Some(row.value), numbers);
                }
            }
            Source::Fallback(value) => {
                for function in self.program.with_fallback() {
                    words(family, &[("operation", &function.name)], |nth| value(function.operation, nth), numbers);
                }
            }
            Source::Layer => {
                for function in self.program.functions() {
                    for (nth, (kind, policy)) in function.layers.iter().enumerate() {
                        let (Some(policy), layer) = (policy, nth.to_string()) else { continue };
                        let (operation, policy) = (("operation", &*function.name), (self.label(), &**policy));
                        words(
                            family,
                            &[operation, ("kind", kind.as_str()), policy, ("layer", &layer)],
                            |_| Some(1.0),
                            numbers,
                        );
                    }
                }
            }
            Source::Observer(value) => words(family, &[], |nth| value(&self.seen, nth), numbers),
        }
    }

    fn label(&self) -> &str {
        &self.settings.label
    }

    fn policies<R>(
        &self,
        family: &Family,
        rows: &Rows<R>,
        value: fn(&R, usize) -> Option<f64>,
        sample: &mut impl FnMut(&[(&str, &str)], f64),
    ) {
        for (name, row) in &rows.named {
            words(family, &[(self.label(), name)], |nth| value(row, nth), sample);
        }
        let fold = |nth| {
            let values = rows.folded.iter().filter_map(|row| value(row, nth));
            match family.folding {
                Folding::Sum => values.reduce(|a, b| a + b),
                Folding::Max => values.reduce(f64::max),
                Folding::None => None,
            }
        };
        words(family, &[(self.label(), OTHER)], fold, sample);
    }

    /// The histograms of the circuit breakers.
    fn times(
        &self,
        family: &Family,
        times: fn(&BreakerRow, usize) -> Option<&Histogram>,
        sample: &mut impl FnMut(&str, &[(&str, &str)], f64),
    ) {
        let Some(words) = &family.words else { return };
        for (nth, word) in words.values.iter().enumerate() {
            let labels = |name| [(self.label(), name), (words.label, *word)];
            for (name, row) in &self.breakers.named {
                if let Some(histogram) = times(row, nth) {
                    buckets(&labels(name), histogram, &self.settings.buckets, sample);
                }
            }
            let folded = self.breakers.folded.iter().filter_map(|row| times(row, nth));
            if let Some(histogram) = folded.cloned().reduce(|sum, one| sum.and(&one)) {
                buckets(&labels(OTHER), &histogram, &self.settings.buckets, sample);
            }
        }
    }
}

impl<R> Rows<R> {
    fn counts(&self) -> (u64, u64) {
        (self.named.len() as u64, self.folded.len() as u64)
    }
}

/// The number, or that of each of the family's words.
fn words(
    family: &Family,
    labels: &[(&str, &str)],
    value: impl Fn(usize) -> Option<f64>,
    sample: &mut impl FnMut(&[(&str, &str)], f64),
) {
    let Some(words) = &family.words else {
        return value(0).into_iter().for_each(|value| sample(labels, value));
    };
    for (nth, word) in words.values.iter().enumerate() {
        if let Some(value) = value(nth) {
            let mut labels = labels.to_vec();
            labels.push((words.label, word));
            sample(&labels, value);
        }
    }
}

/// How many calls are up to each bound, how long all of them took, and how many they are.
fn buckets(
    labels: &[(&str, &str)],
    histogram: &Histogram,
    bounds: &[Duration],
    sample: &mut impl FnMut(&str, &[(&str, &str)], f64),
) {
    let mut counted = histogram.buckets().peekable();
    let mut calls = 0;
    for bound in bounds.iter().copied().chain([Duration::MAX]) {
        while let Some((_, more)) = counted.next_if(|(upper, _)| *upper <= bound) {
            calls += more;
        }
        // As OpenMetrics and newer versions of Prometheus write them.
        let le = if bound == Duration::MAX { "+Inf".to_owned() } else { format!("{:?}", bound.as_secs_f64()) };
        sample("_bucket", &[labels, &[("le", &le)]].concat(), number(calls));
    }
    sample("_sum", labels, histogram.sum().as_secs_f64());
    sample("_count", labels, number(calls));
}

// Exact below 2^53.
#[allow(clippy::cast_precision_loss)]
const fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use resilience_runtime::testing::Scope;
    use resilience_runtime::{EventFilter, Rejection, Topic, circuit_breaker};

    #[circuit_breaker("reading: twice", consecutive_failures = 1)]
    async fn one() -> Result<(), Rejection> {
        Ok(())
    }

    #[circuit_breaker("reading: twice", consecutive_failures = 2)]
    async fn another() -> Result<(), Rejection> {
        Ok(())
    }

    #[tokio::test]
    async fn conflicts_and_what_was_passed_over_are_counted() {
        let scope = Scope::new();
        let _entered = scope.enter();
        let registry = scope.registry();
        let mut memory = Memory::new(registry.subscribe());
        one().await.unwrap();
        another().await.unwrap();
        memory.catch_up();
        assert_eq!((memory.conflicts, memory.lost), (1, 0));
        // More than wait for a reader, twice.
        let breaker = registry.circuit_breaker("reading: twice").unwrap();
        let steered = || registry.subscribe_with(EventFilter::of([Topic::Steered]));
        let (mut told, mut lost) = (steered(), 0);
        memory.events = steered();
        for _ in 0..2 {
            (0..5000).for_each(|_| breaker.force_open());
            let told = std::iter::from_fn(|| told.try_recv());
            lost += told.map(|event| if let Event::Missed { events, .. } = event { events } else { 0 }).sum::<u64>();
            memory.catch_up();
            assert!(lost > 0);
            assert_eq!((memory.conflicts, memory.lost), (1, lost));
        }
    }
}
