//! Building a breaker without the attribute: the same keys, the same bounds, the same words.

use super::breaker::CircuitBreaker;
use super::policy::TripRule;
use crate::builder::{Builder, setters};
use crate::name::Name;
use crate::window::WindowCounts;
use resilience_config::{Mode, Preset, Window};
use std::time::Duration;

/// Configures a [`CircuitBreaker`].
pub type CircuitBreakerBuilder = Builder<CircuitBreaker>;

impl CircuitBreaker {
    /// A breaker of that name, to be configured with the keys of the attribute.
    pub fn builder(name: impl Into<Name>) -> CircuitBreakerBuilder {
        CircuitBreakerBuilder::new(name.into())
    }
}

impl CircuitBreakerBuilder {
    resilience_config::circuit_breaker_keys! { setters! {} }

    /// A rule of one's own, asked with the window's counts after every outcome that counts. It runs on the caller's path, under no lock.
    pub fn trip_if(self, trip_if: fn(&WindowCounts) -> bool) -> Self {
        self.rule(TripRule::made(trip_if))
    }
}
