use quote::ToTokens;
use syn::{Error, Expr, ExprClosure, LitStr, Pat, Result};

use super::{Common, Target};
use crate::{
    error::Errors,
    syntax::{self, Key, Ours},
};

/// `#[fallback = path]` or `#[fallback(path)]`
pub(crate) struct Fallback {
    pub(crate) name: Option<LitStr>,
    pub(crate) answer: Answer,
}

/// What answers for the function.
pub(crate) enum Answer {
    /// A path. Whether it is async, and what it takes, the compiler finds out.
    Function(Expr),
    Closure(ExprClosure),
}

impl Answer {
    fn read(value: &Expr) -> Result<Self> {
        let message = match syntax::unwrapped(value) {
            path @ Expr::Path(_) => return Ok(Self::Function(path.clone())),
            Expr::Closure(closure) => return Ok(Self::Closure(closure.clone())),
            Expr::Field(_) | Expr::MethodCall(_) => {
                "write the path of the method, as in `Self::cached`; it gets `self` as its first argument"
            }
            Expr::Lit(_) => "`fallback` takes a path without quotes, or a closure",
            _ => "`fallback` takes the path of a function or method, or a closure",
        };
        Err(Error::new_spanned(value, message))
    }
}

/// What a closure takes beside the function's arguments.
pub(crate) enum ErrorParameter {
    /// Nothing.
    Absent,
    /// The failure: a parameter without a type.
    Failure,
    /// The failure as the type that is written.
    Typed,
}

/// None of its own.
const KEYS: &[Key<()>] = &[];

impl Fallback {
    pub(super) fn read(ours: &Ours, common: &mut Common, errors: &mut Errors) -> Option<Self> {
        common.read(ours, KEYS, &mut (), errors);
        let Some((first, more)) = ours.arguments.values.split_first() else {
            errors.push(Error::new(ours.span, "`fallback` wants what answers: `#[fallback(path)]`"));
            return None;
        };
        if let Some(second) = more.first() {
            let message = "`fallback` takes one path; a chain of fallbacks is not supported yet";
            errors.push(Error::new_spanned(second, message));
        }
        let answer = errors.keep(Answer::read(first))?;
        Some(Self { name: common.name.take(), answer })
    }

    /// Reports a closure that cannot take the arguments of `target`. Whether a path can, the compiler says.
    pub(super) fn check(&self, target: &Target, errors: &mut Errors) {
        let Answer::Closure(closure) = &self.answer else { return };
        if target.arguments.iter().any(|argument| !argument.cfg.is_empty()) {
            let message = "where an argument has a `#[cfg]`, the fallback has to be a function";
            errors.push(Error::new_spanned(closure, message));
        } else if error_parameter(closure, target.arguments.len()).is_none() {
            let names: Vec<String> = target.arguments.iter().map(|argument| argument.shown()).collect();
            let parameters = names.join(", ");
            let message =
                format!("this closure takes what the function takes, `|{parameters}|`, or the error after it");
            errors.push(Error::new_spanned(closure, message));
        }
    }

    /// As it is shown among a function's layers.
    pub(crate) fn shown(&self) -> String {
        match (&self.name, &self.answer) {
            (Some(name), _) => name.value(),
            (None, Answer::Function(path)) => path.to_token_stream().to_string().replace(" :: ", "::"),
            (None, Answer::Closure(_)) => "closure".to_owned(),
        }
    }
}

/// What `closure` takes beside so many arguments of the function, or `None` where it can take neither less nor more.
pub(crate) fn error_parameter(closure: &ExprClosure, arguments: usize) -> Option<ErrorParameter> {
    let parameters = &closure.inputs;
    if parameters.len() == arguments {
        return Some(ErrorParameter::Absent);
    }
    match parameters.last() {
        Some(Pat::Type(_)) if parameters.len() == arguments + 1 => Some(ErrorParameter::Typed),
        Some(_) if parameters.len() == arguments + 1 => Some(ErrorParameter::Failure),
        _ => None,
    }
}
