//! What `#[fallback]` says: what answers, and for what.

use quote::ToTokens;
use resilience_config::Rejections;
use syn::{Error, Expr, ExprClosure, LitStr, Pat, Result};

use super::{Common, Target};
use crate::{
    error::Errors,
    syntax::{self, Key, Ours, Rows},
};

/// `#[fallback = path]` or `#[fallback(path, …)]`
pub(crate) struct Fallback {
    pub(crate) name: Option<LitStr>,
    /// At least one. Each of them answers when the one before returned an error.
    pub(crate) levels: Vec<Answer>,
    /// What they answer for, where it is not everything.
    pub(crate) only: Option<Only>,
}

/// The failures that a fallback is told to answer for.
pub(crate) struct Only {
    pub(crate) rejections: Rejections,
    /// The function's own errors to which this hook says yes; without it none of them.
    pub(crate) errors_if: Option<Expr>,
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
                "write the path of the method, such as `Self::cached`; `self` is passed as its first argument"
            }
            Expr::Lit(_) => "`fallback` must be a path, without quotes, or a closure",
            _ => "`fallback` must be the path of a function or method, or a closure",
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

#[derive(Default)]
struct Conditions {
    on: Option<(Rejections, Expr)>,
    answers_if: Option<Expr>,
}

const KEYS: &[Key<Conditions>] = &[
    Key::new("on", |it, value| syntax::rejections(value).map(|set| it.on = Some((set, value.value.clone())))),
    Key::new("if", |it, value| {
        syntax::hook(value, "|error| error.is_transient()").map(|hook| it.answers_if = Some(hook))
    }),
];

impl Conditions {
    fn only(self, errors: &mut Errors) -> Option<Only> {
        match (self.on, self.answers_if) {
            (None, None) => None,
            (Some((Rejections::NONE, list)), None) => {
                errors.push(Error::new_spanned(
                    list,
                    "a fallback with an empty `on` list never answers; list the rejections, or add `if`",
                ));
                None
            }
            (Some((rejections, _)), errors_if) => Some(Only { rejections, errors_if }),
            (None, errors_if) => {
                let all = Rejections::ALL.into_iter().fold(Rejections::NONE, |set, (_, kind)| set.and(kind));
                Some(Only { rejections: all, errors_if })
            }
        }
    }
}

impl Fallback {
    pub(super) fn read(ours: &Ours, common: &mut Common, errors: &mut Errors) -> Option<Self> {
        let mut conditions = Conditions::default();
        common.read(ours, &mut [&mut Rows { table: KEYS, into: &mut conditions }], errors);
        let only = conditions.only(errors);
        if ours.arguments.values.is_empty() {
            errors
                .push(Error::new(ours.span, "`fallback` requires a function or a closure; write `#[fallback(path)]`"));
            return None;
        }
        let levels = ours.arguments.values.iter().filter_map(|value| errors.keep(Answer::read(value))).collect();
        Some(Self { name: common.name.take(), levels, only })
    }

    /// Reports a closure that cannot take the arguments of `target`. Whether a path can, the compiler says.
    pub(super) fn check(&self, target: &Target, errors: &mut Errors) {
        for level in &self.levels {
            if let Answer::Closure(closure) = level {
                check_closure(closure, target, errors);
            }
        }
    }

    /// As it is shown among a function's layers.
    pub(crate) fn shown(&self) -> String {
        let shown = |answer: &Answer| match answer {
            Answer::Function(path) => path.to_token_stream().to_string().replace(" :: ", "::"),
            Answer::Closure(_) => "closure".to_owned(),
        };
        match &self.name {
            Some(name) => name.value(),
            None => self.levels.iter().map(shown).collect::<Vec<_>>().join(", "),
        }
    }
}

fn check_closure(closure: &ExprClosure, target: &Target, errors: &mut Errors) {
    if target.arguments.iter().any(|argument| !argument.cfg.is_empty()) {
        let message = "a fallback must be a function where an argument has a `#[cfg]`";
        errors.push(Error::new_spanned(closure, message));
    } else if error_parameter(closure, target.arguments.len()).is_none() {
        let names: Vec<String> = target.arguments.iter().map(|argument| argument.shown()).collect();
        let parameters = names.join(", ");
        let message = format!(
            "expected a closure that takes the arguments of the function, `|{parameters}|`, or those and then the error"
        );
        errors.push(Error::new_spanned(closure, message));
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
