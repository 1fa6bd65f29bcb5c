//! Tests of the whole library, each in `tests/`; the examples of the pages in `docs/` are tested here.

/// What a guarded function inside another does.
#[cfg(doctest)]
#[doc = include_str!("../../docs/two-layers.md")]
struct TwoLayers;

/// What somebody has stepped into.
#[cfg(doctest)]
#[doc = include_str!("../../docs/traps.md")]
struct Traps;
