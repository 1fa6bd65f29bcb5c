use proc_macro2::Span;
use quote::ToTokens;
use resilience_config::RetryConfig;
use syn::{Error, Expr, ExprLit, Lit, LitStr, Signature};

use super::{Common, Settings};
use crate::{
    error::Errors,
    syntax::{self, Key, Ours},
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

type Config = RetryConfig;

const KEYS: &[Key<Retry>] = &[
    Key::new("attempts", |it, value| it.settings.count(value, Config::attempts)),
    Key::new("delay", |it, value| it.settings.duration(value, Config::delay)),
    Key::new("backoff", |it, value| it.settings.backoff(value, Config::backoff)),
    Key::new("factor", |it, value| it.settings.number(value, Config::factor)),
    Key::new("max_delay", |it, value| it.settings.duration(value, Config::max_delay)),
    Key::new("jitter", |it, value| it.settings.jitter(value, Config::jitter)),
    Key::new("max_elapsed", |it, value| it.settings.duration(value, Config::max_elapsed)),
    Key::new("retry_if", |it, value| {
        syntax::hook(value, "|error| error.is_transient()").map(|hook| it.retry_if = Some(hook))
    }),
    Key::new("retry_rejections", |it, value| it.settings.rejections(value, Config::retry_rejections)),
    Key::new("retry_after", |it, value| {
        syntax::hook(value, "|error| error.retry_after()").map(|hook| it.retry_after = Some(hook))
    }),
    Key::new("budget", |it, value| it.settings.number(value, Config::budget)),
    Key::new("on_retry", |it, value| {
        syntax::hook(value, "|event| println!(\"{event:?}\")").map(|hook| it.on_retry = Some(hook))
    }),
];

impl Retry {
    pub(super) fn read(ours: &Ours, common: &mut Common, errors: &mut Errors) -> Self {
        let mut it = Self {
            attribute: ours.span,
            name: None,
            settings: Settings::default(),
            retry_if: None,
            retry_after: None,
            on_retry: None,
        };
        common.read(ours, KEYS, &mut it, errors);
        for value in &ours.arguments.values {
            let example = match syntax::unwrapped(value) {
                Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => format!("attempts = {number}"),
                Expr::Lit(ExprLit { lit: lit @ Lit::Str(_), .. }) if syntax::name(value).is_ok() => {
                    format!("name = {}", lit.to_token_stream())
                }
                _ => "key = value".to_owned(),
            };
            let message = format!("`retry` takes no value without a key: write `{example}`");
            errors.push(syntax::lone_key(value, KEYS).unwrap_or_else(|| Error::new_spanned(value, message)));
        }
        it.name = common.name.take();
        it
    }

    pub(super) fn check(&self, signature: &Signature, errors: &mut Errors) {
        self.settings.check(Config::violations, self.attribute, signature, errors);
    }
}
