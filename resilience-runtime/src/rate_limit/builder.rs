use super::RateLimiter;
use crate::builder::builder;
use resilience_config::{Rate, RateLimitConfig};
use std::time::Duration;

resilience_config::rate_limit_keys! {
    builder! {
        /// Configures a [`RateLimiter`].
        RateLimiterBuilder: RateLimiter by RateLimitConfig,
    }
}
