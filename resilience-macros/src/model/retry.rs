//! What `#[retry]` says beside its configuration: the functions that it asks.

use proc_macro2::Span;
use quote::ToTokens;
use resilience_config::RetryConfig;
use syn::{Error, Expr, ExprLit, Lit, LitStr, Signature};

use super::{Common, Settings};
use crate::{
    error::Errors,
    syntax::{self, Key, Ours, Rows},
};

/// `#[retry(…)]`
pub(crate) struct Retry {
    pub(super) attribute: Span,
    pub(crate) name: Option<LitStr>,
    pub(crate) settings: Settings<RetryConfig>,
    pub(crate) retry_if: Option<Expr>,
    pub(crate) retry_after: Option<Expr>,
    pub(crate) on_retry: Option<Expr>,
}

const HOOKS: &[Key<Retry>] = &[
    Key::new("retry_if", |it, value| {
        syntax::hook(value, "|error| error.is_transient()").map(|hook| it.retry_if = Some(hook))
    }),
    Key::new("retry_after", |it, value| {
        syntax::hook(value, "|error| error.retry_after()").map(|hook| it.retry_after = Some(hook))
    }),
    Key::new("on_retry", |it, value| {
        syntax::hook(value, "|event| println!(\"{event:?}\")").map(|hook| it.on_retry = Some(hook))
    }),
];

impl Retry {
    pub(crate) fn has_hooks(&self) -> bool {
        self.retry_if.is_some() || self.retry_after.is_some() || self.on_retry.is_some()
    }

    pub(super) fn read(ours: &Ours, common: &mut Common, errors: &mut Errors) -> Self {
        let mut it = Self {
            attribute: ours.span,
            name: None,
            settings: Settings::default(),
            retry_if: None,
            retry_after: None,
            on_retry: None,
        };
        let mut settings = Settings::default();
        let keys = common.read(ours, &mut [&mut settings, &mut Rows { table: HOOKS, into: &mut it }], errors);
        it.settings = settings;
        for value in &ours.arguments.values {
            let example = match syntax::unwrapped(value) {
                Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => format!("attempts = {number}"),
                Expr::Lit(ExprLit { lit: lit @ Lit::Str(_), .. }) if syntax::name(value).is_ok() => {
                    format!("name = {}", lit.to_token_stream())
                }
                _ => "key = value".to_owned(),
            };
            let message = format!("`retry` takes no value without a key; write `{example}`");
            errors.push(syntax::lone_key(value, &keys).unwrap_or_else(|| Error::new_spanned(value, message)));
        }
        it.name = common.name.take();
        it
    }

    pub(super) fn check(&self, signature: &Signature, errors: &mut Errors) {
        self.settings.check(RetryConfig::violations, self.attribute, signature, errors);
    }
}
