//! What the registry and generated code need to know of a circuit breaker.

use super::admission::Refused;
use super::breaker::{CircuitBreaker, TripIf};
use super::clock::Present;
use super::keyed::Keyed;
use super::permit::Permit;
use crate::error::Name;
#[cfg(feature = "persistence")]
use crate::event::Untold;
use crate::event::{Act, Audience, Bus, Emitter, Runs, Turn};
use crate::hooks::BreakerKey;
use crate::registry::{Layer, Operation, Policies, Policy, Registry, Site};
use resilience_config::{CircuitBreakerConfig, CircuitBreakerSettings, ConfigError};
use std::sync::Arc;

/// A `#[circuit_breaker]` at its function.
pub type BreakerSite = Site<CircuitBreaker>;

/// What the program says of a breaker: its keys, and the rule that no crate but this one can hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Declared {
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
    type Config = Declared;
    type Keys = CircuitBreakerConfig;

    const KIND: &'static str = "circuit_breaker";

    fn rule(config: &Declared) -> Option<&'static str> {
        config.trip_if.and_then(|rule| rule.tokens)
    }

    fn from_config(name: Name, config: &Declared, bus: Arc<Bus>) -> Self {
        Self::new(name, &config.keys.resolve(), config.trip_if.map(|trip_if| trip_if.rule), Emitter::new(bus))
    }

    fn keys(config: &Declared) -> &CircuitBreakerConfig {
        &config.keys
    }

    fn with_keys(config: &Declared, keys: CircuitBreakerConfig) -> Declared {
        Declared { keys, ..*config }
    }

    fn in_force(&self) -> CircuitBreakerSettings {
        *self.settings.get()
    }

    fn put_in_force(&self, keys: CircuitBreakerConfig, turn: &mut Turn<'_>) -> Result<u64, ConfigError> {
        self.put(turn, &self.checked(keys)?.resolve());
        Ok(0)
    }

    /// One of a key is configured as all of them.
    fn is_configured_as(&self, other: &Self) -> bool {
        std::ptr::eq(self, other) || self.past.is_some() && self.emitter.is(&other.emitter)
    }

    fn begin_forced_open(&self) {
        // Untold: nobody knows of the breaker yet.
        self.act_alone(&mut self.emitter.turn_told(Audience::nobody()), Act::ForceOpen);
    }

    #[cfg(feature = "persistence")]
    fn resume_built(&self, registry: &Registry, audience: Audience) -> Untold {
        registry.resume_built(self, audience)
    }

    fn about_to_be_called(&self) {
        self.tell_wanted_outcomes();
    }

    fn set_forced_open(&self, forced: bool, turn: &mut Turn<'_>) {
        if forced { self.force_open_quietly(turn) } else { self.take_back_force_open(turn) }
    }

    fn told_as(&self) -> Name {
        Self::name(self)
    }

    fn generation(&self) -> u64 {
        Self::generation(self)
    }

    fn name(&self) -> &Name {
        &self.name
    }

    fn emitter(&self) -> &Emitter {
        &self.emitter
    }

    fn runs(&self) -> Runs {
        self.totals().runs(self.evicted())
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
        Self::of(operation, name, Declared { keys, trip_if: None }, configured)
    }

    /// Asks the breaker to make one call. What is refused becomes a rejection, and counts, when it is made into one.
    #[doc(hidden)]
    #[inline]
    pub fn admit(&'static self) -> Result<Permit<'static>, Refused<'static>> {
        self.get().admit(Present)
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
