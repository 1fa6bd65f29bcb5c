use super::Bulkhead;
use crate::event::Runs;
use crate::registry::registered;
use resilience_config::BulkheadConfig;

registered! {
    /// A `#[bulkhead]` at its function.
    BulkheadSite: Bulkhead by BulkheadConfig as "bulkhead";
    layer: Bulkhead, kept: of_bulkheads,
    new: Bulkhead::new,
    in_force: |bulkhead| *bulkhead.settings.get(),
    waits_with: Some("max_queue"),
    go_on: Bulkhead::go_on,
    runs: |bulkhead| Runs { rejected: bulkhead.rejected.get() + bulkhead.timed_out.get(), ..Runs::default() },
}
