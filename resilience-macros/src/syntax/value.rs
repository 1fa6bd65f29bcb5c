//! The values of keys. Each function reads one kind of value and says, where it cannot, what to write instead.
//!
//! A literal is read here. Any other expression goes to the compiler, which evaluates it in the initialiser of a
//! static.

use std::time::Duration;

use resilience_config::{Jitter, Rate, Rejections, Window, names, nearest, parse_duration};
use syn::{Expr, ExprLit, ExprUnary, Lit, LitInt, LitStr, Path, Result, UnOp};

use super::Argument;
use crate::error::Errors;

/// A value that is known here, or one that the compiler has yet to evaluate.
#[derive(Clone)]
pub(crate) enum Given<T> {
    Literal(T),
    Expression(Expr),
}

impl<T> Given<T> {
    pub(crate) fn expression(&self) -> Option<&Expr> {
        match self {
            Self::Literal(_) => None,
            Self::Expression(expression) => Some(expression),
        }
    }
}

/// A whole number.
pub(crate) fn count(argument: &Argument) -> Result<Given<u32>> {
    match literal(&argument.value) {
        Some((false, Lit::Int(number))) => Ok(Given::Literal(whole(number)?)),
        Some(_) => Err(argument.error(format!("`{}` takes a whole number", argument.key))),
        None => expression(argument, "a whole number"),
    }
}

/// A number with or without a decimal point.
pub(crate) fn number(argument: &Argument) -> Result<Given<f64>> {
    let (is_negative, number) = match literal(&argument.value) {
        Some((is_negative, Lit::Int(number))) => (is_negative, number.base10_digits().parse()),
        Some((is_negative, Lit::Float(number))) => (is_negative, number.base10_digits().parse()),
        Some(_) => return Err(argument.error(format!("`{}` takes a number, without quotes", argument.key))),
        None => return expression(argument, "a number"),
    };
    let number: f64 = number.map_err(|_| argument.error("this number cannot be read"))?;
    Ok(Given::Literal(if is_negative { -number } else { number }))
}

/// A duration in a string.
pub(crate) fn duration(argument: &Argument) -> Result<Given<Duration>> {
    match literal(&argument.value) {
        Some((false, Lit::Str(text))) => Ok(Given::Literal(time(argument, text)?)),
        Some((false, Lit::Int(number))) => Err(argument
            .error(format!("`{}` takes a duration with its unit: \"{number}ms\" or \"{number}s\"", argument.key))),
        Some(_) => Err(argument.error(format!("`{}` takes a duration, such as \"250ms\" or \"30s\"", argument.key))),
        None => expression(argument, "a duration"),
    }
}

/// A duration in a string, a number of calls, or `none`.
pub(crate) fn window(argument: &Argument) -> Result<Given<Window>> {
    match literal(&argument.value) {
        Some((false, Lit::Str(text))) => Ok(Given::Literal(Window::Time(time(argument, text)?))),
        Some((false, Lit::Int(number))) => Ok(Given::Literal(Window::Count(whole(number)?))),
        Some(_) => Err(argument.error(format!(
            "`{}` takes a duration such as \"10s\", a number of calls such as 100, or `none`",
            argument.key
        ))),
        None if bare_word(&argument.value).is_some_and(|word| word == "none") => Ok(Given::Literal(Window::None)),
        None => expression(argument, "a duration, a number of calls or `none`"),
    }
}

/// `none`, `equal`, `full`, or a number.
pub(crate) fn jitter(argument: &Argument) -> Result<Given<Jitter>> {
    let takes = "`jitter` takes `none`, `equal`, `full` or a share, 0 to 1";
    match literal(&argument.value) {
        Some((_, Lit::Int(_) | Lit::Float(_))) => Ok(match number(argument)? {
            Given::Literal(share) => Given::Literal(Jitter::Share(share)),
            Given::Expression(share) => Given::Expression(share),
        }),
        Some((_, Lit::Str(_))) => word(argument, &Jitter::NAMED).map(Given::Literal),
        Some(_) => Err(argument.error(takes)),
        None => match bare_word(&argument.value) {
            // A constant is written in capitals.
            Some(name) if name.chars().any(char::is_lowercase) => word(argument, &Jitter::NAMED).map(Given::Literal),
            _ => expression(argument, "`none`, `equal`, `full` or a share"),
        },
    }
}

/// A list of kinds of rejections.
pub(crate) fn rejections(argument: &Argument) -> Result<Rejections> {
    let Expr::Array(list) = unwrapped(&argument.value) else {
        let names: Vec<&str> = Rejections::ALL.iter().map(|(name, _)| *name).collect();
        return Err(argument.error(format!(
            "`{}` takes a list, such as `[timed_out]`, of {}",
            argument.key,
            listed(&names)
        )));
    };
    let mut set = Rejections::NONE;
    let mut errors = Errors::default();
    for element in &list.elems {
        let one = argument.with(element.clone());
        match word(&one, &Rejections::ALL) {
            Ok(kind) if set.contains(kind) => errors.push(one.error("this is in the list already")),
            Ok(kind) => set = set.and(kind),
            Err(error) => errors.push(error),
        }
    }
    errors.finish(Some(set))
}

/// So many calls in so much time, in a string.
pub(crate) fn rate(argument: &Argument) -> Result<Given<Rate>> {
    match literal(&argument.value) {
        Some((false, Lit::Str(text))) => match Rate::parse(&text.value()) {
            Ok(rate) => Ok(Given::Literal(rate)),
            Err(error) => Err(argument.error(error)),
        },
        Some((false, Lit::Int(number))) => Err(argument
            .error(format!("a rate is a number of calls and a unit of time: \"{number}/s\" or \"{number}/min\""))),
        Some(_) => Err(argument.error("a rate is a string, such as \"100/s\", \"10/min\" or \"5000/h\"")),
        None => expression(argument, "a rate"),
    }
}

/// One of a few words, without quotes.
pub(crate) fn word<T: Copy>(argument: &Argument, known: &[(&'static str, T)]) -> Result<T> {
    let key = &argument.key;
    let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    let takes = || format!("`{key}` takes {}", listed(&names));
    let Some(word) = bare_word(&argument.value) else {
        return Err(argument.error(match literal(&argument.value) {
            Some((_, Lit::Str(text))) if names.contains(&text.value().as_str()) => {
                format!("write `{key} = {}`, without quotes", text.value())
            }
            _ => takes(),
        }));
    };
    match known.iter().find(|(name, _)| *name == word) {
        Some((_, value)) => Ok(*value),
        None => Err(argument.error(match nearest(&word, &names) {
            Some(meant) => format!("`{key}` has no `{word}`; did you mean `{meant}`?"),
            None => takes(),
        })),
    }
}

/// The name of a policy instance.
pub(crate) fn name(value: &Expr) -> Result<LitStr> {
    match unwrapped(value) {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => match names::check(&text.value()) {
            Ok(()) => Ok(text.clone()),
            Err(error) => Err(syn::Error::new_spanned(value, error)),
        },
        value => {
            let message = match bare_word(value) {
                Some(word) => format!("a name is a string literal: write {word:?}"),
                None => "a name is a string literal, such as \"payment\"".to_owned(),
            };
            Err(syn::Error::new_spanned(value, message))
        }
    }
}

/// The path of a module.
pub(crate) fn path(argument: &Argument) -> Result<Path> {
    match unwrapped(&argument.value) {
        Expr::Path(path) if path.qself.is_none() => Ok(path.path.clone()),
        _ => Err(argument.error(format!("`{}` takes a path, without quotes", argument.key))),
    }
}

/// A function of one parameter: a path, or a closure such as `example`.
pub(crate) fn hook(argument: &Argument, example: &str) -> Result<Expr> {
    let value = unwrapped(&argument.value);
    match value {
        Expr::Path(_) => Ok(value.clone()),
        Expr::Closure(closure) if closure.inputs.len() == 1 => Ok(value.clone()),
        Expr::Closure(_) => Err(argument.error(format!("this closure takes one parameter, as in `{example}`"))),
        _ => Err(argument
            .error(format!("`{}` takes the path of a function, or a closure such as `{example}`", argument.key))),
    }
}

/// `value` without the parentheses around it, whether written or, by a `macro_rules!`, invisible.
pub(crate) fn unwrapped(value: &Expr) -> &Expr {
    match value {
        Expr::Group(group) => unwrapped(&group.expr),
        Expr::Paren(paren) => unwrapped(&paren.expr),
        value => value,
    }
}

/// A literal, and whether a minus stands before it.
fn literal(value: &Expr) -> Option<(bool, &Lit)> {
    match unwrapped(value) {
        Expr::Lit(ExprLit { lit, .. }) => Some((false, lit)),
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => match unwrapped(expr) {
            Expr::Lit(ExprLit { lit, .. }) => Some((true, lit)),
            _ => None,
        },
        _ => None,
    }
}

/// A single identifier.
pub(crate) fn bare_word(value: &Expr) -> Option<String> {
    let Expr::Path(path) = unwrapped(value) else { return None };
    Some(path.path.get_ident()?.to_string())
}

/// `` `a`, `b` or `c` ``
pub(crate) fn listed(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

/// A number that is too large for its type is as large as can be, so that the rule about its key refuses it.
fn whole(number: &LitInt) -> Result<u32> {
    Ok(number.base10_parse::<u128>()?.try_into().unwrap_or(u32::MAX))
}

fn time(argument: &Argument, text: &LitStr) -> Result<Duration> {
    parse_duration(&text.value()).map_err(|error| argument.error(error))
}

/// Any expression that the compiler can evaluate. What cannot be one is refused here, in words.
fn expression<T>(argument: &Argument, what: &str) -> Result<Given<T>> {
    match unwrapped(&argument.value) {
        _ if argument.is_missing() => Err(argument.error("there is no value")),
        value @ (Expr::Closure(_) | Expr::Range(_) | Expr::Assign(_) | Expr::Return(_) | Expr::Infer(_)) => Err(
            syn::Error::new_spanned(value, format!("`{}` takes {what}, or a constant expression of one", argument.key)),
        ),
        value => Ok(Given::Expression(value.clone())),
    }
}
