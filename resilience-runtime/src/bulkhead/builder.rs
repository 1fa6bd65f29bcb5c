//! Building a bulkhead without the attribute: the same keys, the same bounds, the same words.

use super::Bulkhead;
use crate::error::Name;
use crate::registry::{RegisterError, registry};
use resilience_config::{BulkheadConfig, ConfigError};
use std::sync::Arc;
use std::time::Duration;

/// Configures a [`Bulkhead`]. Mistakes are reported by [`build`](Self::build) and [`register`](Self::register).
#[derive(Clone, Debug)]
#[must_use = "nothing is built before `build` or `register`"]
pub struct BulkheadBuilder {
    name: Name,
    config: BulkheadConfig,
    configured: bool,
}

impl BulkheadBuilder {
    pub(super) fn new(name: Name) -> Self {
        Self { name, config: BulkheadConfig::new(), configured: false }
    }

    /// Calls inside at once, 1 to 1,000,000. Default 25.
    pub fn max_concurrent(self, calls: u32) -> Self {
        let config = self.config.max_concurrent(calls);
        self.config(config)
    }

    /// Callers that may wait, first come first served, up to 1,000,000. Default 0.
    pub fn max_queue(self, callers: u32) -> Self {
        let config = self.config.max_queue(callers);
        self.config(config)
    }

    /// How long one waits, 1 ms to 24 h; wants a `max_queue`. Default without end.
    pub fn queue_timeout(self, time: Duration) -> Self {
        let config = self.config.queue_timeout(time);
        self.config(config)
    }

    /// All keys at once, in place of those given so far.
    pub fn config(mut self, config: BulkheadConfig) -> Self {
        self.config = config;
        self.configured = true;
        self
    }

    fn check(&self) -> Result<(), ConfigError> {
        resilience_config::names::check(&self.name)?;
        self.config.check()
    }

    /// A bulkhead that is in no registry.
    ///
    /// # Errors
    ///
    /// The first key that is out of bounds or contradicts another.
    pub fn build(self) -> Result<Bulkhead, ConfigError> {
        self.check()?;
        Ok(Bulkhead::new(self.name, &self.config.resolve()))
    }

    /// The bulkhead of that name in the registry: a new one, or the one that is there already with the same configuration. Without any
    /// key given, whichever is there.
    ///
    /// # Errors
    ///
    /// A mistake in the configuration, or another configuration under the same name.
    pub fn register(self) -> Result<Arc<Bulkhead>, RegisterError> {
        self.check()?;
        registry().register(self.name, self.config, self.configured)
    }
}
