//! Building a rate limiter without its attribute.

use super::RateLimiter;
use crate::builder::{Builder, setters};
use resilience_config::Rate;
use std::time::Duration;

/// Configures a [`RateLimiter`].
pub type RateLimiterBuilder = Builder<RateLimiter>;

impl RateLimiterBuilder {
    resilience_config::rate_limit_keys! { setters! {} }
}
