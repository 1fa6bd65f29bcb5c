//! Building a breaker without the attribute: the same keys, the same bounds, the same words.

use super::breaker::{CircuitBreaker, TripIf};
use super::registered::{Declared, TripRule};
use crate::builder::setters;
use crate::error::Name;
use crate::event::Emitter;
use crate::registry::{RegisterError, registry};
use crate::window::WindowCounts;
use resilience_config::{CircuitBreakerConfig, ConfigError, Mode, Preset, Window};
use std::sync::Arc;
use std::time::Duration;

/// Configures a [`CircuitBreaker`]. Mistakes are reported by [`build`](Self::build) and [`register`](Self::register).
#[derive(Clone, Debug)]
#[must_use = "nothing is built before `build` or `register`"]
pub struct CircuitBreakerBuilder {
    name: Name,
    config: CircuitBreakerConfig,
    configured: bool,
    trip_if: Option<TripIf>,
}

impl CircuitBreaker {
    /// A breaker of that name, to be configured with the keys of the attribute.
    pub fn builder(name: impl Into<Name>) -> CircuitBreakerBuilder {
        CircuitBreakerBuilder::new(name.into())
    }
}

impl CircuitBreakerBuilder {
    fn new(name: Name) -> Self {
        Self { name, config: CircuitBreakerConfig::new(), configured: false, trip_if: None }
    }

    resilience_config::circuit_breaker_keys! { setters! {} }

    /// A rule of one's own, asked with the window's counts after every outcome that counts. It runs on the caller's path, under no lock.
    pub fn trip_if(mut self, trip_if: fn(&WindowCounts) -> bool) -> Self {
        self.trip_if = Some(trip_if);
        self.config = self.config.has_trip_if(true);
        self.configured = true;
        self
    }

    /// All keys at once, in place of those given so far.
    pub fn config(mut self, config: CircuitBreakerConfig) -> Self {
        self.config = config.has_trip_if(self.trip_if.is_some());
        self.configured = true;
        self
    }

    fn check(&self) -> Result<(), ConfigError> {
        crate::builder::check(&self.name, &self.config)
    }

    /// A breaker that is in no registry. Its events go to the current registry's readers.
    ///
    /// # Errors
    ///
    /// Every key that is out of bounds or contradicts another.
    pub fn build(self) -> Result<CircuitBreaker, ConfigError> {
        self.check()?;
        let emitter = Emitter::new(registry().bus());
        let breaker = CircuitBreaker::new(self.name, &self.config.resolve(), self.trip_if, emitter);
        breaker.tell_wanted_outcomes();
        Ok(breaker)
    }

    /// The breaker of that name in the registry: a new one, or the one that is there already with the same configuration. Without any key given,
    /// whichever is there.
    ///
    /// # Errors
    ///
    /// A mistake in the configuration, or another configuration under the same name.
    pub fn register(self) -> Result<Arc<CircuitBreaker>, RegisterError> {
        self.check()?;
        let trip_if = self.trip_if.map(|rule| TripRule { rule, tokens: None });
        registry().register(self.name, Declared { keys: self.config, trip_if }, self.configured)
    }
}
