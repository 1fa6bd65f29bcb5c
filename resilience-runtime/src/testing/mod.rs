//! For tests of programs that use this library: a registry of one's own, and dependencies that do what they are told.
//!
//! With the feature `test-util`, for dev-dependencies. Tests in one process share the global registry, and so their breakers: one that
//! opens a breaker fails the others. A [`Scope`] gives a test a registry of its own. A [`Script`] stands in for a dependency. Time is
//! tokio's: in `#[tokio::test(start_paused = true)]` half a minute passes at once.
//!
//! ```
//! use resilience_runtime::testing::{Scope, Script};
//! use resilience_runtime::{Rejection, State, circuit_breaker};
//! use std::time::Duration;
//!
//! #[derive(Clone, Debug, thiserror::Error)]
//! enum PaymentError {
//!     #[error("the gateway is down")]
//!     GatewayDown,
//!     #[error(transparent)]
//!     Rejected(#[from] Rejection),
//! }
//!
//! #[circuit_breaker("card payment", consecutive_failures = 2, window = none, open_for = "30s", half_open_calls = 1)]
//! async fn charge(gateway: &Script<u64, PaymentError>) -> Result<u64, PaymentError> {
//!     gateway.call().await
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
//! let scope = Scope::new();
//! let _entered = scope.enter();
//! let gateway = Script::new().ok(7).err(PaymentError::GatewayDown).times(2).ok(8).forever();
//!
//! assert_eq!(charge(&gateway).await.unwrap(), 7);
//! for _ in 0..2 {
//!     charge(&gateway).await.unwrap_err();
//! }
//! scope.assert_state("card payment", State::Open);
//! tokio::time::advance(Duration::from_secs(30)).await;
//! assert_eq!(charge(&gateway).await.unwrap(), 8);
//!
//! use State::{Closed, HalfOpen, Open};
//! assert_eq!(scope.transitions("card payment"), [(Closed, Open), (Open, HalfOpen), (HalfOpen, Closed)]);
//! # }
//! ```

mod scope;
mod script;

pub use scope::{Entered, Scope, Scoped};
pub use script::Script;
