//! Who looks while somebody watches: a thread that writes the journal, and takes a sample a second.
//!
//! The thread sleeps until something rare happens. It takes samples only while somebody watches, and all who do share them.

use crate::journal::Journal;
use crate::policies::{self, Policy, rate};
use resilience_runtime::{Event, Kind, Layer, Name, Operation, Registry, RegistrySnapshot, Timestamp, Topic};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// Between two samples.
pub(crate) const EVERY: Duration = Duration::from_secs(1);
/// Samples that are further apart, or longer ago, do not say how fast something happens now.
const RECENT: Duration = Duration::from_secs(5);

/// The journal and the samples of one observer.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) journal: Journal,
    pub(crate) functions: Functions,
    registry: Registry,
    /// Who does something by hand does it alone, so that what was looked at is what is changed.
    pub(crate) steering: Mutex<()>,
    samples: Mutex<Samples>,
    thread: Mutex<Option<Thread>>,
}

/// What the program's attributes say, which is the same for as long as it runs.
#[derive(Debug, Default)]
pub(crate) struct Functions {
    /// By the policy that they have.
    of_policy: HashMap<(Kind, Name), Vec<Name>>,
    with_fallback: Vec<WithFallback>,
}

#[derive(Debug)]
struct WithFallback {
    operation: &'static Operation,
    name: Name,
    breakers: Vec<Name>,
}

/// All policies at one moment.
#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) at: Timestamp,
    pub(crate) policies: RegistrySnapshot,
    /// Of each function with a fallback, how often that was asked, and how often it failed.
    fallbacks: Vec<(u64, u64)>,
}

/// The last two.
#[derive(Debug)]
struct Samples {
    before: Option<Arc<Sample>>,
    last: Arc<Sample>,
    taken: Instant,
}

/// How fast things happen, by policy.
pub(crate) type Rates = HashMap<(Kind, Name), Map<String, Value>>;

impl Functions {
    fn of(registry: &Registry) -> Self {
        let mut functions = Self::default();
        for operation in registry.operations() {
            let name = operation.shown_name();
            let mut breakers = Vec::new();
            for layer in operation.layers() {
                let Some(policy) = layer.policy() else { continue };
                if layer.kind() == Kind::CircuitBreaker && !breakers.contains(&policy) {
                    breakers.push(policy.clone());
                }
                let of_policy = functions.of_policy.entry((layer.kind(), policy)).or_default();
                // One function may have the same policy twice.
                if !of_policy.contains(&name) {
                    of_policy.push(name.clone());
                }
            }
            if operation.layers().iter().any(|layer| matches!(layer, Layer::Fallback(_))) {
                functions.with_fallback.push(WithFallback { operation, name, breakers });
            }
        }
        functions
    }

    /// Those that have the policy.
    pub(crate) fn of_policy(&self, kind: Kind, name: &Name) -> &[Name] {
        self.of_policy.get(&(kind, name.clone())).map_or(&[], Vec::as_slice)
    }
}

impl Sample {
    fn of(registry: &Registry, functions: &Functions) -> Self {
        let fallbacks = functions.with_fallback.iter().map(|function| {
            // The failures first: they are never more than the questions.
            let failed = function.operation.failed_fallbacks();
            (function.operation.fallbacks(), failed)
        });
        Self { at: Timestamp::now(), fallbacks: fallbacks.collect(), policies: registry.read() }
    }

    fn by_name(&self) -> HashMap<(Kind, &Name), Policy<'_>> {
        policies::of(&self.policies).map(|policy| ((policy.kind(), policy.name()), policy)).collect()
    }

    /// What happened since then and may come with every call: one event for each policy and topic.
    fn repeated_since(&self, before: &Self, functions: &Functions) -> Vec<Event> {
        let mut events = Vec::new();
        let mut tell = |kind, name: &Name, topic, count: u64| {
            if count > 0 {
                let (name, since, at) = (name.clone(), before.at, self.at);
                events.push(Event::Repeated { kind, name, topic, count, since, at });
            }
        };
        let known = before.by_name();
        for policy in policies::of(&self.policies) {
            let (kind, name) = (policy.kind(), policy.name());
            let counted = known.get(&(kind, name)).map(|before| before.counters());
            for (nth, counter) in policy.counters().into_iter().enumerate() {
                let before = counted.as_ref().map_or(0, |counted| counted[nth].count);
                if let Some(topic) = counter.topic {
                    tell(kind, name, topic, counter.count.saturating_sub(before));
                }
            }
        }
        for (nth, function) in functions.with_fallback.iter().enumerate() {
            let ((asked, failed), (asked_before, failed_before)) = (self.fallbacks[nth], before.fallbacks[nth]);
            tell(Kind::Fallback, &function.name, Topic::Fallback, asked.saturating_sub(asked_before));
            tell(Kind::Fallback, &function.name, Topic::FallbackFailed, failed.saturating_sub(failed_before));
        }
        events
    }

    /// How often the fallbacks were asked of the functions that have a breaker, by breaker.
    fn fallbacks_of_breakers<'f>(&self, functions: &'f Functions) -> HashMap<&'f Name, u64> {
        let mut sums = HashMap::new();
        for (function, (asked, _)) in functions.with_fallback.iter().zip(&self.fallbacks) {
            function.breakers.iter().for_each(|breaker| *sums.entry(breaker).or_default() += asked);
        }
        sums
    }
}

impl Watch {
    /// With its thread; where there can be none, events and samples are as old as the last question.
    pub(crate) fn begin(registry: &Registry) -> Arc<Self> {
        let functions = Functions::of(registry);
        let journal = Journal::new(registry);
        let last = Arc::new(Sample::of(registry, &functions));
        let samples = Mutex::new(Samples { before: None, last, taken: Instant::now() });
        let (steering, thread) = (Mutex::default(), Mutex::default());
        let watch = Arc::new(Self { journal, functions, registry: registry.clone(), steering, samples, thread });
        let weak = Arc::downgrade(&watch);
        let spawned = thread::Builder::new().name("resilience-watch".to_owned()).spawn(move || run(&weak));
        *lock(&watch.thread) = spawned.ok().map(|thread| thread.thread().clone());
        watch
    }

    /// Whether samples are taken although nobody asks.
    fn is_watched(&self) -> bool {
        false
    }

    /// The last sample, which is a new one where that is due, and what it tells is in the journal then.
    pub(crate) fn look(&self) -> Arc<Sample> {
        let mut samples = lock(&self.samples);
        if samples.taken.elapsed() >= EVERY {
            let sample = Arc::new(Sample::of(&self.registry, &self.functions));
            self.journal.catch_up(sample.repeated_since(&samples.last, &self.functions));
            let before = std::mem::replace(&mut samples.last, sample);
            (samples.before, samples.taken) = (Some(before), Instant::now());
        }
        Arc::clone(&samples.last)
    }

    /// So many a second, between the last two samples; nothing where those are long ago or far apart.
    pub(crate) fn rates(&self) -> Rates {
        let (before, last) = {
            let samples = lock(&self.samples);
            let Some(before) = &samples.before else { return Rates::new() };
            (Arc::clone(before), Arc::clone(&samples.last))
        };
        let between = last.at.duration_since(before.at);
        if between > RECENT || last.at.elapsed() > RECENT {
            return Rates::new();
        }
        let known = before.by_name();
        let fallbacks = [&before, &last].map(|sample| sample.fallbacks_of_breakers(&self.functions));
        let mut rates = Rates::new();
        for policy in policies::of(&last.policies) {
            let (kind, name) = (policy.kind(), policy.name());
            let Some(was) = known.get(&(kind, name)) else { continue };
            let counted = was.counters().into_iter().map(|counter| counter.count);
            let counts = policy.counters().into_iter().map(|counter| (counter.word, counter.count));
            let mut rate_of = rate(counted, counts, between);
            if kind == Kind::CircuitBreaker {
                let [asked_before, asked] = fallbacks.each_ref().map(|asked| asked.get(name).copied().unwrap_or(0));
                rate_of.append(&mut rate([asked_before].into_iter(), [("fallbacks", asked)].into_iter(), between));
            }
            rates.insert((kind, name.clone()), rate_of);
        }
        rates
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Sleeper(Thread);

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Until nobody has the watch any more, or the registry is gone.
fn run(watch: &Weak<Watch>) {
    let waker = Waker::from(Arc::new(Sleeper(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        let Some(watch) = watch.upgrade() else { return };
        if !watch.journal.catch_up_and_wait(&mut context) {
            return;
        }
        let wait = watch.is_watched().then(|| {
            watch.look();
            EVERY.saturating_sub(lock(&watch.samples).taken.elapsed())
        });
        drop(watch);
        match wait {
            Some(wait) => thread::park_timeout(wait),
            None => thread::park(),
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(thread) = &*lock(&self.thread) {
            thread.unpark();
        }
    }
}
