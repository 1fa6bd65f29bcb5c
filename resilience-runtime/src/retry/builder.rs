use super::Retry;
use crate::builder::builder;
use resilience_config::{Backoff, Jitter, Rejections, RetryConfig};
use std::time::Duration;

resilience_config::retry_keys! {
    builder! {
        /// Configures a [`Retry`].
        RetryBuilder: Retry by RetryConfig,
    }
}
