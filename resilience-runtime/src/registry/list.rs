//! The list of the kinds that the registry keeps: the only one. What is written out for each kind is made of it.

/// The list. A row has the kind and its policy, what one and all of them are called in the registry, the configuration, the snapshot, and the
/// site, as generated code calls it. The macro that is named gets all rows, for what has to be written out for each.
macro_rules! each_kind {
    ($written:ident!) => {
        $written! {
            CircuitBreaker: CircuitBreaker, circuit_breaker, circuit_breakers, CircuitBreakerConfig, CircuitBreakerSnapshot, BreakerSite;
            Retry: Retry, retry, retries, RetryConfig, RetrySnapshot, RetrySite;
            Timeout: Timeout, timeout, timeouts, TimeoutConfig, TimeoutSnapshot, TimeoutSite;
            Bulkhead: Bulkhead, bulkhead, bulkheads, BulkheadConfig, BulkheadSnapshot, BulkheadSite;
            RateLimit: RateLimiter, rate_limiter, rate_limiters, RateLimitConfig, RateLimiterSnapshot, RateLimitSite;
        }
    };
}
pub(crate) use each_kind;
