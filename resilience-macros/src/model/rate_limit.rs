//! What `#[rate_limit]` says.

use proc_macro2::Span;
use resilience_config::RateLimitConfig;
use syn::{Expr, LitStr, Signature};

use super::{Common, Settings};
use crate::{
    error::Errors,
    syntax::{Key, Ours, Rows},
};

/// `#[rate_limit(…)]`
pub(crate) struct RateLimit {
    attribute: Span,
    pub(crate) name: Option<LitStr>,
    pub(crate) settings: Settings<RateLimitConfig>,
    /// The expression whose values have a rate limiter each.
    pub(crate) key: Option<Expr>,
    /// What a call costs, where that is not 1.
    pub(crate) cost: Option<Expr>,
}

const OF_THE_CALL: &[Key<RateLimit>] = &[
    Key::new("key", |it, value| {
        it.key = Some(value.value.clone());
        Ok(())
    }),
    Key::new("cost", |it, value| {
        it.cost = Some(value.value.clone());
        Ok(())
    }),
];

impl RateLimit {
    pub(super) fn read(ours: &Ours, common: &mut Common, errors: &mut Errors) -> Self {
        let mut it = Self { attribute: ours.span, name: None, settings: Settings::default(), key: None, cost: None };
        let mut settings = Settings::default();
        if !common.read_with(
            "rate",
            ours,
            &mut [&mut settings, &mut Rows { table: OF_THE_CALL, into: &mut it }],
            errors,
        ) {
            settings.may_lack("rate");
        }
        it.settings = settings;
        it.name = common.name.take();
        it
    }

    pub(super) fn check(&self, signature: &Signature, errors: &mut Errors) {
        self.settings.check(RateLimitConfig::violations, self.attribute, signature, errors);
        super::check_key(self.key.as_ref(), &self.settings, errors);
    }

    /// Whether a caller may have to wait for its turn.
    pub(crate) fn may_wait(&self) -> bool {
        self.settings.has("max_wait")
    }
}
