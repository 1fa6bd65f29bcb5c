//! What the registry and generated code need to know of a bulkhead.

use super::Bulkhead;
use crate::error::Name;
use crate::event::Bus;
use crate::registry::{Layer, Operation, Policies, Policy, Registry, Site};
use resilience_config::BulkheadConfig;
use std::sync::Arc;

/// A `#[bulkhead]` at its function.
pub type BulkheadSite = Site<Bulkhead>;

impl Policy for Bulkhead {
    type Config = BulkheadConfig;

    const KIND: &'static str = "bulkhead";

    fn from_config(name: Name, config: &BulkheadConfig, _: Arc<Bus>) -> Self {
        Self::new(name, &config.resolve())
    }

    fn name(&self) -> &Name {
        &self.name
    }

    fn policies(registry: &Registry) -> &Policies<Self> {
        registry.of_bulkheads()
    }

    fn site(layer: &'static Layer) -> Option<&'static BulkheadSite> {
        match layer {
            Layer::Bulkhead(site) => Some(site),
            _ => None,
        }
    }
}

impl BulkheadSite {
    #[doc(hidden)]
    pub const fn new(
        operation: &'static Operation,
        name: Option<&'static str>,
        config: BulkheadConfig,
        configured: bool,
    ) -> Self {
        Self::of(operation, name, config, configured)
    }
}
