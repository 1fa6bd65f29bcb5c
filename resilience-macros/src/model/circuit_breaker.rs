//! What `#[circuit_breaker]` says beside its configuration: the functions, and the expression of its keys.

use proc_macro2::Span;
use resilience_config::CircuitBreakerConfig;
use syn::{Error, Expr, LitStr, Signature};

use super::{Common, Settings};
use crate::{
    error::Errors,
    syntax::{self, Key, Ours, Rows},
};

/// `#[circuit_breaker(…)]`
pub(crate) struct CircuitBreaker {
    attribute: Span,
    pub(crate) name: Option<LitStr>,
    pub(crate) settings: Settings<CircuitBreakerConfig>,
    pub(crate) trip_if: Option<Expr>,
    pub(crate) failure_if: Option<Expr>,
    pub(crate) ignore_if: Option<Expr>,
    /// The expression whose values have a breaker each.
    pub(crate) key: Option<Expr>,
}

const HOOKS: &[Key<CircuitBreaker>] = &[
    Key::new("key", |it, value| {
        it.key = Some(value.value.clone());
        Ok(())
    }),
    Key::new("failure_if", |it, value| {
        syntax::hook(value, "|error| error.is_transient()").map(|hook| it.failure_if = Some(hook))
    }),
    Key::new("ignore_if", |it, value| {
        syntax::hook(value, "|error| error.is_not_found()").map(|hook| it.ignore_if = Some(hook))
    }),
    Key::new("trip_if", |it, value| {
        syntax::hook(value, "|counts| counts.failures > 100").map(|hook| it.trip_if = Some(hook))
    }),
];

impl CircuitBreaker {
    /// Whether one is written that decides how a call ended.
    pub(crate) fn has_hooks(&self) -> bool {
        self.failure_if.is_some() || self.ignore_if.is_some()
    }

    pub(super) fn read(ours: &Ours, common: &mut Common, errors: &mut Errors) -> Self {
        let mut it = Self {
            attribute: ours.span,
            name: None,
            settings: Settings::default(),
            trip_if: None,
            failure_if: None,
            ignore_if: None,
            key: None,
        };
        let mut settings = Settings::default();
        let keys = common.read(ours, &mut [&mut settings, &mut Rows { table: HOOKS, into: &mut it }], errors);
        it.settings = settings;
        it.name = common.name.take();
        if let Some((first, more)) = ours.arguments.values.split_first() {
            match syntax::name(first) {
                Ok(_) if it.name.is_some() => {
                    errors.push(Error::new_spanned(first, "the name is given twice: here and as `name`"))
                }
                Ok(name) => it.name = Some(name),
                Err(error) => errors.push(syntax::lone_key(first, &keys).unwrap_or(error)),
            }
            for value in more {
                let message = "`circuit_breaker` takes only one value without a key, its name; write `key = value`";
                errors.push(syntax::lone_key(value, &keys).unwrap_or_else(|| Error::new_spanned(value, message)));
            }
        }
        it
    }

    /// Reports what is wrong with the values, of which the function's `signature` can be in none that is evaluated once.
    pub(super) fn check(&self, signature: &Signature, errors: &mut Errors) {
        let violations = |literals: &CircuitBreakerConfig| literals.has_trip_if(self.trip_if.is_some()).violations();
        self.settings.check(violations, self.attribute, signature, errors);
        if let Some(constant) = &self.trip_if {
            super::check_constant(constant, signature, errors);
        }
        super::check_key(self.key.as_ref(), &self.settings, errors);
    }
}
