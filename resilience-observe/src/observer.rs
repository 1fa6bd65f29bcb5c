//! Who looks at a registry: built from its choices, and then one reading after the other.

use crate::advice::{self, Advice, Disagreement, Facts, Fallbacks, Refused};
use crate::history::Rings;
#[cfg(feature = "axum")]
use crate::hystrix::Hystrix;
#[cfg(feature = "axum")]
use crate::journal::NOT_TOLD;
use crate::locked::locked;
use crate::program::{Function, Program};
use crate::reading::{Memory, Reading};
use crate::sampler;
use crate::settings::{Aliases, History, KeySeries, Settings};
use crate::table::families;
use crate::text::{self, TextFormat};
#[cfg(feature = "axum")]
use crate::watch::Watch;
use resilience_runtime::{EventFilter, Histogram, Kind, Operation, Registry, Timestamp, Topic};
#[cfg(feature = "axum")]
use std::sync::MutexGuard;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

/// Looks at the policies of a registry whenever somebody wants to know. Clones are the same observer.
///
/// ```
/// use resilience_observe::{Observer, TextFormat};
/// use resilience_runtime::{CircuitBreaker, registry};
///
/// CircuitBreaker::builder("payment").register()?;
/// let observer = Observer::new(registry());
/// let text = observer.metrics(TextFormat::Classic);
/// assert!(text.contains("circuit_breaker_state{service=\"payment\"} 0\n"));
/// assert!(text.contains("circuit_breaker_calls_total{service=\"payment\",outcome=\"rejected\"} 0\n"));
/// # Ok::<(), resilience_runtime::RegisterError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Observer {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    registry: Registry,
    settings: Settings,
    program: Arc<Program>,
    memory: Mutex<Memory>,
    /// From when somebody can ask for it.
    past: OnceLock<Mutex<Rings>>,
    /// From the first router on.
    #[cfg(feature = "axum")]
    watch: OnceLock<Arc<Watch>>,
    /// From when somebody first asked for it.
    #[cfg(feature = "axum")]
    hystrix: OnceLock<Arc<Hystrix>>,
}

/// Why an observer could not be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Prometheus does not accept the name of the label.
    #[error(
        "`{0}` cannot be the name of a label: expected letters, digits and `_`, not beginning with a digit or `__`"
    )]
    InvalidLabel(String),
    /// The name of the label is that of another one.
    #[error("`{0}` is a label of its own already; choose another name for the policy's")]
    LabelIsTaken(String),
    /// Calls are not counted by such a bound.
    #[error(
        "`{bound:?}` cannot be the bound of a bucket, since calls are not counted by it; the nearest one is `{nearest:?}`"
    )]
    UnknownBucket {
        /// The bound.
        bound: Duration,
        /// One that can be had.
        nearest: Duration,
    },
}

/// How the fallback of one function has done.
fn fallbacks(function: &Function) -> Fallbacks {
    let Function { operation, name, .. } = function;
    Fallbacks {
        operation: name.clone(),
        location: operation.location(),
        answered: operation.answered_fallbacks(),
        failed: operation.failed_fallbacks(),
    }
}

impl Inner {
    /// Writes down what happened in the second that is over.
    fn sample(&self) {
        let Some(past) = self.past.get() else { return };
        let reading = self.registry.read();
        let at = Timestamp::now().as_millis();
        locked(past).record(&reading, |breaker| self.program.fallbacks_of(breaker, Operation::fallbacks), at);
    }
}

impl Observer {
    /// An observer with every choice left as it is, for which every policy of every guarded function is [prepared](Registry::prepare).
    pub fn new(registry: Registry) -> Self {
        Self::builder(registry).made()
    }

    /// An observer whose choices are made first.
    ///
    /// ```
    /// use resilience_observe::{Aliases, KeySeries, Observer};
    /// use resilience_runtime::registry;
    ///
    /// let observer = Observer::builder(registry())
    ///     .label("breaker")
    ///     .aliases(Aliases::None)
    ///     .keys(KeySeries::NotClosed { at_most: 20 })
    ///     .build()?;
    /// # Ok::<(), resilience_observe::BuildError>(())
    /// ```
    pub fn builder(registry: Registry) -> ObserverBuilder {
        ObserverBuilder { registry, settings: Settings::default() }
    }

    /// All metrics as they are now.
    pub fn metrics(&self, format: TextFormat) -> String {
        self.read(|reading| text::write(reading, format, self.inner.settings.aliases))
    }

    pub(crate) fn read<T>(&self, of: impl FnOnce(&Reading<'_>) -> T) -> T {
        let Inner { registry, settings, program, memory, .. } = &*self.inner;
        of(&Reading::of(registry, settings, program, memory))
    }

    /// What somebody should look at: policies that cannot do what they are there for, each with what to write instead. What takes an hour to be seen is said where a
    /// [history](ObserverBuilder::history) is kept.
    pub fn advice(&self) -> Vec<Advice> {
        self.advice_with(locked(&self.inner.memory).last_refused())
    }

    /// As whoever has shown no token is told it: not what is wrong with a configuration.
    #[cfg(feature = "axum")]
    pub(crate) fn public_advice(&self) -> Vec<Advice> {
        let refused = locked(&self.inner.memory).last_refused();
        self.advice_with(refused.map(|refused| Refused { error: NOT_TOLD.to_owned(), ..refused }))
    }

    fn advice_with(&self, refused: Option<Refused>) -> Vec<Advice> {
        let Inner { registry, program, past, .. } = &*self.inner;
        let policies = registry.snapshot();
        let conflicts = registry.verify().err();
        let conflicts = conflicts.iter().flatten().map(|conflict| Disagreement {
            kind: conflict.kind,
            name: conflict.name.into(),
            in_force: conflict.in_force.location(),
            not_in_force: conflict.not_in_force.location(),
            keys: conflict.differences.iter().map(|difference| difference.key).collect(),
        });
        let conflicts = conflicts.collect();
        let events = |name: &str| registry.recent_events(Kind::CircuitBreaker, name);
        let past = past.get().map(locked);
        advice::advise(&Facts {
            policies: &policies,
            fallbacks: program.with_fallback().map(fallbacks).collect(),
            past: past.as_deref(),
            events: &events,
            conflicts,
            refused,
        })
    }

    /// The history, where one is kept.
    #[cfg(feature = "axum")]
    pub(crate) fn past(&self) -> Option<MutexGuard<'_, Rings>> {
        self.inner.past.get().map(locked)
    }

    /// Keeps a history from now on, unless none is wanted.
    pub(crate) fn keep_history(&self) {
        let history = self.inner.settings.history.unwrap_or_default();
        if history != History::NONE {
            self.inner.past.get_or_init(|| {
                let observer = Arc::downgrade(&self.inner);
                sampler::start(move || observer.upgrade().map(|observer| observer.sample()).is_some());
                Mutex::new(Rings::new(history.bytes()))
            });
        }
    }

    /// That of the policy's name.
    #[cfg(feature = "opentelemetry")]
    pub(crate) fn label(&self) -> &str {
        &self.inner.settings.label
    }

    /// Who looks while somebody watches.
    #[cfg(feature = "axum")]
    pub(crate) fn watch(&self) -> &Watch {
        self.inner.watch.get_or_init(|| Watch::begin(&self.inner.registry, &self.inner.program))
    }

    /// What the dashboard of Hystrix is told.
    #[cfg(feature = "axum")]
    pub(crate) fn hystrix(&self) -> &Arc<Hystrix> {
        self.inner.hystrix.get_or_init(|| Hystrix::new(&self.inner.registry, &self.inner.program))
    }

    /// Which of several programs it is.
    #[cfg(feature = "axum")]
    pub(crate) fn instance(&self) -> &str {
        &self.inner.settings.instance
    }

    /// What it looks at.
    pub fn registry(&self) -> &Registry {
        &self.inner.registry
    }
}

/// Makes the choices of an [`Observer`].
#[derive(Clone, Debug)]
#[must_use = "nothing is observed before `build`"]
pub struct ObserverBuilder {
    registry: Registry,
    settings: Settings,
}

impl ObserverBuilder {
    /// The label that has the name of the policy; defaults to `service`. Where Prometheus gives its targets a label `service` themselves, as it does with the
    /// Prometheus operator in Kubernetes, ours would arrive as `exported_service`: choose another one there, such as `breaker`.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.settings.label = label.into();
        self
    }

    /// How many policies of each kind have series of their own; defaults to 1,000. Those that come after are told together as `(other)`, and
    /// `resilience_folded_policies` says how many they are.
    pub fn fold_beyond(mut self, policies: usize) -> Self {
        self.settings.fold_beyond = policies;
        self
    }

    /// Which metrics there are a second time under other names; defaults to [`Aliases::Seeds`].
    pub fn aliases(mut self, aliases: Aliases) -> Self {
        self.settings.aliases = aliases;
        self
    }

    /// What this one of several programs is called, in the answers over HTTP; defaults to the name of the machine or container.
    #[cfg(feature = "axum")]
    #[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
    pub fn instance(mut self, instance: impl Into<String>) -> Self {
        self.settings.instance = instance.into();
        self
    }

    /// Whether keys have series of their own; defaults to [`KeySeries::None`].
    pub fn keys(mut self, keys: KeySeries) -> Self {
        self.settings.keys = keys;
        self
    }

    /// How much is remembered of what each policy did. What is chosen here is kept from the beginning; otherwise [`History::DEFAULT`] is, from when somebody can ask for it, which is when
    /// a router is made.
    pub fn history(mut self, history: History) -> Self {
        self.settings.history = Some(history);
        self
    }

    /// The bounds of the histograms, from [those by which calls are counted](Histogram::BOUNDS), in any order; defaults to 1, 2.5, 5, 10, 25, 50, 100, 250 and
    /// 500 ms and 1, 2.5, 5 and 10 s. What took longer is counted too.
    pub fn buckets(mut self, bounds: impl IntoIterator<Item = Duration>) -> Self {
        self.settings.buckets = bounds.into_iter().collect();
        self.settings.buckets.sort_unstable();
        self.settings.buckets.dedup();
        self
    }

    /// The observer, for which every policy of every guarded function is [prepared](Registry::prepare).
    ///
    /// # Errors
    ///
    /// Prometheus does not accept the label, a metric has one of that name already, or a bucket is none that calls are counted by.
    pub fn build(self) -> Result<Observer, BuildError> {
        let label = &self.settings.label;
        let is_valid = label.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && label.starts_with(|c: char| !c.is_ascii_digit())
            && !label.starts_with("__");
        if !is_valid {
            return Err(BuildError::InvalidLabel(self.settings.label));
        }
        // "" stands for the policy's own.
        let mut others = families().iter().flat_map(|family| family.labels(""));
        if others.any(|other| other == label) {
            return Err(BuildError::LabelIsTaken(self.settings.label));
        }
        let nearest = |bound: Duration| Histogram::BOUNDS.into_iter().min_by_key(|known| known.abs_diff(bound));
        let known = self.settings.buckets.iter().map(|bound| (*bound, nearest(*bound).unwrap_or_default()));
        if let Some((bound, nearest)) = known.into_iter().find(|(bound, nearest)| bound != nearest) {
            return Err(BuildError::UnknownBucket { bound, nearest });
        }
        Ok(self.made())
    }

    fn made(self) -> Observer {
        let Self { registry, settings } = self;
        // Before anything can be told.
        let events = registry.subscribe_with(EventFilter::of([Topic::Conflict, Topic::ConfigRefused]));
        registry.prepare();
        let (program, memory) = (Arc::new(Program::of(&registry)), Mutex::new(Memory::new(events)));
        let is_chosen = settings.history.is_some();
        let inner = Inner {
            registry,
            settings,
            program,
            memory,
            past: OnceLock::new(),
            #[cfg(feature = "axum")]
            watch: OnceLock::new(),
            #[cfg(feature = "axum")]
            hystrix: OnceLock::new(),
        };
        let observer = Observer { inner: Arc::new(inner) };
        if is_chosen {
            observer.keep_history();
        }
        observer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use resilience_runtime::testing::Scope;

    #[test]
    fn buckets_are_sorted_and_each_is_there_once() {
        let millis = |bounds: &[u64]| bounds.iter().map(|millis| Duration::from_millis(*millis)).collect::<Vec<_>>();
        let built = |builder: ObserverBuilder| builder.build().unwrap().inner.settings.buckets.clone();
        let plain = || Observer::builder(Scope::new().registry());
        assert_eq!(built(plain().buckets(millis(&[100, 1, 10, 1]))), millis(&[1, 10, 100]));
        let default = built(plain());
        assert_eq!((default.len(), default[1]), (13, Duration::from_micros(2500)));
        assert_eq!((default[0], default[12]), (Duration::from_millis(1), Duration::from_secs(10)));
    }

    #[test]
    fn a_history_is_kept_where_it_is_chosen_and_none_where_it_is_not_wanted() {
        let observer = |choose: fn(ObserverBuilder) -> ObserverBuilder| {
            choose(Observer::builder(Scope::new().registry())).build().unwrap()
        };
        let kept = |observer: &Observer| observer.inner.past.get().map(|past| locked(past).bound());
        let none = observer(|builder| builder.history(History::NONE));
        let chosen = observer(|builder| builder.history(History::of_bytes(1 << 20)));
        let later = observer(|builder| builder);
        assert_eq!([&none, &chosen, &later].map(kept), [None, Some(1 << 20), None]);
        [&none, &chosen, &later].into_iter().for_each(Observer::keep_history);
        assert_eq!([&none, &chosen, &later].map(kept), [None, Some(1 << 20), Some(16 << 20)]);
    }
}
