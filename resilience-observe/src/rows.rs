//! What a number is read from: one policy, one key, or the observer itself.

use resilience_runtime::{CircuitBreakerSnapshot, Key, Kind, Name};

/// One circuit breaker, with what its functions have counted.
#[derive(Debug)]
pub(crate) struct BreakerRow {
    pub(crate) snapshot: CircuitBreakerSnapshot,
    pub(crate) fallbacks: u64,
    pub(crate) answered_fallbacks: u64,
}

/// One key of a policy: of a circuit breaker its state, of the others how many calls it has rejected.
#[derive(Debug)]
pub(crate) struct KeyRow {
    pub(crate) kind: Kind,
    pub(crate) name: Name,
    pub(crate) key: Key,
    pub(crate) value: f64,
}

/// What the observer knows by itself.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// By kind, as in the registry's snapshot.
    pub(crate) policies: [u64; 5],
    pub(crate) folded: [u64; 5],
    pub(crate) conflicts: u64,
    pub(crate) refused: u64,
    pub(crate) lost: u64,
}
