use super::Bulkhead;
use crate::builder::builder;
use resilience_config::BulkheadConfig;
use std::time::Duration;

builder! {
    /// Configures a [`Bulkhead`].
    BulkheadBuilder: Bulkhead by BulkheadConfig;

    /// Calls inside at once, 1 to 1,000,000. Default 25.
    max_concurrent: u32,
    /// Callers that may wait, first come first served, up to 1,000,000. Default 0.
    max_queue: u32,
    /// How long one waits, 1 ms to 24 h; wants a `max_queue`. Default without end.
    queue_timeout: Duration,
    /// Whether it limits anything. Default true.
    enabled: bool,
}
