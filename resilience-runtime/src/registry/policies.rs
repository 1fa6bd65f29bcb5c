//! The policies of one kind, by name. Every kind is kept, joined, compared and told of in the same way.

use super::attribute::operation_of;
use super::kinds::{Family, Kept};
use super::operation::Site;
use super::site::configured_sites;
use super::site::sites;
use crate::event::{Audience, Bus, Emitter, Event, Topic, Untold};
use crate::kind::Kind;
use crate::name::Name;
use crate::overlay::{self, Origin, Overlay, Setting, Target};
use crate::policy::Definition;
use crate::sync::locked;
use crate::time::Timestamp;
use dashmap::{DashMap, DashSet, Entry};
use resilience_config::{ConfigError, Configurable};
use std::sync::{Arc, Mutex};

/// The policies of one kind.
pub(crate) struct Policies<P: Kept> {
    named: DashMap<Name, Named<P>>,
    /// Those without a name of their own, under the name by which they are shown. Never joined.
    unnamed: DashMap<Name, Named<P>>,
    conflicts_told: DashSet<Name>,
    /// What is said outside of the program. Replaced before the policies that exist are told, and read by whoever builds one while its entry is held: so
    /// none is left out. Never loom's: the global registry is a static.
    overlay: Mutex<Arc<Overlay<P::Keys>>>,
}

pub(crate) struct Named<P: Kept> {
    pub(crate) policy: Arc<P>,
    /// What the program says of it.
    pub(crate) definition: Definition<P>,
    pub(crate) origin: Origin,
    /// Nobody but pipelines has asked for it.
    of_pipelines: bool,
}

/// What building one takes besides.
pub(super) struct Builds<'r, P> {
    pub(super) bus: &'r Arc<Bus>,
    /// Goes on where one of its name was when it was saved, before anybody can call it.
    pub(super) resume: &'r dyn Fn(&P, Audience) -> Untold,
    pub(super) for_pipeline: bool,
}

/// The policies of each kind.
pub(super) struct ByKind;

impl Family for ByKind {
    type Of<P: Kept> = Policies<P>;
}

impl<P: Kept> Clone for Named<P> {
    fn clone(&self) -> Self {
        Self { policy: Arc::clone(&self.policy), ..*self }
    }
}

impl<P: Kept> Default for Policies<P> {
    fn default() -> Self {
        Self {
            named: DashMap::new(),
            unnamed: DashMap::new(),
            conflicts_told: DashSet::new(),
            overlay: Mutex::default(),
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
        /// The kind of policy.
        kind: Kind,
        /// The name.
        name: Name,
    },
}

/// Why a policy was not taken out of the registry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RemoveError {
    /// A guarded function of the program has it, called or not.
    #[error("cannot remove {kind} `{name}`: it guards `{function}` at {location}, for as long as the program runs")]
    Guards {
        /// The kind of policy.
        kind: Kind,
        /// The name.
        name: Name,
        /// `module::function` of the first such function, by crate, file and line.
        function: String,
        /// Its `file:line`.
        location: String,
    },
    /// A [`Pipeline`](crate::Pipeline) has it.
    #[error("cannot remove {kind} `{name}`: the pipeline `{pipeline}` has it; drop that first")]
    Held {
        /// The kind of policy.
        kind: Kind,
        /// The name.
        name: Name,
        /// The name of the first such pipeline.
        pipeline: Name,
    },
}

impl<P: Kept> Policies<P> {
    /// Takes out the policy of a name, with `forget` what else is known of that name: while its entry is held, so that nobody who builds another one finds any of it. Of one that is
    /// there, `only_if` is told whether nobody but pipelines has asked for it.
    pub(super) fn remove(
        &self,
        name: &Name,
        only_if: impl FnOnce(bool) -> bool,
        forget: impl FnOnce(),
    ) -> Result<Option<Arc<P>>, RemoveError> {
        let entry = self.named.entry(name.clone());
        if let Entry::Occupied(found) = &entry
            && !only_if(found.get().of_pipelines)
        {
            return Ok(None);
        }
        let is_there = matches!(entry, Entry::Occupied(_));
        let guards = sites::<P>().find(|site| match site.name() {
            Some(own) => *name == *own,
            None => !is_there && site.shown_as() == **name,
        });
        if let Some(site) = guards {
            let (function, location) = (site.operation().path(), site.operation().location());
            return Err(RemoveError::Guards { kind: P::KIND, name: name.clone(), function, location });
        }
        forget();
        match entry {
            Entry::Occupied(found) => Ok(Some(found.remove().policy)),
            Entry::Vacant(_) => Ok(None),
        }
    }

    /// By a builder, or by an attribute whose function may not have been called yet.
    pub(super) fn is_configured(&self, name: &Name) -> bool {
        self.named.contains_key(&**name) || configured_sites::<P>(name).next().is_some()
    }

    pub(crate) fn find(&self, name: &str) -> Option<Arc<P>> {
        let named = self.named.get(name).map(|named| Arc::clone(&named.policy));
        named.or_else(|| self.unnamed.get(name).map(|found| Arc::clone(&found.policy)))
    }

    /// By name.
    pub(crate) fn all(&self) -> Vec<Arc<P>> {
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
    #[cfg(any(feature = "config", feature = "persistence"))]
    pub(crate) fn expected(&self) -> impl Iterator<Item = (Name, &'static Site<P>)> {
        sites().map(|site| (site.shown_name(), site.configuring().unwrap_or(site)))
    }

    /// What is said outside for those that will be built, and what was.
    #[cfg(feature = "config")]
    pub(crate) fn replace_overlay(&self, overlay: Arc<Overlay<P::Keys>>) -> Arc<Overlay<P::Keys>> {
        std::mem::replace(&mut locked(&self.overlay), overlay)
    }

    /// The policy of a name, and what it was built from; built by whoever comes first.
    fn named(
        &self,
        name: &Name,
        builds: &Builds<'_, P>,
        definition: impl FnOnce() -> (Definition<P>, Origin),
    ) -> (Arc<P>, Definition<P>) {
        if let Some(known) = self.named.get(&**name) {
            return (Arc::clone(&known.policy), known.definition);
        }
        self.find_or_build(&self.named, name, builds, definition)
    }

    /// Built while its entry is held, so that nobody finds it before it is as it has to be; and told when it is let go.
    fn find_or_build(
        &self,
        among: &DashMap<Name, Named<P>>,
        name: &Name,
        builds: &Builds<'_, P>,
        definition: impl FnOnce() -> (Definition<P>, Origin),
    ) -> (Arc<P>, Definition<P>) {
        let audience = Audience::now();
        let (built, untold) = match among.entry(name.clone()) {
            Entry::Occupied(known) => (known.get().clone(), Untold::default()),
            Entry::Vacant(free) => {
                let (definition, origin) = definition();
                let (built, untold) = self.build(name, builds, definition, origin, audience);
                (free.insert(built).clone(), untold)
            }
        };
        untold.tell();
        (built.policy, built.definition)
    }

    /// A new policy, as the program and the overlay have it. Where they do not go together, the program's word holds.
    fn build(
        &self,
        name: &Name,
        builds: &Builds<'_, P>,
        definition: Definition<P>,
        origin: Origin,
        audience: Audience,
    ) -> (Named<P>, Untold) {
        let (policy, refused) = self.make(name, builds.bus, &definition);
        let policy = Arc::new(policy);
        policy.emitter().enter_registry(operation_of(P::KIND, name), policy.comes_in());
        let mut untold = (builds.resume)(&policy, audience);
        if let Some(error) = refused {
            let (bus, name) = (Arc::clone(builds.bus), name.clone());
            untold.and(move || tell_refused::<P>(&bus, &name, &error));
        }
        (Named { policy, definition, origin, of_pipelines: builds.for_pipeline }, untold)
    }

    /// One as the program and the overlay have it now, in no registry yet.
    fn make(&self, name: &Name, bus: &Arc<Bus>, definition: &Definition<P>) -> (P, Option<ConfigError>) {
        let overlay = self.overlay();
        let keys = overlay.lay(name, &definition.keys);
        let refused = ConfigError::unless_none(keys.broken_rules()).err();
        let in_force = if refused.is_none() { P::define(keys, definition.rule) } else { *definition };
        let policy = P::new(name.clone(), &in_force, Emitter::new(Arc::clone(bus)));
        if overlay.force_open(name) {
            policy.begin_forced_open();
        }
        if refused.is_none() {
            policy.begin_with_key_lines(overlay.key_lines(name, &definition.keys));
        }
        (policy, refused)
    }

    /// What will be built under that name, and its settings: by the attribute that is expected to, or by a builder with nothing but the name. Nobody is told of it.
    #[cfg(feature = "persistence")]
    pub(super) fn preview(&self, name: &Name, by: Option<&'static Site<P>>) -> (P, Vec<Setting>) {
        let nothing = || (P::define(P::Keys::nothing(), None), Origin::Builder);
        let (definition, origin) = by.map_or_else(nothing, Site::origin);
        let (policy, _) = self.make(name, &Arc::default(), &definition);
        let settings = self.settings_of(&policy, &definition, origin);
        (policy, settings)
    }

    pub(crate) fn overlay(&self) -> Arc<Overlay<P::Keys>> {
        Arc::clone(&locked(&self.overlay))
    }

    /// What is in force in this policy, and where it came from.
    pub(super) fn settings(&self, policy: &P) -> Vec<Setting> {
        let name = policy.name();
        let mine =
            |found: &Named<P>| policy.is_configured_as(&found.policy).then_some((found.definition, found.origin));
        let known = self.named.get(&**name).and_then(|found| mine(&found));
        let known = known.or_else(|| self.unnamed.get(&**name).and_then(|found| mine(&found)));
        match known {
            Some((definition, origin)) => self.settings_of(policy, &definition, origin),
            None => overlay::settings_by_hand::<P::Keys>(&P::Keys::nothing().settings(), &policy.in_force()),
        }
    }

    fn settings_of(&self, policy: &P, definition: &Definition<P>, origin: Origin) -> Vec<Setting> {
        let (overlay, base) = (self.overlay(), &definition.keys);
        let key = policy.key().map(|key| key.to_string());
        let target = Target { name: policy.name(), key: key.as_deref() };
        let expected = overlay.lay(target, base).settings();
        overlay::settings(&overlay, target, (base, origin), &expected, &policy.in_force())
    }

    /// By name.
    pub(super) fn snapshot(&self) -> Vec<P::Snapshot> {
        self.all().iter().map(|policy| self.snapshot_of(policy)).collect()
    }

    /// By name, without the settings.
    pub(super) fn read(&self) -> Vec<P::Snapshot> {
        self.all().iter().map(|policy| policy.snapshot_with(Vec::new())).collect()
    }

    pub(super) fn snapshot_of(&self, policy: &P) -> P::Snapshot {
        policy.snapshot_with(self.settings(policy))
    }

    /// For builders. `configured` says whether any key was given.
    pub(super) fn register(
        &self,
        name: Name,
        builds: &Builds<'_, P>,
        definition: Definition<P>,
        configured: bool,
    ) -> Result<Arc<P>, RegisterError> {
        // What attributes say of the name comes first, called or not.
        let by_attribute = configured_sites::<P>(&name).next().map(Site::origin);
        let (policy, in_force) = loop {
            let (policy, in_force) =
                self.named(&name, builds, || by_attribute.unwrap_or((definition, Origin::Builder)));
            if builds.for_pipeline || self.is_kept(&name, &policy) {
                break (policy, in_force);
            }
        };
        if configured && in_force != definition {
            return Err(RegisterError::Conflict { kind: P::KIND, name });
        }
        Ok(policy)
    }

    /// It stays when the last pipeline that has it goes; unless that has gone meanwhile.
    fn is_kept(&self, name: &Name, policy: &Arc<P>) -> bool {
        let found = self.named.get_mut(&**name).filter(|found| Arc::ptr_eq(&found.policy, policy));
        found.map(|mut found| found.of_pipelines = false).is_some()
    }

    /// For the statics of guarded functions.
    pub(super) fn join(&self, site: &'static Site<P>, builds: &Builds<'_, P>) -> Arc<P> {
        let Some(name) = site.name() else {
            // Once a function, or a few times where several threads make its first call.
            let name = Name::kept_for_good(site.shown_as());
            return self.find_or_build(&self.unnamed, &name, builds, || site.origin()).0;
        };
        let name = Name::from(name);
        let first = configured_sites::<P>(&name).next();
        let (policy, in_force) = self.named(&name, builds, || first.unwrap_or(site).origin());
        // Where an attribute configures the name, the first is in force: a builder comes after it.
        if let Some(first) = first
            && let Some(other) = configured_sites::<P>(&name).find(|other| *other.definition() != in_force)
            && self.conflicts_told.insert(name.clone())
        {
            tell_conflict(&*policy, first.operation().location(), other.operation().location());
        }
        policy
    }
}

/// What is said outside does not go together with what the program says.
fn tell_refused<P: Kept>(bus: &Bus, name: &Name, error: &ConfigError) {
    let error = format!("{} `{name}`: {error}; it runs as the program says", P::KIND);
    // As with a conflict.
    #[cfg(not(feature = "tracing"))]
    crate::event::complain(&error);
    bus.emit(Topic::ConfigRefused, || Event::config_refused("registration", error));
}

fn tell_conflict<P: Kept>(policy: &P, in_force: String, not_in_force: String) {
    let (kind, name, at) = (P::KIND, policy.name().clone(), Timestamp::now());
    policy.warn(|order| Event::Conflict { kind, name, in_force, not_in_force, at, order });
}
