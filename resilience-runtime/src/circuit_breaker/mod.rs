//! The circuit breaker: what it does is told at [`CircuitBreaker`].
//!
//! # Where things are
//!
//! In the order in which they build on each other; a file takes only from those before it.
//!
//! | file | what is decided there |
//! |---|---|
//! | `state` | the atomic word, and every transition as a function of it |
//! | `clock` | how a call reads the time |
//! | `cooling` | which permits of cancelled probes are not free yet |
//! | `enforcement` | how much of what the breaker decides is enforced |
//! | `settings` | the settings in force |
//! | `opening` | why it opened last, and for how long |
//! | `totals` | what is counted for good |
//! | `last_error` | what its last failure said |
//! | `cold` | what is made only when something has gone wrong |
//! | `in_flight` | how many calls are known to be under way |
//! | `breaker` | what a breaker is made of |
//! | `telling` | what is told of it |
//! | `timing` | how long a call took, and whether that is counted |
//! | `transitions` | what happens at a change of state |
//! | `nested` | which calls are part of a probe |
//! | `judging` | how a call's end is counted, and whether the breaker trips on it |
//! | `permit` | the right to make one call, until its end |
//! | `admission` | whether a call is let through |
//! | `steering` | what is done by hand |
//! | `keyed` | one breaker a key |
//! | `known` | whose outcome that of a call is |
//! | `owned` | permits that borrow nothing |
//! | `streamed` | a call that lasts until the stream that it answers with has ended |
//! | `saved` | what a restart must not forget |
//! | `next_call`, `snapshot` | what can be read from it |
//! | `policy`, `builder` | what the rest of the crate needs, and how it is built |
//!
//! Counting is in `crate::window`. The orderings are argued in `state`, `crate::seqlock` and `crate::window`.

mod admission;
mod breaker;
mod builder;
mod clock;
mod cold;
mod cooling;
mod enforcement;
mod in_flight;
mod judging;
mod keyed;
mod known;
mod last_error;
mod nested;
mod next_call;
mod opening;
mod owned;
mod permit;
mod policy;
#[cfg(feature = "persistence")]
mod saved;
mod settings;
mod snapshot;
mod state;
mod steering;
#[cfg(feature = "stream")]
mod streamed;
mod telling;
mod timing;
mod totals;
mod transitions;

#[cfg(all(test, resilience_loom))]
mod models;

pub(crate) use admission::Refused;
pub use breaker::CircuitBreaker;
pub(crate) use breaker::TripIf;
pub use builder::CircuitBreakerBuilder;
pub(crate) use known::{KeyedCall, KeyedPermit};
pub use last_error::LastError;
pub use owned::OwnedPermit;
pub use permit::Permit;
pub(crate) use permit::{Settles, WatchedCall};
pub(crate) use policy::TripRule;
#[cfg(feature = "persistence")]
pub(crate) use saved::{Saved, Since};
pub use snapshot::{CircuitBreakerSnapshot, Probes};
#[cfg(feature = "stream")]
pub(crate) use streamed::StreamedCall;
pub use totals::Totals;
