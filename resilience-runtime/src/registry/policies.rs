//! One kind of policy, by name. Every kind is kept, joined, compared and told of in the same way.

#[cfg(feature = "config")]
use super::attribute::configuring;
use super::layers::{self, Layers, Origin, Setting};
use super::operation::{self, Layer};
use super::{Registry, Site};
use crate::error::Name;
use crate::event::{Audience, Bus, Emitter, Event, Runs, Steering, Topic, Turn, Untold};
use crate::sync::locked;
use crate::time::Timestamp;
use dashmap::{DashMap, DashSet, Entry};
use resilience_config::{ConfigError, Configurable};
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

/// A kind of policy that the registry keeps.
pub trait Policy: Sized + Send + Sync + 'static {
    /// The instance keys: what must be equal where a name is shared.
    type Config: Copy + PartialEq + Debug + Send + Sync + 'static;

    /// Those of them that can be written outside of the program.
    #[doc(hidden)]
    type Keys: Configurable;

    /// As the attribute is called.
    const KIND: &'static str;

    /// The key without which at the attribute its function never waits.
    #[doc(hidden)]
    const WAITS_WITH: Option<&'static str> = None;

    #[doc(hidden)]
    fn keys(config: &Self::Config) -> &Self::Keys;

    #[doc(hidden)]
    fn with_keys(config: &Self::Config, keys: Self::Keys) -> Self::Config;

    /// The settings as they are in force.
    #[doc(hidden)]
    fn in_force(&self) -> <Self::Keys as Configurable>::Settings;

    /// The settings as a policy shows them that was given `settings`: it may round some of them.
    #[doc(hidden)]
    fn kept(settings: <Self::Keys as Configurable>::Settings) -> <Self::Keys as Configurable>::Settings {
        settings
    }

    /// For how many of those who wait there is room then. What follows from it is told with the turn.
    #[doc(hidden)]
    fn put_in_force(&self, keys: Self::Keys, turn: &mut Turn<'_>) -> Result<u64, ConfigError>;

    /// Wakes so many of those who wait, which is the user's code: under no lock.
    #[doc(hidden)]
    fn go_on(&self, _waiting: u64) {}

    /// Puts other keys in force by hand, and tells it.
    #[doc(hidden)]
    fn reconfigure_by(&self, keys: Self::Keys, by: Option<Steering>) -> Result<(), ConfigError> {
        let mut turn = self.emitter().turn();
        let waiting = self.put_in_force(keys, &mut turn)?;
        turn.push_cause(Topic::Reconfigured, self.generation(), |order| {
            let (name, at) = (self.told_as(), Timestamp::now());
            Event::Reconfigured { kind: Self::KIND, name, keys: Vec::new(), source: None, by, at, order }
        });
        let untold = turn.end(|| Some(self.runs()));
        self.go_on(waiting);
        untold.tell();
        Ok(())
    }

    /// Whether what is written of `other` is written of it.
    #[doc(hidden)]
    fn is_configured_as(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }

    /// Nobody has called it yet.
    #[doc(hidden)]
    fn begin_forced_open(&self) {}

    /// Nobody has called it yet: it goes on where one of its name was when it was saved.
    #[doc(hidden)]
    fn resume_built(&self, _: &Registry, _: Audience) -> Untold {
        Untold::default()
    }

    /// It is in the registry, new or not, and is about to be handed to somebody.
    #[doc(hidden)]
    fn about_to_be_called(&self) {}

    #[doc(hidden)]
    fn set_forced_open(&self, _forced: bool, _: &mut Turn<'_>) {}

    /// A rule of the user's own among the instance keys, as it was written.
    #[doc(hidden)]
    fn rule(_: &Self::Config) -> Option<&'static str> {
        None
    }

    #[doc(hidden)]
    fn from_config(name: Name, config: &Self::Config, bus: Arc<Bus>) -> Self;

    #[doc(hidden)]
    fn name(&self) -> &Name;

    /// As its events call it.
    #[doc(hidden)]
    fn told_as(&self) -> Name {
        self.name().clone()
    }

    /// Which of its states it is in, as its events count them.
    #[doc(hidden)]
    fn generation(&self) -> u64 {
        0
    }

    #[doc(hidden)]
    fn emitter(&self) -> &Emitter;

    /// What it has counted of the events that its registry does not keep one by one.
    #[doc(hidden)]
    fn runs(&self) -> Runs;

    #[doc(hidden)]
    fn policies(registry: &Registry) -> &Policies<Self>;

    #[doc(hidden)]
    fn site(layer: &'static Layer) -> Option<&'static Site<Self>>;
}

#[doc(hidden)]
pub struct Policies<P: Policy> {
    named: DashMap<Name, Named<P>>,
    /// Those without a name of their own, under the name by which they are shown. Never joined.
    unnamed: DashMap<Name, Named<P>>,
    conflicts_told: DashSet<Name>,
    /// What is said outside of the program. Replaced before the policies that exist are told, and read by whoever builds one while its entry is held: so
    /// none is left out. Never loom's: the global registry is a static.
    layers: Mutex<Arc<Layers<P::Keys>>>,
}

pub(crate) struct Named<P: Policy> {
    pub(crate) policy: Arc<P>,
    /// What the program says of it.
    pub(crate) config: P::Config,
    pub(crate) origin: Origin,
}

impl<P: Policy> Clone for Named<P> {
    fn clone(&self) -> Self {
        Self { policy: Arc::clone(&self.policy), config: self.config, origin: self.origin }
    }
}

impl<P: Policy> Default for Policies<P> {
    fn default() -> Self {
        Self {
            named: DashMap::new(),
            unnamed: DashMap::new(),
            conflicts_told: DashSet::new(),
            layers: Mutex::default(),
        }
    }
}

/// Why a policy could not be put into the registry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// The configuration has a mistake.
    #[error(transparent)]
    Config(#[from] resilience_config::ConfigError),
    /// The registry has another configuration under that name.
    #[error("the {kind} `{name}` is configured differently elsewhere; the configuration there is in force")]
    Conflict {
        /// The kind of policy, as its attribute is called.
        kind: &'static str,
        /// The name.
        name: Name,
    },
}

impl<P: Policy> Policies<P> {
    pub(super) fn find(&self, name: &str) -> Option<Arc<P>> {
        let named = self.named.get(name).map(|named| Arc::clone(&named.policy));
        named.or_else(|| self.unnamed.get(name).map(|found| Arc::clone(&found.policy)))
    }

    /// By name.
    pub(super) fn all(&self) -> Vec<Arc<P>> {
        let mut all: Vec<_> = self.named.iter().map(|named| Arc::clone(&named.policy)).collect();
        all.extend(self.unnamed.iter().map(|unnamed| Arc::clone(&unnamed.policy)));
        all.sort_by(|a, b| a.name().cmp(b.name()));
        all
    }

    /// Those that exist, with what the program says of them.
    #[cfg(feature = "config")]
    pub(crate) fn existing(&self) -> Vec<Named<P>> {
        let mut existing: Vec<_> = self.named.iter().map(|named| named.clone()).collect();
        existing.extend(self.unnamed.iter().map(|unnamed| unnamed.clone()));
        existing
    }

    /// What those will be called that a function will build when it is first called, and what the program says of them.
    #[cfg(feature = "config")]
    pub(crate) fn expected(&self) -> impl Iterator<Item = (Name, &'static Site<P>)> {
        operation::sites().map(|site| (site.shown_name(), configuring(site).unwrap_or(site)))
    }

    /// The layers for those that will be built, and what they were.
    #[cfg(feature = "config")]
    pub(crate) fn replace_layers(&self, layers: Arc<Layers<P::Keys>>) -> Arc<Layers<P::Keys>> {
        std::mem::replace(&mut locked(&self.layers), layers)
    }

    /// The policy of a name, and the configuration that it was built with; built by whoever comes first.
    fn named(
        &self,
        name: &Name,
        registry: &Registry,
        config: impl FnOnce() -> (P::Config, Origin),
    ) -> (Arc<P>, P::Config) {
        if let Some(known) = self.named.get(&**name) {
            return (Arc::clone(&known.policy), known.config);
        }
        self.find_or_build(&self.named, name, registry, config)
    }

    /// Built while its entry is held, so that nobody finds it before it is as it has to be; and told when it is let go.
    fn find_or_build(
        &self,
        among: &DashMap<Name, Named<P>>,
        name: &Name,
        registry: &Registry,
        config: impl FnOnce() -> (P::Config, Origin),
    ) -> (Arc<P>, P::Config) {
        let audience = Audience::now();
        let (built, untold) = match among.entry(name.clone()) {
            Entry::Occupied(known) => (known.get().clone(), Untold::default()),
            Entry::Vacant(free) => {
                let (config, origin) = config();
                let (built, untold) = self.build(name, registry, config, origin, audience);
                (free.insert(built).clone(), untold)
            }
        };
        untold.tell();
        (built.policy, built.config)
    }

    /// A new policy, as the program and the layers have it. Where they do not go together, the program's word holds.
    fn build(
        &self,
        name: &Name,
        registry: &Registry,
        config: P::Config,
        origin: Origin,
        audience: Audience,
    ) -> (Named<P>, Untold) {
        let layers = self.layers();
        let keys = layers.lay(name, P::keys(&config));
        let refused = ConfigError::unless_none(keys.broken_rules()).err();
        let in_force = if refused.is_none() { P::with_keys(&config, keys) } else { config };
        let policy = Arc::new(P::from_config(name.clone(), &in_force, registry.bus()));
        policy.emitter().enter_registry();
        if layers.force_open(name) {
            policy.begin_forced_open();
        }
        let mut untold = policy.resume_built(registry, audience);
        if let Some(error) = refused {
            let (bus, name) = (registry.bus(), name.clone());
            untold.and(move || tell_refused::<P>(&bus, &name, &error));
        }
        (Named { policy, config, origin }, untold)
    }

    pub(super) fn layers(&self) -> Arc<Layers<P::Keys>> {
        Arc::clone(&locked(&self.layers))
    }

    /// What is in force in this policy, and where it came from.
    pub(crate) fn settings(&self, policy: &P) -> Vec<Setting> {
        let name = policy.name();
        let mine = |found: &Named<P>| policy.is_configured_as(&found.policy).then_some((found.config, found.origin));
        let known = self.named.get(&**name).and_then(|found| mine(&found));
        let known = known.or_else(|| self.unnamed.get(&**name).and_then(|found| mine(&found)));
        let in_force = policy.in_force();
        match known {
            Some((config, origin)) => {
                let (layers, base) = (self.layers(), P::keys(&config));
                let expected = P::kept(layers.lay(name, base).settings());
                layers::settings(&layers, name, (base, origin), &expected, &in_force)
            }
            None => layers::settings_by_hand::<P::Keys>(&P::kept(P::Keys::nothing().settings()), &in_force),
        }
    }

    /// For builders. `configured` says whether any key was given.
    pub(super) fn register(
        &self,
        name: Name,
        registry: &Registry,
        config: P::Config,
        configured: bool,
    ) -> Result<Arc<P>, RegisterError> {
        // What attributes say of the name comes first, called or not.
        let by_attribute = configured_sites::<P>(&name).next().map(Site::origin);
        let (policy, in_force) = self.named(&name, registry, || by_attribute.unwrap_or((config, Origin::Builder)));
        if configured && in_force != config {
            return Err(RegisterError::Conflict { kind: P::KIND, name });
        }
        Ok(policy)
    }

    /// A function's name, and which of its policies of this kind where it has two (a timeout above and below a retry).
    pub(super) fn shown_as(site: &'static Site<P>) -> String {
        let operation = site.operation();
        let before =
            operation.layers().iter().filter_map(P::site).take_while(|other| !std::ptr::eq(*other, site)).count();
        match before {
            0 => operation.shown_as(),
            _ => format!("{}#{}", operation.shown_as(), before + 1),
        }
    }

    /// For the statics of guarded functions.
    pub(super) fn join(&self, site: &'static Site<P>, registry: &Registry) -> Arc<P> {
        let Some(name) = site.name() else {
            // Once a function, or a few times where several threads make its first call.
            let name = Name::kept_for_good(Self::shown_as(site));
            return self.find_or_build(&self.unnamed, &name, registry, || site.origin()).0;
        };
        let name = Name::from(name);
        let first = configured_sites::<P>(&name).next();
        let (policy, in_force) = self.named(&name, registry, || first.unwrap_or(site).origin());
        if let Some(other) = configured_sites::<P>(&name).find(|other| *other.config() != in_force)
            && self.conflicts_told.insert(name.clone())
        {
            let in_force = first
                .filter(|first| *first.config() == in_force)
                .map_or_else(|| "a builder".to_owned(), |first| first.operation().place());
            tell_conflict(&*policy, in_force, other.operation().place());
        }
        policy
    }
}

/// Every place that configures this name, by crate, file and line.
pub(super) fn configured_sites<P: Policy>(name: &str) -> impl Iterator<Item = &'static Site<P>> {
    operation::sites::<P>().filter(move |site| site.is_configured() && site.name() == Some(name))
}

/// The layers were laid over a configuration of the program's that they do not go together with.
fn tell_refused<P: Policy>(bus: &Bus, name: &Name, error: &ConfigError) {
    let error = format!("{} `{name}`: {error}; it runs as the program says", P::KIND);
    // As with a conflict.
    #[cfg(not(feature = "tracing"))]
    crate::event::complain(&error);
    bus.emit(Topic::ConfigRefused, || Event::config_refused("registration", error));
}

fn tell_conflict<P: Policy>(policy: &P, in_force: String, not_in_force: String) {
    let (name, at) = (policy.name().clone(), Timestamp::now());
    let mut turn = policy.emitter().turn();
    turn.push(Topic::Conflict, policy.generation(), |order| Event::Conflict {
        kind: P::KIND,
        name,
        in_force,
        not_in_force,
        at,
        order,
    });
    let untold = turn.end(|| Some(policy.runs()));
    // With `tracing` it is one of its events, and whoever collects those decides where it is written.
    #[cfg(not(feature = "tracing"))]
    untold.events().for_each(crate::event::complain);
    untold.tell();
}
