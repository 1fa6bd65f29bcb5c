//! What `#[bulkhead]` says.

use proc_macro2::Span;
use resilience_config::BulkheadConfig;
use syn::{LitStr, Signature};

use super::{Common, Settings};
use crate::{error::Errors, syntax::Ours};

/// `#[bulkhead(…)]`
pub(crate) struct Bulkhead {
    attribute: Span,
    pub(crate) name: Option<LitStr>,
    pub(crate) settings: Settings<BulkheadConfig>,
}

impl Bulkhead {
    pub(super) fn read(ours: &Ours, common: &mut Common, errors: &mut Errors) -> Self {
        let mut it = Self { attribute: ours.span, name: None, settings: Settings::default() };
        common.read_with("max_concurrent", ours, &mut it.settings, errors);
        it.name = common.name.take();
        it
    }

    pub(super) fn check(&self, signature: &Signature, errors: &mut Errors) {
        self.settings.check(BulkheadConfig::violations, self.attribute, signature, errors);
    }

    /// Whether a caller may have to wait: there is a queue, or there may be one where its name is configured.
    pub(crate) fn may_wait(&self) -> bool {
        self.settings.has("max_queue") || (self.name.is_some() && self.settings.written.is_empty())
    }
}
