//! Whether a timeout leaves the retry below it the time for its attempts.

use syn::Error;

use super::{Layer, Retry, Timeout};
use crate::error::Errors;

/// A retry whose waits are known to be at least as long as its backoff says, and the timeouts above it.
///
/// A wait that an error or a rejection asked for may be shorter, so a retry that is told of such is none of those; nor is one
/// that is configured elsewhere.
pub(crate) fn timeouts_above(layers: &[Layer]) -> Option<(&Retry, impl Iterator<Item = &Timeout>)> {
    let (at, retry) = layers.iter().enumerate().find_map(|(at, layer)| match layer {
        Layer::Retry(retry) => Some((at, retry)),
        _ => None,
    })?;
    let asks_for_waits = layers[at..].iter().any(|layer| match layer {
        Layer::RateLimit(_) => true,
        Layer::CircuitBreaker(_) => retry.settings.has("retry_rejections"),
        _ => false,
    });
    let is_elsewhere = retry.name.is_some() && retry.settings.written.is_empty();
    let above = layers[..at].iter().filter_map(|layer| match layer {
        Layer::Timeout(timeout) => Some(timeout),
        _ => None,
    });
    (retry.retry_after.is_none() && !asks_for_waits && !is_elsewhere).then_some((retry, above))
}

/// Reports attempts that can never begin.
pub(super) fn check(layers: &[Layer], errors: &mut Errors) {
    let Some((retry, timeouts)) = timeouts_above(layers) else { return };
    let Some(settings) = retry.settings.known().filter(|config| config.check().is_ok()) else { return };
    for timeout in timeouts {
        let Some(limit) = timeout.settings.known().filter(|config| config.check().is_ok()) else { continue };
        let Some(message) = limit.why_no_time_for(settings) else { continue };
        errors.push(match retry.settings.value("attempts").or_else(|| retry.settings.value("delay")) {
            Some(value) => Error::new_spanned(value, message),
            None => Error::new(retry.attribute, message),
        });
        let other = "this `timeout` conflicts with the waits of the `retry` below it";
        errors.push(match timeout.settings.value("after") {
            Some(value) => Error::new_spanned(value, other),
            None => Error::new(timeout.attribute, other),
        });
    }
}
