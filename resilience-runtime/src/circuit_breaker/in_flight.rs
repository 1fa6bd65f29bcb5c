//! How many calls of a key are known to be under way: it keeps its breaker until they have ended.

use crate::sync::AtomicSetting;

/// How many.
pub(super) struct InFlight(AtomicSetting);

impl InFlight {
    pub(super) fn new() -> Self {
        Self(AtomicSetting::new(0))
    }

    pub(super) fn is_any(&self) -> bool {
        self.0.get() != 0
    }

    pub(super) fn begins(&self) {
        self.0.add(1);
    }

    pub(super) fn ends(&self) {
        self.0.add(1_u64.wrapping_neg());
    }
}
