//! Building a retry without the attribute: the same keys, the same bounds, the same words.

use super::Retry;
use crate::error::Name;
use crate::registry::{Policy, RegisterError, registry};
use resilience_config::{Backoff, ConfigError, Jitter, Rejections, RetryConfig};
use std::sync::Arc;
use std::time::Duration;

/// Configures a [`Retry`]. Mistakes are reported by [`build`](Self::build) and [`register`](Self::register).
#[derive(Clone, Debug)]
#[must_use = "nothing is built before `build` or `register`"]
pub struct RetryBuilder {
    name: Name,
    config: RetryConfig,
    configured: bool,
}

macro_rules! keys {
    ($($(#[$doc:meta])* $key:ident: $value:ty,)*) => {
        $(
            $(#[$doc])*
            pub fn $key(mut self, value: $value) -> Self {
                self.config = self.config.$key(value);
                self.configured = true;
                self
            }
        )*
    };
}

impl RetryBuilder {
    pub(super) fn new(name: Name) -> Self {
        Self { name, config: RetryConfig::new(), configured: false }
    }

    keys! {
        /// Calls in all, the first included: 1 to 100. Default 3.
        attempts: u32,
        /// The wait that the backoff begins with. Default 100 ms.
        delay: Duration,
        /// How waits grow. Default exponential.
        backoff: Backoff,
        /// Of an exponential backoff: 1 to 100. Default 2.
        factor: f64,
        /// The longest wait, jitter included. Default 10 s.
        max_delay: Duration,
        /// How waits vary. Default full.
        jitter: Jitter,
        /// No new attempt begins past it, waits included. Default none.
        max_elapsed: Duration,
        /// The rejections from below that are worth another try. Default: timed out, bulkhead full, rate limited.
        retry_rejections: Rejections,
        /// Percent of the calls of the last 10 s that may be retries, beside 10 a second that are free. Default off.
        budget: f64,
    }

    /// All keys at once, in place of those given so far.
    pub fn config(mut self, config: RetryConfig) -> Self {
        self.config = config;
        self.configured = true;
        self
    }

    fn check(&self) -> Result<(), ConfigError> {
        resilience_config::names::check(&self.name)?;
        self.config.check()
    }

    /// A retry that is in no registry. Its events go to the current registry's readers.
    ///
    /// # Errors
    ///
    /// The first key that is out of bounds or contradicts another.
    pub fn build(self) -> Result<Retry, ConfigError> {
        self.check()?;
        Ok(Retry::from_config(self.name, &self.config, registry().bus()))
    }

    /// The retry of that name in the registry: a new one, or the one that is there already with the same configuration.
    ///
    /// # Errors
    ///
    /// A mistake in the configuration, or another configuration under the same name.
    pub fn register(self) -> Result<Arc<Retry>, RegisterError> {
        self.check()?;
        registry().register(self.name, self.config, self.configured)
    }
}
