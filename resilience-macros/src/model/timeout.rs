//! What `#[timeout]` says.

use proc_macro2::Span;
use resilience_config::TimeoutConfig;
use syn::{LitStr, Signature};

use super::{Common, Settings};
use crate::{error::Errors, syntax::Ours};

/// `#[timeout(…)]`
pub(crate) struct Timeout {
    pub(super) attribute: Span,
    pub(crate) name: Option<LitStr>,
    pub(crate) settings: Settings<TimeoutConfig>,
    /// Whether it stands below a retry. There may be one that does and one that does not.
    pub(crate) is_of_attempt: bool,
}

impl Timeout {
    pub(super) fn read(ours: &Ours, is_of_attempt: bool, common: &mut Common, errors: &mut Errors) -> Self {
        let mut it = Self { attribute: ours.span, name: None, settings: Settings::default(), is_of_attempt };
        if !common.read_with("after", ours, &mut [&mut it.settings], errors) {
            it.settings.may_lack("after");
        }
        it.name = common.name.take();
        it
    }

    pub(super) fn check(&self, signature: &Signature, errors: &mut Errors) {
        self.settings.check(TimeoutConfig::violations, self.attribute, signature, errors);
    }
}
