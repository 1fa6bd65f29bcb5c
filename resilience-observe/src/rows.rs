//! What a number is read from: one policy, one key, one layer, or the observer itself.

use resilience_runtime::{CircuitBreakerSnapshot, Key, Kind, Name, State};

/// One circuit breaker, with what its functions have counted.
#[derive(Debug)]
pub(crate) struct BreakerRow {
    pub(crate) snapshot: CircuitBreakerSnapshot,
    pub(crate) fallbacks: u64,
    pub(crate) answered_fallbacks: u64,
}

/// One key of a circuit breaker.
#[derive(Debug)]
pub(crate) struct KeyRow {
    pub(crate) name: Name,
    pub(crate) key: Key,
    pub(crate) state: State,
}

/// One policy of one guarded function.
#[derive(Debug)]
pub(crate) struct LayerRow {
    pub(crate) operation: String,
    pub(crate) kind: Kind,
    pub(crate) policy: Name,
    pub(crate) layer: String,
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
