//! A guarded function's own static: what its attribute says, and the handle that it found.

use super::layers::Origin;
use super::operation::Operation;
use super::policies::{Policies, Policy};
use super::registry;
use crate::error::Name;
use once_cell::sync::OnceCell;
use std::sync::Arc;

/// A policy at its function.
pub struct Site<P: Policy> {
    operation: &'static Operation,
    name: Option<&'static str>,
    config: P::Config,
    /// Whether an instance key was written; if not, it joins whatever has the name.
    configured: bool,
    policy: OnceCell<Arc<P>>,
}

// The compiler would find it out by itself, but for each static anew and through everything that a policy is made of, which is a tenth of
// what `cargo check` takes for a guarded function. So it is told, and held to it once.
// SAFETY: every field is `Sync` whatever the policy is, or `every_field_is_sync` would not compile; a field that it leaves out would not either.
#[allow(unsafe_code)]
unsafe impl<P: Policy> Sync for Site<P> {}

#[allow(dead_code)]
fn every_field_is_sync<P: Policy>(Site { operation, name, config, configured, policy }: &Site<P>) {
    fn is_sync<T: Sync>(_: &T) {}
    is_sync(operation);
    is_sync(name);
    is_sync(config);
    is_sync(configured);
    is_sync(policy);
}

impl<P: Policy> Site<P> {
    pub(crate) const fn of(
        operation: &'static Operation,
        name: Option<&'static str>,
        config: P::Config,
        configured: bool,
    ) -> Self {
        Self { operation, name, config, configured, policy: OnceCell::new() }
    }

    /// The policy: looked up by the first call, one load afterwards.
    #[doc(hidden)]
    #[inline]
    pub fn get(&'static self) -> &'static P {
        #[cfg(feature = "test-util")]
        if let Some(scoped) = crate::testing::policy(self) {
            return scoped;
        }
        match self.policy.get() {
            Some(policy) => policy,
            None => self.look_up(),
        }
    }

    /// Not while the cell is being written, since joining tells of conflicts and what was restored. Several threads may do it, and find the same.
    #[cold]
    fn look_up(&'static self) -> &'static P {
        let policy = registry().join(self);
        self.policy.get_or_init(|| policy)
    }

    /// The guarded function.
    pub fn operation(&self) -> &'static Operation {
        self.operation
    }

    /// The name, where one was given.
    pub fn name(&self) -> Option<&'static str> {
        self.name
    }

    /// What the attribute says.
    pub fn config(&self) -> &P::Config {
        &self.config
    }

    /// The name of its policy, given or not.
    pub(super) fn shown_name(&'static self) -> Name {
        self.name.map_or_else(|| Name::from(Policies::<P>::shown_as(self)), Name::from)
    }

    /// What the attribute says, and that it was the attribute.
    pub(super) fn origin(&self) -> (P::Config, Origin) {
        (self.config, Origin::Attribute(self.operation))
    }

    pub(crate) fn is_configured(&self) -> bool {
        self.configured
    }

    pub(crate) const fn config_mut(&mut self) -> &mut P::Config {
        &mut self.config
    }
}

impl<P: Policy> std::fmt::Debug for Site<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Site").field("name", &self.name).field("config", &self.config).finish_non_exhaustive()
    }
}
