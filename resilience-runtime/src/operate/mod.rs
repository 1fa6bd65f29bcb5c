//! What is done with a registry as a whole: by hand, by a file, over a restart; and what is said about it.

#[cfg(feature = "config")]
mod configuration;
mod conflicts;
mod describe;
mod health;
#[cfg(feature = "persistence")]
mod persistence;
mod steering;

#[cfg(feature = "config")]
pub use configuration::{
    Change, ConfigWarning, ConfigureError, ConfigureReport, MAX_OVERLAYS, Mistake, Watch, Watcher,
};
pub use conflicts::{Conflict, Conflicts, Difference, assert_verified};
pub use describe::Description;
pub use health::{Health, HealthReason, HealthStatus, MAX_HEALTH_REASONS};
#[cfg(feature = "persistence")]
pub use persistence::{MAX_STATE_BYTES, RestoreError, Restored, SaveError};
pub use steering::{Matching, Reached, Steer, SteerError};
