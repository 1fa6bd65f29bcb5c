//! Building a breaker without the attribute: the same keys, the same bounds, the same words.

use super::breaker::{CircuitBreaker, TripIf};
use super::registered::{Declared, TripRule};

use crate::builder::keys;
use crate::error::Name;
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

    keys! {
        /// Percent of failures in the window at which it opens: above 0, at most 100. Default 50.
        failure_rate: f64,
        /// Calls in the window before a rate counts. Default 20, or the count window where that is smaller.
        minimum_calls: u32,
        /// The calls that rates are taken over. Default the last 10 seconds.
        window: Window,
        /// Failures in a row that open it, whatever the volume. Default 10; off where `minimum_calls` or `window` is given.
        consecutive_failures: u32,
        /// A call longer than this is slow. Off by default.
        slow_call: Duration,
        /// Percent of slow calls at which it opens. Default 100.
        slow_call_rate: f64,
        /// How long it stays open. Default 30 s.
        open_for: Duration,
        /// Each opening after a failed half-open lasts this many times longer. Default 1.
        open_backoff: f64,
        /// The longest that `open_backoff` gets to. Default 10 min.
        max_open_for: Duration,
        /// An opening is lengthened by up to this share, 0 to 1. Default 0.
        open_jitter: f64,
        /// Probes admitted while half-open, 1 to 255. Default 3.
        half_open_calls: u32,
        /// Successful probes that close it. Default all of `half_open_calls`.
        half_open_successes: u32,
        /// A probe that has not answered within this time opens it again. Counted from when a probe entered while no
        /// other was in flight. Default 60 s.
        half_open_timeout: Duration,
        /// Whether it enforces, only monitors, or is off. Default enforce.
        mode: Mode,
        /// How many keys a keyed breaker holds at most. Default 1024.
        max_keys: u32,
        /// Values for a kind of dependency; what is given beside it wins.
        preset: Preset,
    }

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
        resilience_config::names::check(&self.name)?;
        self.config.check()
    }

    /// A breaker that is in no registry. Its events go to the current registry's readers.
    ///
    /// # Errors
    ///
    /// The first key that is out of bounds or contradicts another.
    pub fn build(self) -> Result<CircuitBreaker, ConfigError> {
        self.check()?;
        Ok(CircuitBreaker::new(self.name, &self.config.resolve(), self.trip_if, registry().bus()))
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
