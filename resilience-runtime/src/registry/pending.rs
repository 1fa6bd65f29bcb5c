//! What was restored of breakers that are not built yet.

use super::{Registry, RegistrySnapshot};
use crate::circuit_breaker::{CircuitBreaker, CircuitBreakerSnapshot, Saved, Since};
use crate::event::Audience;
use crate::name::Name;
use crate::overlay::Setting;
use crate::policy::Policy;
use crate::sync::locked;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

/// What was restored of breakers that are not there yet.
#[derive(Default)]
pub(crate) struct Pending {
    waiting: Mutex<Option<Waiting>>,
}

struct Waiting {
    since: Since,
    /// By the breaker's name, those of its keys with it.
    saved: HashMap<String, Vec<Saved>>,
}

impl Pending {
    /// In place of what still waits.
    pub(crate) fn replace(&self, since: Since, all: Vec<Saved>) {
        let mut waiting = Waiting { since, saved: HashMap::new() };
        for saved in all {
            waiting.saved.entry(saved.name.clone()).or_default().push(saved);
        }
        *locked(&self.waiting) = Some(waiting);
    }

    /// What is known of this breaker, once.
    pub(crate) fn take(&self, name: &str) -> Option<(Since, Vec<Saved>)> {
        let mut pending = locked(&self.waiting);
        let waiting = pending.as_mut()?;
        let (since, saved) = (waiting.since, waiting.saved.remove(name)?);
        if waiting.saved.is_empty() {
            *pending = None;
        }
        Some((since, saved))
    }

    fn all(&self) -> Option<(Since, HashMap<String, Vec<Saved>>)> {
        locked(&self.waiting).as_ref().map(|waiting| (waiting.since, waiting.saved.clone()))
    }
}

/// A breaker that was restored and that nobody has built yet, as it will be when somebody does. It is in no registry, and nobody is told of it.
pub(crate) struct Expected {
    pub(crate) breaker: CircuitBreaker,
    settings: Vec<Setting>,
    /// Whether it was saved itself, and not only some of its keys.
    was_saved: bool,
}

impl Expected {
    /// Of it and of its keys, those that were saved.
    pub(super) fn snapshots(self) -> impl Iterator<Item = CircuitBreakerSnapshot> {
        let Self { breaker, settings, was_saved } = self;
        let keys = breaker.of_keys().into_iter().map({
            let settings = settings.clone();
            move |of_key| Policy::snapshot_with(&*of_key, settings.clone())
        });
        was_saved.then(|| Policy::snapshot_with(&breaker, settings)).into_iter().chain(keys)
    }
}

impl RegistrySnapshot {
    /// Those that waited before this was taken, and that it does not have.
    pub(super) fn add_pending(&mut self, mut expected: Vec<Expected>) {
        let built = &self.circuit_breakers;
        expected.retain(|one| built.binary_search_by(|built| built.name.cmp(Policy::name(&one.breaker))).is_err());
        self.pending = expected.into_iter().flat_map(Expected::snapshots).collect();
    }
}

impl Registry {
    /// Those that wait, and those that are there, by name: each is among one of both.
    pub(crate) fn expected_and_built(&self) -> (Vec<Expected>, Vec<Arc<CircuitBreaker>>) {
        // In this order, so that none is passed over which is built meanwhile.
        let mut expected = self.expected();
        let built: Vec<_> = self.circuit_breakers().collect();
        expected.retain(|one| {
            built.binary_search_by(|built| Policy::name(&**built).cmp(Policy::name(&one.breaker))).is_err()
        });
        (expected, built)
    }

    pub(super) fn expected(&self) -> Vec<Expected> {
        let Some((since, saved)) = self.pending().all() else { return Vec::new() };
        let policies = self.of_kind::<CircuitBreaker>();
        let sites: HashMap<_, _> = policies.expected().collect();
        let saved: BTreeMap<Name, Vec<Saved>> =
            saved.into_iter().map(|(name, saved)| (Name::from(name), saved)).collect();
        let expected = saved.into_iter().map(|(name, saved)| {
            let (breaker, settings) = policies.preview(&name, sites.get(&name).copied());
            let mut turn = breaker.emitter().turn_told(Audience::nobody());
            for saved in &saved {
                // One that cannot go on so is shown as it will be.
                let _ = breaker.resume(&mut turn, saved, since);
            }
            drop(turn);
            Expected { breaker, settings, was_saved: saved.iter().any(|saved| saved.key.is_none()) }
        });
        expected.collect()
    }
}
