//! The keys of a bulkhead.

use std::time::Duration;

use crate::BrokenRule;

const MAX_CONCURRENT: u32 = 25;
const MAX_KEYS: u32 = 1024;

keys! {
    $ bulkhead_keys of written

    /// The keys of a bulkhead, as far as they were written.
    BulkheadConfig

    /// A [`BulkheadConfig`] with every default applied.
    BulkheadSettings {
        /// Calls inside at once: 1 to 1,000,000. Default 25.
        max_concurrent: u32 [1..=1_000_000] = MAX_CONCURRENT;
        /// Callers that may wait, first come first served: up to 1,000,000. Default 0.
        max_queue: u32 [0..=1_000_000] = 0;
        /// How long one waits: 1 ms to 24 h; requires a `max_queue`. Default without end.
        #[doc(alias = "queue_timeout")]
        max_wait or no_max_wait: Duration ["1ms"..="24h"] = None;
        /// How many keys a keyed bulkhead holds at most: 1 to 1,000,000. Default 1024.
        max_keys: u32 [1..=1_000_000] = MAX_KEYS;
        /// Whether it does anything: one that does not lets every call pass and counts nothing. Default true.
        enabled: bool [any] = true;
    }
    standing for others {}
    in presets: [];
    outside of attributes: [enabled];
    of the program: ["key"];
}

impl BulkheadConfig {
    const fn contradictions(&self) -> [Option<BrokenRule>; 1] {
        let settings = self.resolve();
        [BrokenRule::unless_both(
            settings.max_wait.is_none() || settings.max_queue > 0,
            "max_wait",
            Some("max_queue"),
            "`max_wait` requires a `max_queue` above 0 (default 0), without which nobody waits",
        )]
    }
}

checked!(BulkheadConfig);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bounds::{DAY, MILLISECOND};

    const MOST: u32 = 1_000_000;

    const fn config() -> BulkheadConfig {
        BulkheadConfig::new()
    }

    #[test]
    fn the_defaults() {
        let expected =
            BulkheadSettings { enabled: true, max_concurrent: 25, max_queue: 0, max_wait: None, max_keys: MAX_KEYS };
        assert_eq!(config().resolve(), expected);
        assert_eq!(config().check(), Ok(()));
    }

    #[test]
    fn the_bounds() {
        let key = |config: BulkheadConfig| config.check().map_err(|error| error.key);
        assert_eq!(key(config().max_concurrent(0)), Err("max_concurrent"));
        assert_eq!(key(config().max_concurrent(MOST + 1)), Err("max_concurrent"));
        assert_eq!(key(config().max_queue(MOST + 1)), Err("max_queue"));
        assert_eq!(key(config().max_keys(0)), Err("max_keys"));
        assert_eq!(key(config().max_keys(MOST + 1)), Err("max_keys"));
        assert_eq!(key(config().max_queue(1).max_wait(Duration::ZERO)), Err("max_wait"));
        assert_eq!(key(config().max_wait(MILLISECOND)), Err("max_wait"));
        assert_eq!(key(config().max_concurrent(MOST).max_queue(MOST).max_wait(DAY)), Ok(()));
        assert_eq!(key(config().max_concurrent(1).max_queue(1).max_wait(MILLISECOND)), Ok(()));
    }
}
