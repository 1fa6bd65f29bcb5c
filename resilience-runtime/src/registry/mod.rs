//! The global registry: names to policies, and every guarded function of the program.
//!
//! A guarded function's static ([`Site`]) looks its policy up once and keeps the handle. Which configuration is in force for
//! a shared name does not depend on who calls first: the link-time list of operations is asked for the first place by crate,
//! file and line.

mod attribute;
mod checks;
mod collected;
mod holders;
mod key_value;
mod kinds;
mod list;
mod lookup;
mod operation;
#[cfg(feature = "persistence")]
mod pending;
mod policies;
mod site;

pub use checks::{HealthCheck, HealthError, MAX_CRITICAL, MAX_HEALTH_CHECKS};
pub(crate) use holders::{KindAndName, PipelineHold};
pub use key_value::KeyValue;
pub(crate) use key_value::resolved;
pub(crate) use kinds::{EachKind, Kept, OfEachKind, for_each_kind, for_kind};
#[cfg(feature = "config")]
pub(crate) use kinds::{Family, KINDS};
pub(crate) use list::each_kind;
#[doc(hidden)]
pub use operation::FallbackSite;
pub(crate) use operation::Site;
pub use operation::{Layer, Operation};
#[cfg(feature = "config")]
pub(crate) use policies::Named;
pub(crate) use policies::Policies;
pub use policies::{RegisterError, RemoveError};
pub(crate) use site::sites;

use crate::cause::{Cause, Describe, cause_of};
#[cfg(feature = "persistence")]
use crate::circuit_breaker::CircuitBreaker;
use crate::circuit_breaker::CircuitBreakerSnapshot;
use crate::event::{Audience, Bus, Event, EventFilter, Events, Listener, Topic, Untold};
use crate::kind::Kind;
use crate::name::{MeantKey, Name, PolicyKey};
#[cfg(feature = "config")]
use crate::overlay::{Overlay, SourceTables};
use crate::policy::Definition;
use checks::HealthRules;
use once_cell::sync::Lazy;
use std::sync::Arc;
#[cfg(feature = "test-util")]
use {
    crate::sync::locked,
    std::{any::Any, cell::RefCell, collections::HashMap, sync::Mutex},
    tokio::runtime::{Handle, Id},
};

static GLOBAL: Lazy<Registry> = Lazy::new(Registry::new);

/// The registry of this program; with the feature `test-util`, of the test's scope where one is entered.
pub fn registry() -> Registry {
    #[cfg(feature = "test-util")]
    if let Some(scoped) = scoped() {
        return scoped.registry;
    }
    GLOBAL.clone()
}

/// A registry of a test's own, and what each attribute has found in it.
#[cfg(feature = "test-util")]
#[derive(Clone)]
pub(crate) struct ScopedRegistry {
    pub(crate) registry: Registry,
    /// By the address of the attribute's static.
    found: Arc<Mutex<HashMap<usize, &'static (dyn Any + Send + Sync)>>>,
}

#[cfg(feature = "test-util")]
thread_local! {
    static ENTERED: RefCell<Option<ScopedRegistry>> = const { RefCell::new(None) };
}

/// A thread of a runtime has entered a scope.
#[cfg(feature = "test-util")]
pub(crate) struct EnteredIn {
    runtime: Id,
    /// Somebody was told that another thread of the runtime has not.
    is_told: bool,
}

#[cfg(feature = "test-util")]
static ENTERED_IN: Mutex<Vec<EnteredIn>> = Mutex::new(Vec::new());

/// Until it is dropped, this thread's runtime is one on which a scope is entered.
#[cfg(feature = "test-util")]
pub(crate) struct OnRuntime(Option<Id>);

#[cfg(feature = "test-util")]
impl OnRuntime {
    pub(crate) fn of_this_thread() -> Self {
        let runtime = Handle::try_current().ok().map(|handle| handle.id());
        locked(&ENTERED_IN).extend(runtime.map(|runtime| EnteredIn { runtime, is_told: false }));
        Self(runtime)
    }
}

#[cfg(feature = "test-util")]
impl Drop for OnRuntime {
    fn drop(&mut self) {
        let mut entered = locked(&ENTERED_IN);
        let one = entered.iter().position(|entered| Some(entered.runtime) == self.0);
        one.map(|one| entered.swap_remove(one));
    }
}

/// Whether this thread, which has entered no scope, belongs to a runtime of which another one has; and nobody was told.
#[cfg(feature = "test-util")]
fn is_outside_scope() -> bool {
    let mut entered = locked(&ENTERED_IN);
    if entered.is_empty() {
        return false;
    }
    let Ok(here) = Handle::try_current() else { return false };
    let mut on_this = entered.iter_mut().filter(|entered| entered.runtime == here.id()).peekable();
    on_this.peek().is_some()
        && on_this.fold(true, |is_news, entered| is_news & !std::mem::replace(&mut entered.is_told, true))
}

#[cfg(feature = "test-util")]
impl ScopedRegistry {
    pub(crate) fn new() -> Self {
        Self { registry: Registry::new(), found: Arc::default() }
    }

    /// Makes this thread see it, or none; what it saw before.
    pub(crate) fn enter(entered: Option<Self>) -> Option<Self> {
        // A thread that ends has left its scope.
        ENTERED.try_with(|before| before.replace(entered)).ok().flatten()
    }

    fn policy<P: Kept>(&self, site: &'static Site<P>) -> &'static P {
        let address = std::ptr::from_ref(site).addr();
        let found = locked(&self.found).get(&address).copied();
        if let Some(policy) = found.and_then(|policy| policy.downcast_ref()) {
            return policy;
        }
        // Another thread may find it as well, which leaks one more handle on the same policy.
        let policy: &'static P = Box::leak(Box::new(self.registry.join(site)));
        locked(&self.found).insert(address, policy);
        policy
    }
}

/// Of the scope that this thread has entered.
#[cfg(feature = "test-util")]
fn scoped() -> Option<ScopedRegistry> {
    ENTERED.try_with(|entered| entered.borrow().clone()).ok().flatten()
}

/// A handle on the policies of a program by kind and name; clones are the same registry.
#[derive(Clone)]
pub struct Registry {
    inner: Arc<RegistryInner>,
}

#[derive(Default)]
struct RegistryInner {
    policies: OfEachKind<policies::ByKind>,
    bus: Arc<Bus>,
    health: HealthRules,
    holders: holders::Holders,
    #[cfg(feature = "persistence")]
    pending: pending::Pending,
    #[cfg(feature = "config")]
    sources: std::sync::Mutex<Sources>,
}

/// A source outside of the program.
#[cfg(feature = "config")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outside {
    File,
    Overlay(Name),
    Environment,
}

#[cfg(feature = "config")]
impl Outside {
    fn rank(&self) -> u8 {
        match self {
            Self::File => 0,
            Self::Overlay(_) => 1,
            Self::Environment => 2,
        }
    }
}

/// What each source outside of the program says, the weakest first. The lock around it is also what makes two configurations follow one another.
#[cfg(feature = "config")]
#[derive(Clone, Default)]
pub(crate) struct Sources(Vec<(Outside, Tables)>);

#[cfg(feature = "config")]
impl Sources {
    /// Has that source say something else, in its old place or above those of its rank; or nothing.
    pub(crate) fn put(&mut self, source: Outside, says: Option<Tables>) {
        let Self(all) = self;
        let at = all.iter().position(|(other, _)| *other == source);
        match (at, says) {
            (Some(at), Some(says)) => all[at].1 = says,
            (Some(at), None) => drop(all.remove(at)),
            (None, Some(says)) => {
                let above = all.partition_point(|(other, _)| other.rank() <= source.rank());
                all.insert(above, (source, says));
            }
            (None, None) => {}
        }
    }

    pub(crate) fn strongest_first(&self) -> impl Iterator<Item = &Tables> {
        self.0.iter().rev().map(|(_, says)| says)
    }

    /// The names of the overlays, the weakest first.
    pub(crate) fn overlays(&self) -> impl Iterator<Item = &Name> {
        self.0.iter().filter_map(|(source, _)| match source {
            Outside::Overlay(name) => Some(name),
            Outside::File | Outside::Environment => None,
        })
    }
}

/// All that one source says.
#[cfg(feature = "config")]
#[derive(Clone, Default)]
pub(crate) struct Tables {
    pub(crate) kinds: OfEachKind<TablesOfSource>,
    /// Whether what failures say may be told.
    pub(crate) causes: Option<bool>,
}

/// What one source says of each kind.
#[cfg(feature = "config")]
pub(crate) struct TablesOfSource;

#[cfg(feature = "config")]
impl Family for TablesOfSource {
    type Of<P: Kept> = Arc<SourceTables<P::Keys>>;
}

/// What all of them say of each kind.
#[cfg(feature = "config")]
pub(crate) struct Overlays;

#[cfg(feature = "config")]
impl Family for Overlays {
    type Of<P: Kept> = Overlay<P::Keys>;
}

macro_rules! of_each_kind {
    ($($kind:ident: $policy:ident, $one:ident, $field:ident, $config:ident, $snapshot:ident, $site:ident;)*) => {
        /// All policies of a registry at one moment.
        ///
        /// # In JSON
        ///
        /// With the feature `serde`, snapshots, events, health and rejections have one form:
        ///
        /// | what | form |
        /// |---|---|
        /// | a duration | seconds, as a number: `1.5` |
        /// | an enum without data | a word in `snake_case`: `"half_open"` |
        /// | an enum of which some variants have data | an object with the word as its `type`: `{"type": "failure_rate", "failures": 12, "calls": 20}` |
        /// | a [`Timestamp`](crate::Timestamp) | `{"time": "2026-11-26T18:46:10.123Z", "monotonic": 5312.007}`: the wall clock's time, in UTC, and seconds on the clock that is never set |
        /// | what is not there | `null` |
        #[derive(Clone, Debug, Default)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize))]
        #[non_exhaustive]
        pub struct RegistrySnapshot {
            $(
                /// By name.
                pub $field: Vec<crate::$snapshot>,
            )*
            /// Circuit breakers that `restore` has read and that nobody has called yet, as they will be at their first call; and the same of keys.
            /// By name.
            pub pending: Vec<CircuitBreakerSnapshot>,
        }

        impl RegistrySnapshot {
            fn of(policies: &OfEachKind<policies::ByKind>) -> Self {
                Self { $($field: policies.$field.snapshot(),)* pending: Vec::new() }
            }

            fn read(policies: &OfEachKind<policies::ByKind>) -> Self {
                Self { $($field: policies.$field.read(),)* pending: Vec::new() }
            }

            fn of_one(policies: &OfEachKind<policies::ByKind>, kind: Kind, name: &str) -> Self {
                let mut snapshot = Self::default();
                match kind {
                    $(Kind::$kind => {
                        let one = policies.$field.find(name).map(|policy| policies.$field.snapshot_of(&policy));
                        snapshot.$field.extend(one);
                    })*
                    Kind::Fallback => {}
                }
                snapshot
            }
        }

        impl Registry {
    /// With nothing in it.
    pub(crate) fn new() -> Self {
        Self { inner: Arc::default() }
    }

            $(
                #[doc = concat!("The [`", stringify!($policy), "`](crate::", stringify!($policy), ") of that name.")]
                ///
                /// A policy is here from the first call of a function that it guards, from `register` of its builder, or from [`prepare`](Self::prepare).
                /// One without a name is called `module::function`; `module::function@line` where several functions have that path, and
                /// `module::function@line.2` for the second that a macro has put on one line (in the linker's order, which another build may change: give a name
                /// to those that you want to address).
                pub fn $one(&self, name: &str) -> Option<Arc<crate::$policy>> {
                    self.inner.policies.$field.find(name)
                }

                #[doc = concat!("Every [`", stringify!($policy), "`](crate::", stringify!($policy), "), by name.")]
                pub fn $field(&self) -> impl Iterator<Item = Arc<crate::$policy>> + use<> {
                    self.inner.policies.$field.all().into_iter()
                }
            )*
        }
    };
}

each_kind!(of_each_kind!);

impl Registry {
    /// Every guarded function that is linked into the program, called or not, by crate, file and line.
    ///
    /// A library's functions are in it once any path of the library is used; of a library that nothing refers to,
    /// the linker keeps nothing (`use that_library as _;` is enough).
    pub fn operations(&self) -> impl Iterator<Item = &'static Operation> + use<> {
        collected::in_order().iter().copied()
    }

    /// Every policy as it is now. No call waits for it but one that changes a breaker's state, and that for as long as its [history](crate::StateHistory) is copied.
    ///
    /// A snapshot of 10,000 breakers takes 0.09 s, and reconfiguring all of them 0.02 s. Two threads that call them one after the other meanwhile
    /// pay 50 to 52 ns of a core for a call instead of 46 to 50, with both without a pause beside them, on two cores
    /// (`cargo test --release -p resilience-runtime --test ten_thousand -- --ignored --nocapture`).
    pub fn snapshot(&self) -> RegistrySnapshot {
        // In this order, so that none is passed over which is built meanwhile.
        #[cfg(feature = "persistence")]
        let expected = self.expected();
        #[allow(unused_mut)]
        let mut snapshot = RegistrySnapshot::of(&self.inner.policies);
        #[cfg(feature = "persistence")]
        snapshot.add_pending(expected);
        snapshot
    }

    /// As [`snapshot`](Self::snapshot), without the settings and without what is [pending](RegistrySnapshot::pending): for whoever looks often, such as an exporter of
    /// metrics. It allocates a few lists, and nothing for each policy.
    pub fn read(&self) -> RegistrySnapshot {
        RegistrySnapshot::read(&self.inner.policies)
    }

    /// As [`snapshot`](Self::snapshot), with that policy alone, or with nothing where there is none of that name.
    pub fn snapshot_of(&self, kind: Kind, name: &str) -> RegistrySnapshot {
        RegistrySnapshot::of_one(&self.inner.policies, kind, name)
    }

    /// Makes every policy of every guarded function that is linked into the program exist now, and not when the function is first called: it is in
    /// [`snapshot`](Self::snapshot), can be found and steered by name, and goes on where it was when it was saved.
    ///
    /// A conflict between two functions is told as at a first call; [`verify`](Self::verify) finds them without it. What exists already is left alone, so that
    /// this may be done again and again, and while calls are made.
    ///
    /// ```
    /// # use resilience_runtime::{Rejection, circuit_breaker, registry};
    /// #[circuit_breaker("payment")]
    /// async fn charge() -> Result<(), Rejection> {
    ///     Ok(())
    /// }
    ///
    /// assert!(registry().circuit_breaker("payment").is_none());
    /// registry().prepare();
    /// assert!(registry().circuit_breaker("payment").is_some());
    /// ```
    pub fn prepare(&self) {
        struct Prepare<'r>(&'r Registry);

        impl EachKind for Prepare<'_> {
            fn kind<P: Kept>(&mut self) {
                sites::<P>().for_each(|site| drop(self.0.join(site)));
            }
        }

        for_each_kind(&mut Prepare(self));
    }

    /// The events from now on: every topic but [`Topic::Outcome`].
    pub fn subscribe(&self) -> Events {
        self.subscribe_with(EventFilter::default())
    }

    /// The events from now on that the filter lets through. Who asks for [`Topic::Outcome`] makes every call tell how it ended, for as long as it
    /// reads.
    pub fn subscribe_with(&self, filter: EventFilter) -> Events {
        let outcomes = filter.wants(Topic::Outcome);
        let events = self.inner.bus.subscribe(filter);
        if outcomes {
            // One that is built from now on sees for itself.
            self.circuit_breakers().for_each(|breaker| breaker.tell_outcomes());
        }
        events
    }

    /// The last events of a policy, oldest first: at most [`RECENT_EVENTS`](crate::RECENT_EVENTS) of those that happen now and then (transitions, what was
    /// done by hand, reconfigurations, conflicts, traps), one by one; what may happen at every call (rejections, timeouts, retries, slow calls, evictions) as one
    /// [`Event::Repeated`] for all between two of them. Empty where there is no such policy.
    ///
    /// Of a breaker with keys it has those of every key; its rejections are told as one.
    ///
    /// # Examples
    ///
    /// ```
    /// use resilience_runtime::{CircuitBreaker, Event, Kind, registry};
    ///
    /// let mail = CircuitBreaker::builder("mail").register()?;
    /// mail.force_open();
    /// (0..1000).for_each(|_| assert!(mail.try_acquire().is_err()));
    /// let recent = registry().recent_events(Kind::CircuitBreaker, "mail");
    /// assert_eq!(recent.len(), 3);
    /// assert!(matches!(recent[2], Event::Repeated { count: 1000, .. }));
    /// # Ok::<(), resilience_runtime::RegisterError>(())
    /// ```
    pub fn recent_events(&self, kind: Kind, name: &str) -> Vec<Event> {
        struct Recent<'a>(&'a Registry, &'a str, Vec<Event>);

        impl EachKind for Recent<'_> {
            fn kind<P: Kept>(&mut self) {
                let Self(registry, name, recent) = self;
                if let Some(policy) = registry.of_kind::<P>().find(name) {
                    *recent = policy.emitter().recent(P::KIND, policy.name(), || policy.runs());
                }
            }
        }

        let mut recent = Recent(self, name, Vec::new());
        for_kind(kind, &mut recent);
        recent.2
    }

    /// As [`recent_events`](Self::recent_events), those alone that are about one of the policy's keys, whether it has an instance now or not: one by one.
    pub fn recent_events_of_key<Fit>(&self, kind: Kind, name: &str, key: impl PolicyKey<Fit>) -> Vec<Event> {
        let mut events = self.recent_events(kind, name);
        let meant = MeantKey::new(&key);
        events.retain(|event| event.key().is_some_and(|key| meant.is(key)));
        events
    }

    /// Calls `listener` with every event from now on, on a thread of its own: one that is slow or panics harms no call, and loses
    /// the oldest events when [`EVENT_CAPACITY`](crate::EVENT_CAPACITY) of them wait. Until it is [stopped](Listener::stop): dropping what is returned
    /// ends nothing.
    pub fn on_event(&self, listener: impl FnMut(&Event) + Send + 'static) -> Listener {
        self.inner.bus.on_event(EventFilter::default(), listener)
    }

    /// Takes a policy out of the registry, with its keys, its last events, its marks in the [health](Self::health), and what `restore` has left pending
    /// of it: for those that come and go with something else, such as a tenant. Whether there was anything to take out.
    ///
    /// Whoever has it still can go on with it: a call under way ends as it would have, and is told to the same readers. A policy that is registered under the name
    /// from now on is another one. What a configuration says of the name holds for that one too.
    ///
    /// # Errors
    ///
    /// A guarded function of the program has it, or a [`Pipeline`](crate::Pipeline).
    ///
    /// # Examples
    ///
    /// ```
    /// use resilience_runtime::{CircuitBreaker, Kind, registry};
    ///
    /// CircuitBreaker::builder("tenant acme").register()?;
    /// assert!(registry().remove(Kind::CircuitBreaker, "tenant acme")?);
    /// assert!(registry().circuit_breaker("tenant acme").is_none());
    /// assert!(!registry().remove(Kind::CircuitBreaker, "tenant acme")?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn remove(&self, kind: Kind, name: &str) -> Result<bool, RemoveError> {
        self.remove_unless_held(kind, &Name::from(name.to_owned()))
    }

    pub(crate) fn bus(&self) -> Arc<Bus> {
        Arc::clone(&self.inner.bus)
    }

    /// Tells this program's readers, without taking hold of its registry, or those of the test's scope.
    pub(crate) fn emit(topic: Topic, event: impl FnOnce() -> Event) {
        #[cfg(feature = "test-util")]
        if let Some(scoped) = scoped() {
            return scoped.registry.inner.bus.emit(topic, event);
        }
        GLOBAL.inner.bus.emit(topic, event);
    }

    /// What an error says to this program's readers, unless nobody is to be told that; likewise.
    pub(crate) fn cause_of<E>(error: &E, describe: Describe<E>) -> Option<Cause> {
        #[cfg(feature = "test-util")]
        if let Some(scoped) = scoped() {
            return if scoped.registry.inner.bus.tells_causes() { cause_of(error, describe) } else { None };
        }
        if GLOBAL.inner.bus.tells_causes() { cause_of(error, describe) } else { None }
    }

    #[cfg(feature = "config")]
    pub(crate) fn sources(&self) -> &std::sync::Mutex<Sources> {
        &self.inner.sources
    }

    pub(crate) fn health_rules(&self) -> &HealthRules {
        &self.inner.health
    }

    #[cfg(feature = "persistence")]
    pub(crate) fn pending(&self) -> &pending::Pending {
        &self.inner.pending
    }

    /// The policies of a kind.
    pub(crate) fn of_kind<P: Kept>(&self) -> &Policies<P> {
        P::pick(&self.inner.policies)
    }

    pub(crate) fn register<P: Kept>(
        &self,
        name: Name,
        definition: Definition<P>,
        configured: bool,
        for_pipeline: bool,
    ) -> Result<Arc<P>, RegisterError> {
        let resume = |policy: &P, audience| self.resume_built(policy, audience);
        let builds = policies::Builds { bus: &self.inner.bus, resume: &resume, for_pipeline };
        self.of_kind::<P>().register(name, &builds, definition, configured)
    }

    pub(crate) fn join<P: Kept>(&self, site: &'static Site<P>) -> Arc<P> {
        let resume = |policy: &P, audience| self.resume_built(policy, audience);
        let builds = policies::Builds { bus: &self.inner.bus, resume: &resume, for_pipeline: false };
        self.of_kind::<P>().join(site, &builds)
    }

    /// Before what was just built can be called.
    fn resume_built<P: Kept>(&self, policy: &P, audience: Audience) -> Untold {
        #[cfg(feature = "persistence")]
        if let Some(breaker) = (policy as &dyn std::any::Any).downcast_ref::<CircuitBreaker>() {
            return self.resume(breaker, audience).1;
        }
        let _ = (policy, audience);
        Untold::default()
    }

    /// A breaker goes on where one of its name was when it was saved: what became of it and of those of its keys, and what is to be told of it.
    #[cfg(feature = "persistence")]
    pub(crate) fn resume(&self, breaker: &CircuitBreaker, audience: Audience) -> (Vec<Resumed>, Untold) {
        use crate::policy::Policy;
        let Some((since, saved)) = self.inner.pending.take(&breaker.name()) else { return Default::default() };
        // In one turn, so that no key is called between.
        let mut turn = breaker.emitter().turn_told(audience);
        let resumed = saved.iter().map(|saved| (saved.instance(), breaker.resume(&mut turn, saved, since))).collect();
        (resumed, turn.end(|| None))
    }
}

/// A breaker, and why it was left as it is if it was.
#[cfg(feature = "persistence")]
pub(crate) type Resumed = (crate::name::Instance, Result<(), &'static str>);

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry").field("circuit_breakers", &self.circuit_breakers().collect::<Vec<_>>()).finish()
    }
}
