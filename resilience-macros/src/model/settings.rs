//! The part of an attribute that is a policy's configuration, key by key as `resilience-config` lists them.

use proc_macro2::Span;
use resilience_config::{BrokenRule, Configurable, Key, Takes, find_key};
use syn::{Error, Expr, Ident, Result, Signature, ext::IdentExt};

use crate::{
    error::Errors,
    syntax::{self, Given, KeyValue, Table},
};

/// The instance keys of a policy, as they were written.
///
/// Literals also go into a configuration of the runtime's own type, whose rules then check them.
#[derive(Default)]
pub(crate) struct Settings<Config> {
    literals: Config,
    pub(crate) written: Vec<Setting>,
    /// Keys whose values could not be read. No rule is asked about those.
    unreadable: Vec<Ident>,
}

/// `key = value`.
pub(crate) struct Setting {
    pub(crate) key: Ident,
    pub(crate) takes: Takes,
    /// The setter that turns the key off, of one that takes `none` too.
    pub(crate) off: Option<&'static str>,
    pub(crate) value: Given,
    written: Expr,
}

impl<Config: Configurable> Settings<Config> {
    fn keys() -> impl Iterator<Item = &'static Key<Config>> {
        Config::KEYS.iter().filter(|key| key.in_attribute)
    }
}

/// Reads a value, keeps it for the generated code, and hands a literal to the configuration.
impl<Config: Configurable> Table for Settings<Config> {
    fn names(&self) -> Vec<&'static str> {
        Self::keys().map(|key| key.name).collect()
    }

    fn read(&mut self, argument: &KeyValue) -> Result<()> {
        let key = find_key::<Config>(&argument.key.unraw().to_string()).expect("it is one of the names");
        let given = syntax::given(argument, key.takes).and_then(|given| {
            if let Given::Literal(literal) = &given {
                (key.read)(&mut self.literals, literal).map_err(|error| argument.error(error))?;
            }
            Ok(given)
        });
        let value = given.inspect_err(|_| self.unreadable.push(argument.key.clone()))?;
        let (name, written) = (argument.key.clone(), argument.value.clone());
        self.written.push(Setting { key: name, takes: key.takes, off: key.off, value, written });
        Ok(())
    }
}

impl<Config: Configurable> Settings<Config> {
    /// Reports the rules that the literals break, and what the function's `signature` makes impossible. A rule that looks at
    /// an expression too is left to the compiler. `attribute` is where a key is missed.
    pub(crate) fn check(
        &self,
        violations: impl Fn(&Config) -> Vec<BrokenRule>,
        attribute: Span,
        signature: &Signature,
        errors: &mut Errors,
    ) {
        let written = |key: &str| self.written.iter().find(|setting| setting.key == key);
        let is_expression = |key: &str| written(key).is_some_and(|setting| setting.value.expression().is_some());
        let is_unreadable = |key: &str| self.unreadable.iter().any(|other| other == key);
        for violation in violations(&self.literals) {
            let unknown = |key: &str| is_expression(key) || is_unreadable(key);
            if unknown(violation.key)
                || violation.other.is_some_and(unknown)
                || violation.more.iter().any(|key| unknown(key))
            {
                continue;
            }
            errors.push(match written(violation.key) {
                Some(setting) => Error::new_spanned(&setting.written, violation),
                None => Error::new(attribute, violation),
            });
            if let Some(other) = violation.other.and_then(written) {
                let message = format!("this `{}` conflicts with `{}`", other.key, violation.key);
                errors.push(Error::new_spanned(&other.written, message));
            }
        }
        for constant in self.expressions() {
            super::check_constant(constant, signature, errors);
        }
    }

    /// Nobody shall be told that this key is missing.
    pub(crate) fn may_lack(&mut self, key: &str) {
        self.unreadable.push(Ident::new(key, Span::call_site()));
    }

    /// The configuration, unless the compiler has yet to evaluate or to refuse a part of it.
    pub(crate) fn known(&self) -> Option<&Config> {
        let is_known = self.unreadable.is_empty() && self.expressions().next().is_none();
        is_known.then_some(&self.literals)
    }

    /// The value as it was written.
    pub(crate) fn value(&self, key: &str) -> Option<&Expr> {
        self.written.iter().find(|setting| setting.key == key).map(|setting| &setting.written)
    }

    /// The first of these keys that was written.
    pub(crate) fn key(&self, keys: &[&str]) -> Option<&Ident> {
        let mut written = self.written.iter().map(|setting| &setting.key);
        written.find(|key| keys.iter().any(|other| key == other))
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.key(&[key]).is_some()
    }

    /// The expressions that the compiler has yet to evaluate.
    pub(crate) fn expressions(&self) -> impl Iterator<Item = &Expr> {
        self.written.iter().filter_map(|setting| setting.value.expression())
    }
}
