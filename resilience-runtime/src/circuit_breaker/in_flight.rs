//! How many calls of a key are known to be under way: it keeps its breaker until they have ended.

use crate::sync::Claims;

/// How many.
pub(super) struct InFlight(Claims);

impl InFlight {
    pub(super) fn new() -> Self {
        Self(Claims::new())
    }

    pub(super) fn is_any(&self) -> bool {
        self.0.is_any()
    }

    /// Whether there is none; whoever begins one after this sees what was done before it.
    pub(super) fn is_none_for_all(&self) -> bool {
        self.0.is_none_for_all()
    }

    /// One more.
    pub(super) fn begin(&self) -> UnderWay<'_> {
        self.0.begin();
        UnderWay(self)
    }

    /// One that has begun, and was [kept](UnderWay::keep).
    pub(super) fn begun(&self) -> UnderWay<'_> {
        UnderWay(self)
    }
}

/// A call that is known until this is dropped.
#[must_use = "dropped, it says that the call has ended"]
pub(super) struct UnderWay<'b>(&'b InFlight);

impl UnderWay<'_> {
    /// It goes on, as what its permit was admitted as says from now on.
    pub(super) fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.0.end();
    }
}
