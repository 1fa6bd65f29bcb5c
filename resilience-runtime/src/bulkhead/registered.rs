use super::Bulkhead;
use crate::registry::registered;
use resilience_config::BulkheadConfig;

registered! {
    /// A `#[bulkhead]` at its function.
    BulkheadSite: Bulkhead by BulkheadConfig as "bulkhead";
    layer: Bulkhead, kept: of_bulkheads,
    new: |name, settings, _| Bulkhead::new(name, &settings), in_force: Bulkhead::settings,
    waits_with: Some("max_queue"),
}
