//! What may be written about a policy, and what it means.
//!
//! The attribute macros, the runtime's builders and configuration files all come through here, so that a bound, a
//! default and the sentence that refuses a value exist once. Each policy has one file with one table, a row a key, of which are made
//!
//! - a `…Config`: a const builder that remembers which keys were written,
//! - a `…Settings`: the same with every default applied,
//! - its `KEYS`, by which they are set from text and listed ([`Configurable`]),
//! - its bounds, and beside the table what does not go together: `violations` lists the broken rules, `validate` refuses
//!   them, `check` returns the first, and `validated`
//!   panics with it, which in the initialiser of a static is an error of the compiler's.
//!
//! This crate is a part of `resilience-runtime`, which re-exports what its users need.

#[macro_use]
mod builder;
#[macro_use]
mod keys;
#[macro_use]
mod words;

mod bounds;
mod bulkhead;
mod circuit_breaker;
mod constant;
mod duration;
mod error;
mod nearest;
mod order;
mod preset;
mod rate_limit;
mod retry;
mod timeout;
mod value;
mod waits;

pub mod names;

pub use bulkhead::{BulkheadConfig, BulkheadSettings};
pub use circuit_breaker::{CircuitBreakerConfig, CircuitBreakerSettings, Mode, Window};
pub use constant::Constant;
pub use duration::{InvalidDuration, parse_duration};
pub use error::{BrokenRule, ConfigError};
pub use keys::{Configurable, Key, Takes, find_key};
pub use nearest::nearest;
pub use order::wrong_orders;
pub use preset::Preset;
pub use rate_limit::{Rate, RateLimitConfig, RateLimitSettings};
pub use retry::{Backoff, Jitter, Rejections, RetryConfig, RetrySettings};
pub use timeout::{TimeoutConfig, TimeoutSettings};
pub use value::{InvalidValue, Value, Written, listed, read_word, unknown_key};
