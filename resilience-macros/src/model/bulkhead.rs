//! What `#[bulkhead]` says.

use proc_macro2::Span;
use resilience_config::BulkheadConfig;
use syn::{Expr, LitStr, Signature};

use super::{Common, Settings};
use crate::{
    error::Errors,
    syntax::{Key, Ours, Rows},
};

/// `#[bulkhead(…)]`
pub(crate) struct Bulkhead {
    attribute: Span,
    pub(crate) name: Option<LitStr>,
    pub(crate) settings: Settings<BulkheadConfig>,
    /// The expression whose values have a bulkhead each.
    pub(crate) key: Option<Expr>,
}

const OF_THE_CALL: &[Key<Bulkhead>] = &[Key::new("key", |it, value| {
    it.key = Some(value.value.clone());
    Ok(())
})];

impl Bulkhead {
    pub(super) fn read(ours: &Ours, common: &mut Common, errors: &mut Errors) -> Self {
        let mut it = Self { attribute: ours.span, name: None, settings: Settings::default(), key: None };
        let mut settings = Settings::default();
        common.read_with(
            "max_concurrent",
            ours,
            &mut [&mut settings, &mut Rows { table: OF_THE_CALL, into: &mut it }],
            errors,
        );
        it.settings = settings;
        it.name = common.name.take();
        it
    }

    pub(super) fn check(&self, signature: &Signature, errors: &mut Errors) {
        self.settings.check(BulkheadConfig::violations, self.attribute, signature, errors);
        super::check_key(self.key.as_ref(), &self.settings, errors);
    }

    /// Whether a caller may have to wait: there is a queue, or there may be one where its name is configured.
    pub(crate) fn may_wait(&self) -> bool {
        self.settings.has("max_queue") || (self.name.is_some() && self.settings.written.is_empty())
    }
}
