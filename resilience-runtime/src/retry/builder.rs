use super::Retry;
use crate::builder::builder;
use resilience_config::{Backoff, Jitter, Rejections, RetryConfig};
use std::time::Duration;

builder! {
    /// Configures a [`Retry`].
    RetryBuilder: Retry by RetryConfig;

    /// Calls in all, the first included: 1 to 100. Default 3.
    attempts: u32,
    /// The wait that the backoff begins with. Default 100 ms.
    delay: Duration,
    /// How waits grow. Default exponential.
    backoff: Backoff,
    /// Of an exponential backoff: 1 to 100. Default 2.
    factor: f64,
    /// The longest wait, jitter included. Default 10 s.
    max_delay: Duration,
    /// How waits vary. Default full.
    jitter: Jitter,
    /// No new attempt begins past it, waits included. Default none.
    max_elapsed: Duration,
    /// The rejections from below that are worth another try. Default: timed out, bulkhead full, rate limited.
    retry_rejections: Rejections,
    /// Percent of the calls of the last 10 s that may be retries, beside 10 a second that are free. Default off.
    budget: f64,
    /// Whether it makes more than one attempt. Default true.
    enabled: bool,
}
