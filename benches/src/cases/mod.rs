//! The cases, a file for each group.

pub(crate) mod bodies;
pub(crate) mod breaker;
pub(crate) mod compile;
#[cfg(feature = "http")]
pub(crate) mod http;
pub(crate) mod memory;
pub(crate) mod names;
pub(crate) mod policies;
pub(crate) mod workers;

use crate::contest::Case;

/// Those that are timed.
pub(crate) fn timed() -> Vec<Case> {
    let mut cases = breaker::cases();
    cases.extend(bodies::cases());
    cases.extend(policies::cases());
    cases.extend(workers::cases());
    cases.extend(names::cases());
    #[cfg(feature = "http")]
    cases.push(http::case());
    cases
}
