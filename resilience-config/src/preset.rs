//! Values that suit a kind of dependency.

use std::time::Duration;

/// Values that suit a kind of dependency. A key that is written beside a preset wins over it.
///
/// | preset | `timeout` | `failure_rate` | `minimum_calls` | `open_for` |
/// |---|---|---|---|---|
/// | `web_service` | 5s | 50 | 20 | 30s |
/// | `database` | 3s | 40 | 10 | 15s |
/// | `external_api` | 10s | 60 | 5 | 60s |
/// | `internal_service` | 2s | 30 | 15 | 20s |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Preset {
    /// A service on the web.
    WebService,
    /// A database of your own.
    Database,
    /// Somebody else's API.
    ExternalApi,
    /// A service of your own, near by.
    InternalService,
}

/// What a preset says about a circuit breaker.
pub(crate) struct BreakerPreset {
    pub(crate) failure_rate: f64,
    pub(crate) minimum_calls: u32,
    pub(crate) open_for: Duration,
}

impl Preset {
    /// Every preset under the name by which it is written.
    #[doc(hidden)]
    pub const ALL: [(&'static str, Self); 4] = [
        ("web_service", Self::WebService),
        ("database", Self::Database),
        ("external_api", Self::ExternalApi),
        ("internal_service", Self::InternalService),
    ];

    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::WebService => "web_service",
            Self::Database => "database",
            Self::ExternalApi => "external_api",
            Self::InternalService => "internal_service",
        }
    }

    pub(crate) const fn breaker(self) -> BreakerPreset {
        let (failure_rate, minimum_calls, open_for) = match self {
            Self::WebService => (50.0, 20, 30),
            Self::Database => (40.0, 10, 15),
            Self::ExternalApi => (60.0, 5, 60),
            Self::InternalService => (30.0, 15, 20),
        };
        BreakerPreset { failure_rate, minimum_calls, open_for: Duration::from_secs(open_for) }
    }

    pub(crate) const fn timeout(self) -> Duration {
        Duration::from_secs(match self {
            Self::WebService => 5,
            Self::Database => 3,
            Self::ExternalApi => 10,
            Self::InternalService => 2,
        })
    }
}
