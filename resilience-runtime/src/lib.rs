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
//! Each attribute has a page with its keys: [`macro@retry`], [`macro@circuit_breaker`], [`macro@bulkhead`], [`macro@rate_limit`],
//! [`macro@timeout`], [`macro@fallback`]. The policies behind them can be used without an attribute: [`Retry`], [`CircuitBreaker`],
//! [`Bulkhead`], [`RateLimiter`], [`Timeout`]. The [`registry`] has all policies of the program. A call that a policy does not let through
//! returns a [`Rejection`].
//!
//! # In a `Cargo.toml`
//!
//! ```toml
//! [dependencies]
//! resilience-runtime = "0.1"                                            # with a feature: { version = "0.1", features = ["tracing"] }
//! thiserror = "2"                                                       # an error with room for a `Rejection`
//! tokio = { version = "1", features = ["macros", "rt-multi-thread"] }   # for `#[tokio::main]`
//!
//! [dev-dependencies]
//! resilience-runtime = { version = "0.1", features = ["test-util"] }    # tests pause the clock, and have a registry each
//! tokio = { version = "1", features = ["test-util"] }                   # `#[tokio::test(start_paused = true)]`
//! ```
//!
//! The attributes come with it; no other crate of this library is to be named. What waits (a retry, a timeout, a queue with `max_wait`) wants tokio's timer, which `#[tokio::main]` turns on; a runtime
//! that is built by hand has it by `enable_time`.
//!
//! # Features
//!
//! | feature | what it adds |
//! |---|---|
//! | `config` | `Registry::configure`: a file and environment variables say what attributes leave open, and overrule them by name |
//! | `persistence` | `Registry::save` and `Registry::restore`: a restart does not forget which breakers are open; enables `serde` |
//! | `serde` | snapshots and events can be serialised |
//! | `stream` | `stream = true` in an attribute: the call of a function that answers with a stream, or with `http` a body, lasts until that ends |
//! | `test-util` | every policy follows tokio's clock, paused and advanced, and a test has a registry of its own: `testing`; for dev-dependencies |
//! | `tracing` | a span for each guarded call, and every event as one of `tracing`'s; the future of a guarded function holds the span and its arguments a second time |
//!
//! Those for other crates, each with its version; `docs/integrations/` has a page with a program for each, and what it brings along:
//!
//! | feature | for | what it adds |
//! |---|---|---|
//! | `actix` | `actix-web` 4 | a [`Rejection`] and a [`Failure`] are errors of a handler, with the answers of `axum` |
//! | `axum` | `axum` 0.8 | a [`Rejection`] and a [`Failure`] are answers of a handler: 503, 429 or 504 with `Retry-After` and a problem (RFC 9457) |
//! | `http` | `http` 1 | `classify::http`: the status, and `Retry-After` as seconds and as a date |
//! | `redis` | `redis` 1 | `classify::redis`, `From<Rejection>` for its error, and `HealthCheck::redis` |
//! | `reqwest` | `reqwest` 0.13 | `classify::reqwest` and `classify::reqwest_error`; enables `http` |
//! | `reqwest-middleware` | `reqwest-middleware` 0.5 | `PerHost`: a breaker, a bulkhead and a limiter for each host of a client, and retries; enables `reqwest` |
//! | `sqlx` | `sqlx` 0.8 | `classify::sqlx`, `From<Rejection>` for its error, and `HealthCheck::sqlx` |
//! | `tonic` | `tonic` 0.14 | `classify::tonic`, and `From<Rejection>` for a status, with `grpc-retry-pushback-ms` |
//!
//! Without a feature there are [`classify::io`], [`classify::source`](classify::source()) for `anyhow::Error` and boxed errors, and `From<Rejection>` for
//! [`std::io::Error`], `String` and [`Failure`].
//!
//! # What `tracing` is told
//!
//! With the feature `tracing`, all with the target `resilience`:
//!
//! * A span `guarded_call` at INFO for each call of a guarded function, entered whenever its future is polled. It has `otel.name`, `code.function.name`, `code.file.path` and
//!   `code.line.number`, and at its end:
//!   * `error.type`, where the call fails: the kind of rejection, or the name of the error's type; and `otel.status_code`, which is `ERROR` then. With a fallback, only where
//!     that fails too.
//!   * `resilience.cause`, where the call fails with an error of its own that says something: its text and that of its sources ([`Cause`]). With a fallback, only where
//!     that fails too.
//!   * `resilience.policy` and `resilience.name`: whose rejection it was.
//!   * `resilience.probe` (`true`) of a call by which a half-open breaker finds out whether the dependency is back, and `resilience.would_reject` (`true`) of one that was let
//!     through only because its breaker monitors, or enforces a share.
//!   * `resilience.attempts` and `resilience.elapsed_ms`, where a retry has made more than one attempt or given up.
//!   * `resilience.fallback` (`true`), where a fallback was asked, and `resilience.fallback.reason`: what for, in the words of `error.type`;
//!     `resilience.fallback.cause`: what that error said.
//! * Each [`Event`] as an event, with its line as the message and the fields `resilience.event` (the topic), `resilience.policy` (the kind), `resilience.name`,
//!   `resilience.cause` (what the failure said that it tells of: of a retry, a fallback, an opening, or a call that failed), `resilience.by` and `resilience.why` (who did
//!   it by hand), `resilience.generation` and `resilience.sequence` (its [`Order`]), and what else it says:
//!   `resilience.from`, `resilience.to`, `resilience.reason`, `resilience.rejection`, `resilience.operation`, `resilience.attempt`, `resilience.elapsed_ms`,
//!   `resilience.wait_ms`, `resilience.retry_after_ms`, `resilience.limit_ms`.
//!
//! `docs/tracing.md` has all of them in tables, and how they come to OpenTelemetry.
//!
//! | level | events |
//! |---|---|
//! | ERROR | a configuration that is refused |
//! | WARN | a circuit breaker that opens, unless it only monitors; a conflict; a [`Trap`] |
//! | INFO | every other transition, what is done by hand, reconfigurations |
//! | DEBUG | rejections, timeouts, retries, fallbacks, slow calls, evictions |
//! | TRACE | how each call ended |
//!
//! # Limits
//!
//! * Times are kept to the millisecond, and deadlines are never early.
//! * The buckets of a time window and the `retry_after` of a rejection are read from a clock that may lag by two of the kernel's ticks (2 to 20 ms).
//! * At most [`EVENT_CAPACITY`] events wait for a reader, and the registry keeps the last [`RECENT_EVENTS`] of each policy.
//! * There are at most [`MAX_HEALTH_CHECKS`] health checks, [`MAX_CRITICAL`] marks of critical breakers and [`MAX_HEALTH_REASONS`] reasons in one answer.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod barrier;
mod builder;
mod bulkhead;
mod caught;
mod cause;
mod circuit_breaker;
mod error;
mod event;
mod fallback;
mod guarded;
mod guarded_key;
mod hooks;
mod integration;
#[cfg(feature = "serde")]
mod json;
mod keyed;
mod kind;
mod layers;
mod name;
mod next_call;
mod operate;
mod outcome;
mod overlay;
mod pipeline;
mod policy;
mod rate_limit;
mod registry;
mod retry;
mod seqlock;
mod settings;
#[cfg(feature = "tracing")]
mod span;
mod state;
#[cfg(feature = "stream")]
mod stream;
mod sync;
mod time;
mod timeout;
mod unwind;
mod verdict;
mod window;

#[doc(hidden)]
pub mod private;
#[cfg(feature = "test-util")]
pub mod testing;

pub use builder::Builder;
pub use bulkhead::{Bulkhead, BulkheadBuilder, BulkheadSnapshot, OwnedPlace, Place};
pub use cause::{Cause, CauseText, MAX_CAUSE_BYTES};
pub use circuit_breaker::{
    CircuitBreaker, CircuitBreakerBuilder, CircuitBreakerSnapshot, LastError, OwnedPermit, Permit, Probes, Totals,
};
pub use error::{Failure, OpenReason, Rejection, RejectionKind};
pub use event::{
    Act, ByState, EVENT_CAPACITY, Ended, Event, EventFilter, Events, Listener, Openings, Order, RECENT_EVENTS,
    StateHistory, Steering, Topic, Transition, Trap,
};
pub use event::{GaveUp, GaveUpCounts, RetryEvent};
#[cfg(feature = "reqwest-middleware")]
pub use integration::reqwest_middleware::{PerHost, Repeatable};
pub use keyed::{KeyCounts, Keyed};
pub use kind::{InvalidKind, Kind};
pub use name::{Instance, InvalidPattern, Key, Name, Pattern, PolicyKey};
pub use next_call::NextCall;
#[cfg(feature = "config")]
pub use operate::{Change, ConfigWarning, ConfigureError, ConfigureReport, MAX_OVERLAYS, Mistake, Watch, Watcher};
pub use operate::{Conflict, Conflicts, Description, Difference, assert_verified};
pub use operate::{Health, HealthReason, HealthStatus, MAX_HEALTH_REASONS};
#[cfg(feature = "persistence")]
pub use operate::{MAX_STATE_BYTES, RestoreError, Restored, SaveError};
pub use operate::{Matching, Reached, Steer, SteerError};
pub use outcome::Outcome;
pub use overlay::{Setting, Source};
pub use pipeline::{IntoPolicy, Pipeline, PipelineBuilder, PipelineCall, PipelineError, PipelineMistake};
pub use rate_limit::{RateLimiter, RateLimiterBuilder, RateLimiterSnapshot};
pub use registry::{HealthCheck, HealthError, MAX_CRITICAL, MAX_HEALTH_CHECKS};
pub use registry::{KeyValue, Layer, Operation, RegisterError, Registry, RegistrySnapshot, RemoveError, registry};
pub use resilience_config::{Backoff, Jitter, Rejections, RetryConfig, TimeoutConfig};
pub use resilience_config::{BrokenRule, CircuitBreakerConfig, ConfigError, InvalidValue, Mode, Preset, Window};
pub use resilience_config::{BulkheadConfig, Rate, RateLimitConfig};
pub use resilience_macros::{bulkhead, circuit_breaker, fallback, rate_limit, retry, timeout};
pub use retry::{Retry, RetryBuilder, RetrySnapshot, attempt};
pub use state::State;
pub use time::Timestamp;
pub use timeout::{Timeout, TimeoutBuilder, TimeoutSnapshot};
pub use verdict::Verdict;
pub use window::{Histogram, Latency, WindowCounts};

/// Ready-made answers to `classify`: what the errors and answers of the standard library and of other crates say about the dependency.
///
/// Each exists for a function's result, and under a second name for the error alone, for functions that make another one of it before they return. An error behind
/// others is found by [`source`](crate::classify::source()).
pub mod classify {
    #[cfg(feature = "http")]
    pub use crate::integration::http::{http, http_head, retry_after};
    pub use crate::integration::io::{io, io_error};
    #[cfg(feature = "redis")]
    pub use crate::integration::redis::{redis, redis_error};
    #[cfg(feature = "reqwest")]
    pub use crate::integration::reqwest::{reqwest, reqwest_error};
    pub use crate::integration::source::source;
    #[cfg(feature = "sqlx")]
    pub use crate::integration::sqlx::{sqlx, sqlx_error};
    pub use crate::integration::status::status;
    #[cfg(feature = "tonic")]
    pub use crate::integration::tonic::{tonic, tonic_status};
    pub use crate::integration::{failure, retry_after_opens, retry_after_opens_at_most};
}
