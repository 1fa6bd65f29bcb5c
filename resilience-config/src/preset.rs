//! Values that suit a kind of dependency.

use std::time::Duration;

words! {
    /// Values that suit a kind of dependency. A key that is written beside a preset wins over it.
    ///
    /// | preset | `timeout` | `failure_rate` | `minimum_calls` | `open_for` |
    /// |---|---|---|---|---|
    /// | `web_service` | 5s | 50 | 20 | 30s |
    /// | `database` | 3s | 40 | 10 | 15s |
    /// | `external_api` | 10s | 60 | 5 | 60s |
    /// | `internal_service` | 2s | 30 | 15 | 20s |
    pub enum Preset {
        /// A service on the web.
        WebService = "web_service",
        /// A database of your own.
        Database = "database",
        /// Somebody else's API.
        ExternalApi = "external_api",
        /// A service of your own, near by.
        InternalService = "internal_service",
    }
}

/// What a preset says about a circuit breaker.
pub(crate) struct BreakerPreset {
    pub(crate) failure_rate: f64,
    pub(crate) minimum_calls: u32,
    pub(crate) open_for: Duration,
}

impl Preset {
    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        Self::ALL[self.index()].0
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preset_is_called_what_is_written() {
        let names = Preset::ALL.map(|(word, preset)| (word, preset.name(), preset.index()));
        let expected = ["web_service", "database", "external_api", "internal_service"];
        assert_eq!(names, [0, 1, 2, 3].map(|nth| (expected[nth], expected[nth], nth)));
    }
}
