//! Building a bulkhead without its attribute.

use super::Bulkhead;
use crate::builder::{Builder, setters};
use std::time::Duration;

/// Configures a [`Bulkhead`].
pub type BulkheadBuilder = Builder<Bulkhead>;

impl BulkheadBuilder {
    resilience_config::bulkhead_keys! { setters! {} }
}
