use std::time::Duration;

use proc_macro2::Span;
use resilience_config::{Backoff, ConfigError, Jitter, Mode, Preset, Rate, Rejections, Window};
use syn::{Error, Expr, Ident, Result, Signature};

use crate::{
    error::Errors,
    syntax::{self, Argument, Given},
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
    pub(crate) value: Value,
    written: Expr,
}

/// The value of an instance key.
pub(crate) enum Value {
    Count(Given<u32>),
    Number(Given<f64>),
    Duration(Given<Duration>),
    Window(Given<Window>),
    Mode(Mode),
    Preset(Preset),
    Backoff(Backoff),
    Jitter(Given<Jitter>),
    Rejections(Rejections),
    Rate(Given<Rate>),
}

impl Value {
    /// The expression, of a value that the compiler has yet to evaluate.
    pub(crate) fn expression(&self) -> Option<&Expr> {
        match self {
            Self::Count(given) => given.expression(),
            Self::Number(given) => given.expression(),
            Self::Duration(given) => given.expression(),
            Self::Window(given) => given.expression(),
            Self::Jitter(given) => given.expression(),
            Self::Rate(given) => given.expression(),
            Self::Mode(_) | Self::Preset(_) | Self::Backoff(_) | Self::Rejections(_) => None,
        }
    }
}

/// One function a kind of value: reads it, keeps it for the generated code, and hands a literal to the key's setter.
impl<Config: Copy> Settings<Config> {
    pub(crate) fn count(&mut self, argument: &Argument, setter: fn(Config, u32) -> Config) -> Result<()> {
        self.set(argument, syntax::count(argument), setter, Value::Count)
    }

    pub(crate) fn number(&mut self, argument: &Argument, setter: fn(Config, f64) -> Config) -> Result<()> {
        self.set(argument, syntax::number(argument), setter, Value::Number)
    }

    pub(crate) fn duration(&mut self, argument: &Argument, setter: fn(Config, Duration) -> Config) -> Result<()> {
        self.set(argument, syntax::duration(argument), setter, Value::Duration)
    }

    pub(crate) fn window(&mut self, argument: &Argument, setter: fn(Config, Window) -> Config) -> Result<()> {
        self.set(argument, syntax::window(argument), setter, Value::Window)
    }

    pub(crate) fn mode(&mut self, argument: &Argument, setter: fn(Config, Mode) -> Config) -> Result<()> {
        self.word(argument, &Mode::ALL, setter, Value::Mode)
    }

    pub(crate) fn preset(&mut self, argument: &Argument, setter: fn(Config, Preset) -> Config) -> Result<()> {
        self.word(argument, &Preset::ALL, setter, Value::Preset)
    }

    pub(crate) fn backoff(&mut self, argument: &Argument, setter: fn(Config, Backoff) -> Config) -> Result<()> {
        self.word(argument, &Backoff::ALL, setter, Value::Backoff)
    }

    pub(crate) fn jitter(&mut self, argument: &Argument, setter: fn(Config, Jitter) -> Config) -> Result<()> {
        self.set(argument, syntax::jitter(argument), setter, Value::Jitter)
    }

    pub(crate) fn rejections(&mut self, argument: &Argument, setter: fn(Config, Rejections) -> Config) -> Result<()> {
        let set = syntax::rejections(argument);
        self.literal(argument, set, setter, Value::Rejections)
    }

    pub(crate) fn rate(&mut self, argument: &Argument, setter: fn(Config, Rate) -> Config) -> Result<()> {
        self.set(argument, syntax::rate(argument), setter, Value::Rate)
    }

    fn word<T: Copy>(
        &mut self,
        argument: &Argument,
        known: &[(&'static str, T)],
        setter: fn(Config, T) -> Config,
        value: fn(T) -> Value,
    ) -> Result<()> {
        self.literal(argument, syntax::word(argument, known), setter, value)
    }

    fn literal<T: Copy>(
        &mut self,
        argument: &Argument,
        literal: Result<T>,
        setter: fn(Config, T) -> Config,
        value: fn(T) -> Value,
    ) -> Result<()> {
        let copy = literal.as_ref().ok().copied();
        let given = literal.map(Given::Literal);
        self.set(argument, given, setter, |_| value(copy.expect("it was read")))
    }

    fn set<T: Copy>(
        &mut self,
        argument: &Argument,
        given: Result<Given<T>>,
        setter: fn(Config, T) -> Config,
        value: impl FnOnce(Given<T>) -> Value,
    ) -> Result<()> {
        let given = given.inspect_err(|_| self.unreadable.push(argument.key.clone()))?;
        if let Given::Literal(literal) = given {
            self.literals = setter(self.literals, literal);
        }
        let (key, written) = (argument.key.clone(), argument.value.clone());
        self.written.push(Setting { key, value: value(given), written });
        Ok(())
    }
}

impl<Config: Copy> Settings<Config> {
    /// Reports the rules that the literals break, and what the function's `signature` makes impossible. A rule that looks at
    /// an expression too is left to the compiler. `attribute` is where a key is missed.
    pub(crate) fn check<const RULES: usize>(
        &self,
        violations: impl Fn(&Config) -> [Option<ConfigError>; RULES],
        attribute: Span,
        signature: &Signature,
        errors: &mut Errors,
    ) {
        let written = |key: &str| self.written.iter().find(|setting| setting.key == key);
        let is_expression = |key: &str| written(key).is_some_and(|setting| setting.value.expression().is_some());
        let is_unreadable = |key: &str| self.unreadable.iter().any(|other| other == key);
        for violation in violations(&self.literals).into_iter().flatten() {
            let unknown = |key: &str| is_expression(key) || is_unreadable(key);
            if unknown(violation.key) || violation.other.is_some_and(unknown) {
                continue;
            }
            errors.push(match written(violation.key) {
                Some(setting) => Error::new_spanned(&setting.written, violation),
                None => Error::new(attribute, violation),
            });
            if let Some(other) = violation.other.and_then(written) {
                let message = format!("this `{}` does not go together with `{}`", other.key, violation.key);
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
