use super::RateLimiter;
use crate::event::Runs;
use crate::registry::registered;
use resilience_config::RateLimitConfig;

registered! {
    /// A `#[rate_limit]` at its function.
    RateLimitSite: RateLimiter by RateLimitConfig as "rate_limit";
    layer: RateLimit, kept: of_rate_limiters,
    new: RateLimiter::new,
    in_force: |limiter| *limiter.settings.get(),
    waits_with: Some("max_wait"),
    go_on: RateLimiter::go_on,
    runs: |limiter| Runs { rejected: limiter.rejected.get(), ..Runs::default() },
}
