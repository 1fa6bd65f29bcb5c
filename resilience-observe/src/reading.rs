//! From the registry to numbers with labels: one reading of all policies, and what becomes of those beyond the bound.

use crate::advice::{Fallbacks, Refused};
use crate::rows::{BreakerRow, KeyRow, LayerRow, Seen};
use crate::settings::{KeySeries, Settings};
use crate::table::{Family, Folding, Source};
use resilience_runtime::{
    CircuitBreakerSnapshot, Event, Events, Histogram, Kind, Layer, Name, Operation, Registry, RegistrySnapshot, State,
    Timestamp,
};
use std::collections::HashMap;
use std::time::Duration;

/// The name of the policies beyond the bound, all together.
pub(crate) const OTHER: &str = "(other)";

/// What stays from one reading to the next.
#[derive(Debug)]
pub(crate) struct Memory {
    /// By kind: which of the policies that are there have series of their own. One that has none never gets them, so that the counters of the others together do not fall.
    seen: [HashMap<Name, bool>; 5],
    events: Events,
    conflicts: u64,
    refused: u64,
    /// The configuration, what was wrong with it, and when.
    last_refused: Option<(Name, String, Timestamp)>,
    lost: u64,
}

/// The guarded functions, which are the same for as long as the program runs.
#[derive(Debug)]
pub(crate) struct Program {
    with_fallback: Vec<(String, &'static Operation)>,
    /// By the name of the breaker.
    fallbacks_of: HashMap<Name, Vec<&'static Operation>>,
    layers: Vec<LayerRow>,
}

/// Everything at one moment.
#[derive(Debug)]
pub(crate) struct Reading<'o> {
    settings: &'o Settings,
    program: &'o Program,
    breakers: Rows<BreakerRow>,
    keys: Vec<KeyRow>,
    retries: Rows<resilience_runtime::RetrySnapshot>,
    timeouts: Rows<resilience_runtime::TimeoutSnapshot>,
    bulkheads: Rows<resilience_runtime::BulkheadSnapshot>,
    rate_limiters: Rows<resilience_runtime::RateLimiterSnapshot>,
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
        Self { seen: Default::default(), events, conflicts: 0, refused: 0, last_refused: None, lost: 0 }
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
        kind: usize,
        bound: usize,
        snapshots: Vec<S>,
        name: fn(&S) -> &Name,
        row: impl Fn(S) -> R,
    ) -> Rows<R> {
        let seen = &mut self.seen[kind];
        // By name. Those that were taken out of the registry leave their series to others.
        seen.retain(|known, _| snapshots.binary_search_by(|there| name(there).cmp(known)).is_ok());
        let mut with_series = seen.values().filter(|has_series| **has_series).count();
        let mut rows = Rows { named: Vec::with_capacity(snapshots.len()), folded: Vec::new() };
        for snapshot in snapshots {
            let name = name(&snapshot).clone();
            let has_series = *seen.entry(name.clone()).or_insert_with(|| {
                let is_within = with_series < bound;
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
}

impl Program {
    pub(crate) fn of(registry: &Registry) -> Self {
        let mut program = Self { with_fallback: Vec::new(), fallbacks_of: HashMap::new(), layers: Vec::new() };
        for operation in registry.operations() {
            let shown = operation.shown_name().to_string();
            let has_fallback = operation.layers().iter().any(|layer| matches!(layer, Layer::Fallback(_)));
            for (nth, layer) in operation.layers().iter().enumerate() {
                let Some(policy) = layer.policy() else { continue };
                if has_fallback && layer.kind() == Kind::CircuitBreaker {
                    let of_breaker = program.fallbacks_of.entry(policy.clone()).or_default();
                    // One function may have the same breaker twice.
                    if !of_breaker.iter().any(|other| std::ptr::eq(*other, operation)) {
                        of_breaker.push(operation);
                    }
                }
                let (kind, layer) = (layer.kind(), nth.to_string());
                program.layers.push(LayerRow { operation: shown.clone(), kind, policy, layer });
            }
            if has_fallback {
                program.with_fallback.push((shown, operation));
            }
        }
        program
    }

    /// How often the fallbacks of the functions with this breaker were asked.
    pub(crate) fn fallbacks_of(&self, breaker: &str) -> u64 {
        let operations = self.fallbacks_of.get(breaker).map_or(&[][..], Vec::as_slice);
        operations.iter().map(|operation| operation.fallbacks()).sum()
    }

    pub(crate) fn fallbacks(&self) -> Vec<Fallbacks> {
        let fallbacks = self.with_fallback.iter().map(|(name, operation)| Fallbacks {
            operation: Name::from(name.clone()),
            location: operation.location(),
            answered: operation.answered_fallbacks(),
            failed: operation.failed_fallbacks(),
        });
        fallbacks.collect()
    }

    fn breaker(&self, snapshot: CircuitBreakerSnapshot) -> BreakerRow {
        let operations = self.fallbacks_of.get(&*snapshot.name).map_or(&[][..], Vec::as_slice);
        let sum = |count: fn(&Operation) -> u64| operations.iter().map(|operation| count(operation)).sum();
        // The answers first: they are never more than the questions.
        let answered_fallbacks = sum(Operation::answered_fallbacks);
        BreakerRow { snapshot, fallbacks: sum(Operation::fallbacks), answered_fallbacks }
    }
}

/// The keys of all breakers that are not closed, at most so many a breaker, those first that have been so for longest.
fn keys_not_closed(registry: &Registry, choice: KeySeries) -> Vec<KeyRow> {
    let KeySeries::NotClosed { at_most } = choice else { return Vec::new() };
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
                not_closed.push((age, KeyRow { name, key, state }));
            }
        }
        not_closed.sort_by(|(age, row), (other_age, other)| other_age.cmp(age).then_with(|| row.key.cmp(&other.key)));
        rows.extend(not_closed.into_iter().take(at_most).map(|(_, row)| row));
    }
    rows
}

impl<'o> Reading<'o> {
    pub(crate) fn of(registry: &Registry, settings: &'o Settings, program: &'o Program, memory: &mut Memory) -> Self {
        memory.catch_up();
        let keys = keys_not_closed(registry, settings.keys);
        let RegistrySnapshot { circuit_breakers, retries, timeouts, bulkheads, rate_limiters, .. } = registry.read();
        let bound = settings.fold_beyond;
        let breakers = memory.rows(0, bound, circuit_breakers, |row| &row.name, |row| program.breaker(row));
        let retries = memory.rows(1, bound, retries, |row| &row.name, |row| row);
        let timeouts = memory.rows(2, bound, timeouts, |row| &row.name, |row| row);
        let bulkheads = memory.rows(3, bound, bulkheads, |row| &row.name, |row| row);
        let rate_limiters = memory.rows(4, bound, rate_limiters, |row| &row.name, |row| row);
        let counts =
            [breakers.counts(), retries.counts(), timeouts.counts(), bulkheads.counts(), rate_limiters.counts()];
        let seen = Seen {
            policies: counts.map(|(named, folded)| named + folded),
            folded: counts.map(|(_, folded)| folded),
            conflicts: memory.conflicts,
            refused: memory.refused,
            lost: memory.lost,
        };
        Self { settings, program, breakers, keys, retries, timeouts, bulkheads, rate_limiters, seen }
    }

    /// Every number of the family, with what its name ends in and with its labels.
    pub(crate) fn for_each_sample(&self, family: &Family, mut sample: impl FnMut(&str, &[(&str, &str)], f64)) {
        let mut numbers = |labels: &[(&str, &str)], value: f64| sample("", labels, value);
        let numbers = &mut numbers;
        match &family.source {
            Source::CallTimes(times) => self.times(family, *times, &mut sample),
            Source::CircuitBreaker(value) => self.policies(family, &self.breakers, *value, numbers),
            Source::Retry(value) => self.policies(family, &self.retries, *value, numbers),
            Source::Timeout(value) => self.policies(family, &self.timeouts, *value, numbers),
            Source::Bulkhead(value) => self.policies(family, &self.bulkheads, *value, numbers),
            Source::RateLimit(value) => self.policies(family, &self.rate_limiters, *value, numbers),
            Source::Key(value) => {
                for row in &self.keys {
                    let labels = [(self.label(), row.name.as_str()), ("key", row.key.as_str())];
                    words(family, &labels, |nth| value(row, nth), numbers);
                }
            }
            Source::Fallback(value) => {
                for (name, operation) in &self.program.with_fallback {
                    words(family, &[("operation", name)], |nth| value(operation, nth), numbers);
                }
            }
            Source::Layer(value) => {
                for row in &self.program.layers {
                    let (kind, layer) = (row.kind.as_str(), &*row.layer);
                    let labels =
                        [("operation", &*row.operation), ("kind", kind), (self.label(), &row.policy), ("layer", layer)];
                    words(family, &labels, |nth| value(row, nth), numbers);
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
