//! What a panic that passes through a guarded call leaves as it was.
//!
//! Every policy expects panics: its state is in atomics that are right after each step, and in locks that no code of the user's runs under. So
//! whoever catches a panic can go on to use the policy, and a guarded future is as unwind-safe as the bare one. The compiler cannot see
//! that in an atomic, in a lock, and in tokio's timer, which is dropped with the future.

use crate::bulkhead::{Bulkhead, HeldCall, Place};
use crate::circuit_breaker::{CircuitBreaker, KeyedCall, KeyedPermit, Permit, WatchedCall};
use crate::keyed::Keyed;
use crate::policy::Policy;
use crate::rate_limit::RateLimiter;
use crate::registry::{Operation, Registry, Site, each_kind};
use crate::retry::{Pause, Run};
use crate::timeout::{Timed, Timer};
use std::panic::{RefUnwindSafe, UnwindSafe};

macro_rules! unwind_safe {
    ($($policy:ty),*) => {$(
        impl UnwindSafe for $policy {}
        impl RefUnwindSafe for $policy {}
    )*};
}

macro_rules! policies_are_unwind_safe {
    ($($kind:ident: $policy:ident, $one:ident, $field:ident, $config:ident, $snapshot:ident, $site:ident;)*) => {
        unwind_safe!($(crate::$policy),*);
    };
}

each_kind!(policies_are_unwind_safe!);
unwind_safe!(Operation, Registry);
unwind_safe!(
    Keyed<'_, CircuitBreaker>,
    Keyed<'_, Bulkhead>,
    Keyed<'_, RateLimiter>,
    Permit<'_>,
    KeyedPermit<'_, '_>,
    Place<'_>,
    Run<'_>,
    Pause
);

impl<P: Policy> UnwindSafe for Site<P> {}
impl<P: Policy> RefUnwindSafe for Site<P> {}

// Each holds the call by a unique reference, and is not polled again after a panic of it.
impl<F: UnwindSafe> UnwindSafe for Timed<'_, F> {}
impl<F: UnwindSafe> UnwindSafe for WatchedCall<'_, F> {}
impl<F: UnwindSafe> UnwindSafe for KeyedCall<'_, '_, '_, F> {}
impl<F: UnwindSafe> UnwindSafe for HeldCall<'_, F> {}
// A timer is dropped with what it is the timer of.
impl UnwindSafe for Timer {}
