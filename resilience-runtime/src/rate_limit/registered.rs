//! What the registry and generated code need to know of a rate limiter.

use super::RateLimiter;
use crate::error::Name;
use crate::event::Bus;
use crate::registry::{Layer, Operation, Policies, Policy, Registry, Site};
use resilience_config::RateLimitConfig;
use std::sync::Arc;

/// A `#[rate_limit]` at its function.
pub type RateLimitSite = Site<RateLimiter>;

impl Policy for RateLimiter {
    type Config = RateLimitConfig;

    const KIND: &'static str = "rate_limit";

    fn from_config(name: Name, config: &RateLimitConfig, _: Arc<Bus>) -> Self {
        Self::new(name, config.resolve())
    }

    fn name(&self) -> &Name {
        &self.name
    }

    fn policies(registry: &Registry) -> &Policies<Self> {
        registry.of_rate_limiters()
    }

    fn site(layer: &'static Layer) -> Option<&'static RateLimitSite> {
        match layer {
            Layer::RateLimit(site) => Some(site),
            _ => None,
        }
    }
}

impl RateLimitSite {
    #[doc(hidden)]
    pub const fn new(
        operation: &'static Operation,
        name: Option<&'static str>,
        config: RateLimitConfig,
        configured: bool,
    ) -> Self {
        Self::of(operation, name, config, configured)
    }
}
