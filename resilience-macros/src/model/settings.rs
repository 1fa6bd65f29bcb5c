use std::time::Duration;

use resilience_config::{ConfigError, Mode, Preset, Window};
use syn::{Expr, Ident, Result};

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
}

impl Value {
    /// The expression, of a value that the compiler has yet to evaluate.
    pub(crate) fn expression(&self) -> Option<&Expr> {
        match self {
            Self::Count(given) => given.expression(),
            Self::Number(given) => given.expression(),
            Self::Duration(given) => given.expression(),
            Self::Window(given) => given.expression(),
            Self::Mode(_) | Self::Preset(_) => None,
        }
    }
}

/// One function a kind of value: reads it, keeps it for the generated code, and hands a literal to the key's setter.
impl<Config: Copy> Settings<Config> {
    pub(crate) fn count(&mut self, argument: &Argument, setter: fn(Config, u32) -> Config) -> Result<()> {
        self.set(argument, syntax::count(argument)?, setter, Value::Count)
    }

    pub(crate) fn number(&mut self, argument: &Argument, setter: fn(Config, f64) -> Config) -> Result<()> {
        self.set(argument, syntax::number(argument)?, setter, Value::Number)
    }

    pub(crate) fn duration(&mut self, argument: &Argument, setter: fn(Config, Duration) -> Config) -> Result<()> {
        self.set(argument, syntax::duration(argument)?, setter, Value::Duration)
    }

    pub(crate) fn window(&mut self, argument: &Argument, setter: fn(Config, Window) -> Config) -> Result<()> {
        self.set(argument, syntax::window(argument)?, setter, Value::Window)
    }

    pub(crate) fn mode(&mut self, argument: &Argument, setter: fn(Config, Mode) -> Config) -> Result<()> {
        let mode = syntax::word(argument, &Mode::ALL)?;
        self.set(argument, Given::Literal(mode), setter, |_| Value::Mode(mode))
    }

    pub(crate) fn preset(&mut self, argument: &Argument, setter: fn(Config, Preset) -> Config) -> Result<()> {
        let preset = syntax::word(argument, &Preset::ALL)?;
        self.set(argument, Given::Literal(preset), setter, |_| Value::Preset(preset))
    }

    fn set<T: Copy>(
        &mut self,
        argument: &Argument,
        given: Given<T>,
        setter: fn(Config, T) -> Config,
        value: impl FnOnce(Given<T>) -> Value,
    ) -> Result<()> {
        if let Given::Literal(literal) = given {
            self.literals = setter(self.literals, literal);
        }
        let (key, written) = (argument.key.clone(), argument.value.clone());
        self.written.push(Setting { key, value: value(given), written });
        Ok(())
    }
}

impl<Config: Copy> Settings<Config> {
    /// Reports the rules that the literals break. One that looks at an expression too is left to the compiler.
    pub(crate) fn check(&self, violations: impl Fn(Config) -> Vec<ConfigError>, errors: &mut Errors) {
        let written = |key: &str| self.written.iter().find(|setting| setting.key == key);
        let is_expression = |key: &str| written(key).is_some_and(|setting| setting.value.expression().is_some());
        for violation in violations(self.literals) {
            if is_expression(violation.key) || violation.other.is_some_and(is_expression) {
                continue;
            }
            let setting = written(violation.key).expect("a rule is about a key that is written");
            errors.push(syn::Error::new_spanned(&setting.written, violation));
        }
    }

    /// The expressions that the compiler has yet to evaluate.
    pub(crate) fn expressions(&self) -> impl Iterator<Item = &Expr> {
        self.written.iter().filter_map(|setting| setting.value.expression())
    }
}
