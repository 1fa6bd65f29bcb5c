use proc_macro2::Span;
use resilience_config::BulkheadConfig;
use syn::{LitStr, Signature};

use super::{Common, Settings};
use crate::{
    error::Errors,
    syntax::{Key, Ours},
};

/// `#[bulkhead(…)]`
pub(crate) struct Bulkhead {
    attribute: Span,
    pub(crate) name: Option<LitStr>,
    pub(crate) settings: Settings<BulkheadConfig>,
}

type Config = BulkheadConfig;

const KEYS: &[Key<Bulkhead>] = &[
    Key::new("max_concurrent", |it, value| it.settings.count(value, Config::max_concurrent)),
    Key::new("max_queue", |it, value| it.settings.count(value, Config::max_queue)),
    Key::new("queue_timeout", |it, value| it.settings.duration(value, Config::queue_timeout)),
];

impl Bulkhead {
    pub(super) fn read(ours: &Ours, common: &mut Common, errors: &mut Errors) -> Self {
        let mut it = Self { attribute: ours.span, name: None, settings: Settings::default() };
        common.read_with("max_concurrent", ours, KEYS, &mut it, errors);
        it.name = common.name.take();
        it
    }

    pub(super) fn check(&self, signature: &Signature, errors: &mut Errors) {
        self.settings.check(Config::violations, self.attribute, signature, errors);
    }

    /// Whether a caller may have to wait: there is a queue, or there may be one where its name is configured.
    pub(crate) fn may_wait(&self) -> bool {
        self.settings.has("max_queue") || (self.name.is_some() && self.settings.written.is_empty())
    }
}
