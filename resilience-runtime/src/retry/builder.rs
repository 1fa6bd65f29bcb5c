//! Building a retry without its attribute.

use super::Retry;
use crate::builder::{Builder, setters};
use resilience_config::{Backoff, Jitter, Rejections};
use std::time::Duration;

/// Configures a [`Retry`].
pub type RetryBuilder = Builder<Retry>;

impl RetryBuilder {
    resilience_config::retry_keys! { setters! {} }
}
