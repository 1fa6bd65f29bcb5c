//! Building a rate limiter without the attribute: the same keys, the same bounds, the same words.

use super::RateLimiter;
use crate::error::Name;
use crate::registry::{RegisterError, registry};
use resilience_config::{ConfigError, Rate, RateLimitConfig};
use std::sync::Arc;
use std::time::Duration;

/// Configures a [`RateLimiter`]. Mistakes are reported by [`build`](Self::build) and [`register`](Self::register).
#[derive(Clone, Debug)]
#[must_use = "nothing is built before `build` or `register`"]
pub struct RateLimiterBuilder {
    name: Name,
    config: RateLimitConfig,
}

impl RateLimiterBuilder {
    pub(super) fn new(name: Name) -> Self {
        Self { name, config: RateLimitConfig::new() }
    }

    /// How many calls in how much time: 1 to 1,000,000,000 calls. It has to be given.
    pub fn rate(mut self, rate: Rate) -> Self {
        self.config = self.config.rate(rate);
        self
    }

    /// How many at once, 1 to 1,000,000,000. Default the rate's count: the first second of "100/s" may see 200 calls then.
    pub fn burst(mut self, calls: u32) -> Self {
        self.config = self.config.burst(calls);
        self
    }

    /// How long a caller waits for its turn, up to 1 h. Default not at all.
    pub fn max_wait(mut self, time: Duration) -> Self {
        self.config = self.config.max_wait(time);
        self
    }

    /// All keys at once, in place of those given so far.
    pub fn config(mut self, config: RateLimitConfig) -> Self {
        self.config = config;
        self
    }

    fn check(&self) -> Result<(), ConfigError> {
        resilience_config::names::check(&self.name)?;
        self.config.check()
    }

    /// A rate limiter that is in no registry.
    ///
    /// # Errors
    ///
    /// The first key that is missing or out of bounds.
    pub fn build(self) -> Result<RateLimiter, ConfigError> {
        self.check()?;
        Ok(RateLimiter::new(self.name, self.config.resolve()))
    }

    /// The rate limiter of that name in the registry: a new one, or the one that is there already with the same configuration.
    ///
    /// # Errors
    ///
    /// A mistake in the configuration, or another configuration under the same name.
    pub fn register(self) -> Result<Arc<RateLimiter>, RegisterError> {
        self.check()?;
        registry().register(self.name, self.config, true)
    }
}
