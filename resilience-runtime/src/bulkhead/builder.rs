use super::Bulkhead;
use crate::builder::builder;
use resilience_config::BulkheadConfig;
use std::time::Duration;

resilience_config::bulkhead_keys! {
    builder! {
        /// Configures a [`Bulkhead`].
        BulkheadBuilder: Bulkhead by BulkheadConfig,
    }
}
