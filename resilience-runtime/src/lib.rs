//! Annotate an async function, and it survives.
//!
//! ```
//! use resilience_runtime::{Rejection, circuit_breaker};
//!
//! #[derive(Debug, thiserror::Error)]
//! enum PaymentError {
//!     #[error("the card was declined")]
//!     Declined,
//!     #[error(transparent)]
//!     Rejected(#[from] Rejection),
//! }
//!
//! #[circuit_breaker("payment", failure_rate = 50, window = "10s", open_for = "30s")]
//! #[fallback = queue_payment]
//! async fn charge(cents: u64) -> Result<String, PaymentError> {
//!     if cents > 1000 { Err(PaymentError::Declined) } else { Ok(format!("paid {cents}")) }
//! }
//!
//! fn queue_payment(cents: u64) -> Result<String, PaymentError> {
//!     Ok(format!("will pay {cents}"))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! assert_eq!(charge(7).await.unwrap(), "paid 7");
//! assert_eq!(charge(7000).await.unwrap(), "will pay 7000");
//! # }
//! ```
//!
//! The attributes are documented one by one: [`macro@retry`], [`macro@circuit_breaker`], [`macro@bulkhead`], [`macro@rate_limit`],
//! [`macro@timeout`], [`macro@fallback`]. What stands behind them is here: [`Retry`], [`CircuitBreaker`], [`Bulkhead`], [`RateLimiter`],
//! [`Timeout`], and the [`registry`] of all that a program has. What a policy decides instead of a function is a
//! [`Rejection`].
//!
//! # Features
//!
//! | feature | what |
//! |---|---|
//! | `serde` | snapshots can be serialised |
//! | `test-util` | every policy follows tokio's clock, paused and advanced; for dev-dependencies |
//!
//! # Limits
//!
//! * Times are kept to the millisecond and deadlines are never early.
//! * A time window's buckets, and the time to wait that a rejection gives, are read from a clock that may lag by two of the kernel's ticks (2 to 20 ms).
//! * At most [`EVENT_CAPACITY`] events wait for a reader.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod builder;
mod bulkhead;
mod circuit_breaker;
mod error;
mod event;
mod fallback;
mod hooks;
mod outcome;
mod rate_limit;
mod registry;
mod retry;
mod sync;
mod tagged;
mod time;
mod timeout;
mod window;

#[doc(hidden)]
pub mod private;

pub use bulkhead::{Bulkhead, BulkheadBuilder, BulkheadSnapshot, Place};
pub use circuit_breaker::{
    CircuitBreaker, CircuitBreakerBuilder, CircuitBreakerSnapshot, KeyCounts, Keyed, Permit, Probes, State, Totals,
};
pub use error::{Failure, Name, OpenReason, Rejection, RejectionKind};
pub use event::{EVENT_CAPACITY, Event, Events, Transition};
pub use outcome::Outcome;
pub use rate_limit::{RateLimiter, RateLimiterBuilder, RateLimiterSnapshot};
pub use registry::{Layer, Operation, RegisterError, Registry, RegistrySnapshot, registry};
pub use resilience_config::{Backoff, Jitter, Rejections, RetryConfig, TimeoutConfig};
pub use resilience_config::{BulkheadConfig, Rate, RateLimitConfig};
pub use resilience_config::{CircuitBreakerConfig, ConfigError, Mode, Preset, Window};
pub use resilience_macros::{bulkhead, circuit_breaker, fallback, rate_limit, retry, timeout};
pub use retry::{GaveUp, Retry, RetryBuilder, RetryEvent, RetrySnapshot};
pub use time::Timestamp;
pub use timeout::{Timed, Timeout, TimeoutBuilder, TimeoutSnapshot};
pub use window::WindowCounts;
