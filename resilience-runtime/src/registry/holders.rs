//! What pipelines have: a policy stays in the registry while one has it, and what they alone have brought goes with the last of them.

use super::kinds::{EachKind, Kept, for_kind};
use super::policies::RemoveError;
use super::{Registry, RegistryInner};
use crate::kind::Kind;
use crate::name::Name;
use crate::sync::locked;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

/// A policy by kind and name.
pub(crate) type KindAndName = (Kind, Name);

/// The pipelines of a registry. The lock is held while one comes or goes and while a policy is taken out, and nothing of the user's runs then. Never loom's: the
/// global registry is a static.
#[derive(Default)]
pub(crate) struct Holders(Mutex<Pipelines>);

#[derive(Default)]
struct Pipelines {
    /// How many pipelines there were.
    count: u64,
    /// What each has, the outermost first; by name, and in the order in which they were built.
    pipelines: BTreeMap<(Name, u64), Arc<[KindAndName]>>,
    /// How many have each policy.
    holders: HashMap<KindAndName, usize>,
}

/// What a pipeline has, until it is dropped.
pub(crate) struct PipelineHold {
    registry: Registry,
    /// Its name, and which one it is.
    pipeline: (Name, u64),
}

impl Pipelines {
    fn check(&self, policy: &KindAndName) -> Result<(), RemoveError> {
        if !self.holders.contains_key(policy) {
            return Ok(());
        }
        let holder = self.pipelines.iter().find(|(_, policies)| policies.contains(policy));
        let (kind, name) = policy.clone();
        let pipeline = holder.map_or_else(|| name.clone(), |((pipeline, _), _)| pipeline.clone());
        Err(RemoveError::Held { kind, name, pipeline })
    }
}

impl Registry {
    /// Those policies stay until what is returned is dropped, whether they are there yet or not.
    pub(crate) fn hold(&self, name: Name, policies: &[KindAndName]) -> PipelineHold {
        let mut held = locked(&self.inner.holders.0);
        held.count += 1;
        let pipeline = (name, held.count);
        for policy in policies {
            *held.holders.entry(policy.clone()).or_default() += 1;
        }
        held.pipelines.insert(pipeline.clone(), policies.into());
        PipelineHold { registry: self.clone(), pipeline }
    }

    /// Unless a pipeline has it.
    pub(super) fn remove_unless_held(&self, kind: Kind, name: &Name) -> Result<bool, RemoveError> {
        let held = locked(&self.inner.holders.0);
        held.check(&(kind, name.clone()))?;
        self.remove_now(kind, name, |_| true)
    }

    /// Each pipeline by name, with its policies, the outermost first.
    pub(crate) fn pipelines(&self) -> Vec<(Name, Arc<[KindAndName]>)> {
        let held = locked(&self.inner.holders.0);
        held.pipelines.iter().map(|((name, _), policies)| (name.clone(), Arc::clone(policies))).collect()
    }

    /// `only_if` is asked whether it was brought by pipelines alone.
    fn remove_now(&self, kind: Kind, name: &Name, only_if: fn(bool) -> bool) -> Result<bool, RemoveError> {
        struct Remove<'a>(&'a Registry, &'a Name, fn(bool) -> bool, Result<bool, RemoveError>);

        impl EachKind for Remove<'_> {
            fn kind<P: Kept>(&mut self) {
                let Self(registry, name, only_if, removed) = self;
                *removed = registry.inner.take_out::<P>(name, *only_if);
            }
        }

        let mut remove = Remove(self, name, only_if, Ok(false));
        for_kind(kind, &mut remove);
        remove.3
    }
}

impl RegistryInner {
    fn take_out<P: Kept>(&self, name: &Name, only_if: fn(bool) -> bool) -> Result<bool, RemoveError> {
        let mut was_known = false;
        let forget = || {
            if P::KIND == Kind::CircuitBreaker {
                was_known = self.health.forget(name);
                #[cfg(feature = "persistence")]
                {
                    was_known |= self.pending.take(name).is_some();
                }
            }
        };
        let removed = P::pick(&self.policies).remove(name, only_if, forget)?;
        if let Some(policy) = &removed {
            policy.emitter().leave_registry();
        }
        Ok(was_known || removed.is_some())
    }
}

impl Drop for PipelineHold {
    fn drop(&mut self) {
        let mut held = locked(&self.registry.inner.holders.0);
        let Some(policies) = held.pipelines.remove(&self.pipeline) else { return };
        for policy in policies.iter() {
            let Some(holders) = held.holders.get_mut(policy) else { continue };
            *holders -= 1;
            if *holders == 0 {
                held.holders.remove(policy);
                let (kind, name) = policy;
                // One that a guarded function has stays.
                let _ = self.registry.remove_now(*kind, name, |brought_by_pipelines| brought_by_pipelines);
            }
        }
    }
}
