//! What `#[rate_limit]` says.

use proc_macro2::Span;
use resilience_config::RateLimitConfig;
use syn::{LitStr, Signature};

use super::{Common, Settings};
use crate::{error::Errors, syntax::Ours};

/// `#[rate_limit(…)]`
pub(crate) struct RateLimit {
    attribute: Span,
    pub(crate) name: Option<LitStr>,
    pub(crate) settings: Settings<RateLimitConfig>,
}

impl RateLimit {
    pub(super) fn read(ours: &Ours, common: &mut Common, errors: &mut Errors) -> Self {
        let mut it = Self { attribute: ours.span, name: None, settings: Settings::default() };
        if !common.read_with("rate", ours, &mut it.settings, errors) {
            it.settings.may_lack("rate");
        }
        it.name = common.name.take();
        it
    }

    pub(super) fn check(&self, signature: &Signature, errors: &mut Errors) {
        self.settings.check(RateLimitConfig::violations, self.attribute, signature, errors);
    }

    /// Whether a caller may have to wait for its turn.
    pub(crate) fn may_wait(&self) -> bool {
        self.settings.has("max_wait")
    }
}
