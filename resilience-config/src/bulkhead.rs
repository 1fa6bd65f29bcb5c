use std::time::Duration;

use crate::{
    ConfigError,
    bounds::{DAY, MILLISECOND, between, time_between},
};

/// The keys of a bulkhead, as far as they were written.
///
/// | key | default | bounds |
/// |---|---|---|
/// | `max_concurrent` | 25 | 1 to 1,000,000 |
/// | `max_queue` | 0 | 0 to 1,000,000 |
/// | `queue_timeout` | none | 1 ms to 24 h; wants `max_queue` |
/// | `enabled` | true | not enabled, it lets every call pass and counts nothing |
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct BulkheadConfig {
    enabled: Option<bool>,
    max_concurrent: Option<u32>,
    max_queue: Option<u32>,
    queue_timeout: Option<Duration>,
}

/// A [`BulkheadConfig`] with every default applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BulkheadSettings {
    /// Whether it does anything.
    pub enabled: bool,
    /// Calls inside at once.
    pub max_concurrent: u32,
    /// Callers that may wait.
    pub max_queue: u32,
    /// How long one waits.
    pub queue_timeout: Option<Duration>,
}

impl BulkheadConfig {
    /// Every key at its default.
    pub const fn new() -> Self {
        Self { enabled: None, max_concurrent: None, max_queue: None, queue_timeout: None }
    }

    /// Whether it does anything: one that does not lets every call pass and counts nothing.
    pub const fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = Some(enabled);
        self
    }

    /// Calls inside at once.
    pub const fn max_concurrent(mut self, calls: u32) -> Self {
        self.max_concurrent = Some(calls);
        self
    }

    /// Callers that may wait, first come first served.
    pub const fn max_queue(mut self, callers: u32) -> Self {
        self.max_queue = Some(callers);
        self
    }

    /// How long one waits.
    pub const fn queue_timeout(mut self, time: Duration) -> Self {
        self.queue_timeout = Some(time);
        self
    }

    /// How many rules there are.
    pub const RULES: usize = 4;

    /// Applies the defaults. The result means something only for a configuration that [`check`](Self::check) accepts.
    pub const fn resolve(&self) -> BulkheadSettings {
        BulkheadSettings {
            enabled: or!(self.enabled, true),
            max_concurrent: or!(self.max_concurrent, 25),
            max_queue: or!(self.max_queue, 0),
            queue_timeout: self.queue_timeout,
        }
    }

    /// Every rule in turn: `None` where it holds.
    pub const fn violations(&self) -> [Option<ConfigError>; Self::RULES] {
        let settings = self.resolve();
        [
            ConfigError::unless(
                between(settings.max_concurrent, 1, MOST),
                "max_concurrent",
                "`max_concurrent` takes a number of calls, 1 to 1000000",
            ),
            ConfigError::unless(
                between(settings.max_queue, 0, MOST),
                "max_queue",
                "`max_queue` takes a number of callers, 0 to 1000000",
            ),
            ConfigError::unless(
                time_between(or!(settings.queue_timeout, MILLISECOND), MILLISECOND, DAY),
                "queue_timeout",
                "`queue_timeout` takes a duration, \"1ms\" to \"24h\"",
            ),
            ConfigError::unless_both(
                settings.queue_timeout.is_none() || settings.max_queue > 0,
                "queue_timeout",
                Some("max_queue"),
                "`queue_timeout` wants a `max_queue` above 0 (default 0): nobody waits without one",
            ),
        ]
    }
}

checked!(BulkheadConfig);

keys! {
    BulkheadConfig => BulkheadSettings {
        max_concurrent: u32, shown;
        max_queue: u32, shown;
        queue_timeout: Duration, shown;
        enabled: bool, shown;
    }
    of the program: [];
}

const MOST: u32 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    const fn config() -> BulkheadConfig {
        BulkheadConfig::new()
    }

    #[test]
    fn the_defaults() {
        let expected = BulkheadSettings { enabled: true, max_concurrent: 25, max_queue: 0, queue_timeout: None };
        assert_eq!(config().resolve(), expected);
        assert_eq!(config().check(), Ok(()));
    }

    #[test]
    fn the_bounds() {
        let key = |config: BulkheadConfig| config.check().map_err(|error| error.key);
        assert_eq!(key(config().max_concurrent(0)), Err("max_concurrent"));
        assert_eq!(key(config().max_concurrent(MOST + 1)), Err("max_concurrent"));
        assert_eq!(key(config().max_queue(MOST + 1)), Err("max_queue"));
        assert_eq!(key(config().max_queue(1).queue_timeout(Duration::ZERO)), Err("queue_timeout"));
        assert_eq!(key(config().queue_timeout(MILLISECOND)), Err("queue_timeout"));
        assert_eq!(key(config().max_concurrent(MOST).max_queue(MOST).queue_timeout(DAY)), Ok(()));
        assert_eq!(key(config().max_concurrent(1).max_queue(1).queue_timeout(MILLISECOND)), Ok(()));
    }
}
