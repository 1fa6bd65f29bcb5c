//! What the registry and generated code need to know of a circuit breaker.

use super::{CircuitBreaker, Keyed, TripIf};
use crate::error::Name;
use crate::event::Bus;
use crate::hooks::BreakerKey;
use crate::registry::{Layer, Operation, Policies, Policy, Registry, Site};
use resilience_config::CircuitBreakerConfig;
use std::sync::Arc;

/// A `#[circuit_breaker]` at its function.
pub type BreakerSite = Site<CircuitBreaker>;

/// The keys, and the rule that no crate but this one can hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BreakerConfig {
    pub(super) keys: CircuitBreakerConfig,
    pub(super) trip_if: Option<TripRule>,
}

/// A `trip_if` and its tokens, by which two of them are compared: one function may have two addresses. A builder has no tokens.
#[derive(Clone, Copy, Debug)]
pub(super) struct TripRule {
    pub(super) rule: TripIf,
    pub(super) tokens: Option<&'static str>,
}

impl PartialEq for TripRule {
    fn eq(&self, other: &Self) -> bool {
        match (self.tokens, other.tokens) {
            (None, None) => std::ptr::fn_addr_eq(self.rule, other.rule),
            (ours, theirs) => ours == theirs,
        }
    }
}

impl Policy for CircuitBreaker {
    type Config = BreakerConfig;

    const KIND: &'static str = "circuit_breaker";

    fn from_config(name: Name, config: &BreakerConfig, bus: Arc<Bus>) -> Self {
        Self::new(name, &config.keys.resolve(), config.trip_if.map(|trip_if| trip_if.rule), bus)
    }

    fn name(&self) -> &Name {
        &self.name
    }

    fn policies(registry: &Registry) -> &Policies<Self> {
        registry.of_circuit_breakers()
    }

    fn site(layer: &'static Layer) -> Option<&'static BreakerSite> {
        match layer {
            Layer::CircuitBreaker(site) => Some(site),
            _ => None,
        }
    }
}

impl BreakerSite {
    #[doc(hidden)]
    pub const fn new(
        operation: &'static Operation,
        name: Option<&'static str>,
        keys: CircuitBreakerConfig,
        configured: bool,
    ) -> Self {
        Self::of(operation, name, BreakerConfig { keys, trip_if: None }, configured)
    }

    /// The breaker of one key.
    #[doc(hidden)]
    #[inline]
    pub fn keyed<K: BreakerKey + ?Sized>(&'static self, key: &K) -> Keyed<'static> {
        self.get().keyed(key)
    }

    #[doc(hidden)]
    #[must_use]
    pub const fn trip_if(mut self, rule: TripIf, tokens: &'static str) -> Self {
        self.config_mut().trip_if = Some(TripRule { rule, tokens: Some(tokens) });
        self
    }
}
