//! Without the feature `peers`: nobody to compare with.

use crate::contest::Contestant;

pub(crate) fn of(_case: &str) -> Vec<Contestant> {
    Vec::new()
}

pub(crate) fn bytes_a_breaker() -> Vec<(&'static str, u64)> {
    Vec::new()
}
