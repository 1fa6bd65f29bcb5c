use super::RateLimiter;
use crate::builder::builder;
use resilience_config::{Rate, RateLimitConfig};
use std::time::Duration;

builder! {
    /// Configures a [`RateLimiter`].
    RateLimiterBuilder: RateLimiter by RateLimitConfig;

    /// How many calls in how much time: 1 to 1,000,000,000 calls. It has to be given.
    rate: Rate,
    /// How many at once, 1 to 1,000,000,000. Default the rate's count: the first second of "100/s" may see 200 calls then.
    burst: u32,
    /// How long a caller waits for its turn, up to 1 h. Default not at all.
    max_wait: Duration,
    /// Whether it limits anything. Default true.
    enabled: bool,
}
