//! One kind of policy, by name. Every kind is kept, joined, compared and told of in the same way.

use super::operation::{self, Layer};
use super::{Registry, Site};
use crate::error::Name;
use crate::event::{Bus, Event};
use dashmap::{DashMap, DashSet, Entry};
use std::fmt::Debug;
use std::sync::Arc;

/// A kind of policy that the registry keeps.
pub trait Policy: Sized + Send + Sync + 'static {
    /// The instance keys: what must be equal where a name is shared.
    type Config: Copy + PartialEq + Debug + Send + Sync + 'static;

    /// As the attribute is called.
    const KIND: &'static str;

    #[doc(hidden)]
    fn from_config(name: Name, config: &Self::Config, bus: Arc<Bus>) -> Self;

    #[doc(hidden)]
    fn name(&self) -> &Name;

    #[doc(hidden)]
    fn policies(registry: &Registry) -> &Policies<Self>;

    #[doc(hidden)]
    fn site(layer: &'static Layer) -> Option<&'static Site<Self>>;
}

#[doc(hidden)]
pub struct Policies<P: Policy> {
    named: DashMap<Name, Named<P>>,
    /// Those without a name of their own, under the name by which they are shown. Never joined.
    unnamed: DashMap<Name, Arc<P>>,
    conflicts_told: DashSet<Name>,
}

struct Named<P: Policy> {
    policy: Arc<P>,
    /// What was put in force when it was built.
    config: P::Config,
}

impl<P: Policy> Default for Policies<P> {
    fn default() -> Self {
        Self { named: DashMap::new(), unnamed: DashMap::new(), conflicts_told: DashSet::new() }
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
        named.or_else(|| self.unnamed.get(name).map(|found| Arc::clone(&found)))
    }

    /// By name.
    pub(super) fn all(&self) -> Vec<Arc<P>> {
        let mut all: Vec<_> = self.named.iter().map(|named| Arc::clone(&named.policy)).collect();
        all.extend(self.unnamed.iter().map(|entry| Arc::clone(&entry)));
        all.sort_by(|a, b| a.name().cmp(b.name()));
        all
    }

    /// The policy of a name, and the configuration that it was built with; built by whoever comes first.
    fn named(&self, name: &Name, bus: &Arc<Bus>, config: impl FnOnce() -> P::Config) -> (Arc<P>, P::Config) {
        if let Some(known) = self.named.get(&**name) {
            return (Arc::clone(&known.policy), known.config);
        }
        match self.named.entry(name.clone()) {
            Entry::Occupied(known) => (Arc::clone(&known.get().policy), known.get().config),
            Entry::Vacant(free) => {
                let config = config();
                let policy = Arc::new(P::from_config(name.clone(), &config, Arc::clone(bus)));
                free.insert(Named { policy: Arc::clone(&policy), config });
                (policy, config)
            }
        }
    }

    /// For builders. `configured` says whether any key was given.
    pub(super) fn register(
        &self,
        name: Name,
        bus: &Arc<Bus>,
        config: P::Config,
        configured: bool,
    ) -> Result<Arc<P>, RegisterError> {
        // What attributes say of the name comes first, called or not.
        let by_attribute = configured_sites::<P>(&name).next().map(|site| *site.config());
        let (policy, in_force) = self.named(&name, bus, || by_attribute.unwrap_or(config));
        if configured && in_force != config {
            return Err(RegisterError::Conflict { kind: P::KIND, name });
        }
        Ok(policy)
    }

    /// A function's name, and which of its policies of this kind where it has two (a timeout above and below a retry).
    fn shown_as(site: &'static Site<P>) -> String {
        let operation = site.operation();
        let before =
            operation.layers().iter().filter_map(P::site).take_while(|other| !std::ptr::eq(*other, site)).count();
        match before {
            0 => operation.shown_as(),
            _ => format!("{}#{}", operation.shown_as(), before + 1),
        }
    }

    /// For the statics of guarded functions.
    pub(super) fn join(&self, site: &'static Site<P>, bus: &Arc<Bus>) -> Arc<P> {
        let Some(name) = site.name() else {
            // Once a function: a site joins once.
            let name = Name::kept_for_good(Self::shown_as(site));
            let build = || Arc::new(P::from_config(name.clone(), site.config(), Arc::clone(bus)));
            return Arc::clone(&self.unnamed.entry(name.clone()).or_insert_with(build));
        };
        let name = Name::from(name);
        let first = configured_sites::<P>(&name).next();
        let (policy, in_force) = self.named(&name, bus, || *first.unwrap_or(site).config());
        if let Some(other) = configured_sites::<P>(&name).find(|other| *other.config() != in_force)
            && self.conflicts_told.insert(name.clone())
        {
            let in_force = first
                .filter(|first| *first.config() == in_force)
                .map_or_else(|| "a builder".to_owned(), |first| first.operation().place());
            tell_conflict::<P>(bus, name.clone(), in_force, other.operation().place());
        }
        policy
    }
}

/// Every place that configures this name, by crate, file and line.
pub(super) fn configured_sites<P: Policy>(name: &str) -> impl Iterator<Item = &'static Site<P>> {
    operation::in_order()
        .iter()
        .flat_map(|operation| operation.layers())
        .filter_map(P::site)
        .filter(move |site| site.is_configured() && site.name() == Some(name))
}

fn tell_conflict<P: Policy>(bus: &Bus, name: Name, in_force: String, not_in_force: String) {
    let kind = P::KIND;
    eprintln!(
        "resilience: {kind} `{name}` is configured differently by {in_force} and {not_in_force}; the first is in force"
    );
    bus.emit(|| Event::Conflict { kind, name, in_force, not_in_force });
}
