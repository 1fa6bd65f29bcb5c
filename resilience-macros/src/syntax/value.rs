//! The values of keys. Each function reads one kind of value and says, where it cannot, what to write instead.
//!
//! What a literal means is `resilience-config`'s to say, which reads the values of configuration files too. Any other
//! expression goes to the compiler, which evaluates it in the initialiser of a static.

use resilience_config::{Jitter, Rejections, Takes, Value, Written, names};
use syn::{Expr, ExprLit, ExprUnary, Lit, LitStr, Path, Result, UnOp};

use super::KeyValue;
use crate::error::Errors;

/// A value that is known here, or one that the compiler has yet to evaluate.
#[derive(Clone)]
pub(crate) enum Given {
    Literal(Written<'static>),
    Expression(Expr),
}

impl Given {
    pub(crate) fn expression(&self) -> Option<&Expr> {
        match self {
            Self::Literal(_) => None,
            Self::Expression(expression) => Some(expression),
        }
    }
}

/// The value of a key that takes such values. Whether it takes `none`, too, is said by whoever reads it.
pub(crate) fn given(argument: &KeyValue, takes: Takes) -> Result<Given> {
    let word = |is_word: fn(&str) -> bool| {
        bare_word(&argument.value).filter(|word| is_word(word)).map(|word| Written::Word(word.into()))
    };
    let is_none = |word: &str| word == "none";
    let (word, what) = match takes {
        Takes::Word { words, .. } => {
            without_a_path(argument, words.iter().copied())?;
            return word_of(argument).map(Given::Literal);
        }
        Takes::Rejections => {
            let kinds = rejections(argument)?.names().map(|name| Written::Word(name.into()));
            return Ok(Given::Literal(Written::List(kinds.collect())));
        }
        Takes::Jitter => {
            without_a_path(argument, Jitter::NAMED.map(|(name, _)| name))?;
            // A constant is written in capitals.
            (word(|word| word.chars().any(char::is_lowercase)), "`none`, `equal`, `full` or a share")
        }
        Takes::Window => (word(is_none), "a duration, a number of calls or `none`"),
        Takes::Count => (word(is_none), "a whole number"),
        Takes::Number => (word(is_none), "a number"),
        Takes::Duration => (word(is_none), "a duration"),
        Takes::Rate => (None, "a rate"),
        Takes::Switch => (None, "`true` or `false`"),
    };
    match word.or(written(argument)?) {
        Some(written) => Ok(Given::Literal(written)),
        None => expression(argument, what),
    }
}

/// A list of kinds of rejections.
pub(crate) fn rejections(argument: &KeyValue) -> Result<Rejections> {
    let Expr::Array(list) = unwrapped(&argument.value) else { return read(argument, &Written::Other) };
    let mut set = Rejections::NONE;
    let mut errors = Errors::default();
    for element in &list.elems {
        let one = argument.with(element.clone());
        without_a_path(&one, Rejections::ALL.map(|(name, _)| name))?;
        let with = set.with_written(&one.key.to_string(), &word_of(&one)?);
        match with {
            Ok(with) => set = with,
            Err(error) => errors.push(one.error(error)),
        }
    }
    errors.finish(Some(set))
}

/// The name of a policy instance.
pub(crate) fn name(value: &Expr) -> Result<LitStr> {
    match unwrapped(value) {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => match names::check(&text.value()) {
            Ok(()) => Ok(text.clone()),
            Err(error) => Err(syn::Error::new_spanned(value, error)),
        },
        value => {
            // A constant is written in capitals.
            let message = match bare_word(value).filter(|word| word.chars().any(char::is_lowercase)) {
                Some(word) => format!("expected a string literal; write {word:?}"),
                None => "expected a string literal such as `\"payment\"`".to_owned(),
            };
            Err(syn::Error::new_spanned(value, message))
        }
    }
}

/// The path of a module.
pub(crate) fn path(argument: &KeyValue) -> Result<Path> {
    match unwrapped(&argument.value) {
        Expr::Path(path) if path.qself.is_none() => Ok(path.path.clone()),
        _ => Err(argument.error(format!("`{}` must be a path, without quotes", argument.key))),
    }
}

/// A function of one parameter: a path, or a closure such as `example`.
pub(crate) fn hook(argument: &KeyValue, example: &str) -> Result<Expr> {
    let value = unwrapped(&argument.value);
    match value {
        Expr::Path(_) => Ok(value.clone()),
        Expr::Closure(closure) if closure.inputs.len() == 1 => Ok(value.clone()),
        Expr::Closure(_) => Err(argument.error(format!("expected a closure with one parameter, such as `{example}`"))),
        _ => Err(argument
            .error(format!("`{}` must be the path of a function or a closure such as `{example}`", argument.key))),
    }
}

/// As [`hook`], or a call that makes one, such as `classify::retry_after_opens(classify::io)`.
pub(crate) fn classifier(argument: &KeyValue) -> Result<Expr> {
    match unwrapped(&argument.value) {
        call @ Expr::Call(_) => Ok(call.clone()),
        _ => hook(argument, "|result| match result { Ok(_) => Verdict::SUCCESS, Err(_) => Verdict::FAILURE }"),
    }
}

/// `true` or `false`.
pub(crate) fn switch(argument: &KeyValue) -> Result<bool> {
    read(argument, &written(argument)?.unwrap_or(Written::Other))
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

/// Refuses one of the `known` words that is written as the variant of an enum, as `Backoff::Linear`.
fn without_a_path(argument: &KeyValue, known: impl IntoIterator<Item = &'static str>) -> Result<()> {
    let Expr::Path(path) = unwrapped(&argument.value) else { return Ok(()) };
    let Some(variant) = path.path.segments.iter().skip(1).last() else { return Ok(()) };
    let mut word = String::new();
    for letter in variant.ident.to_string().chars() {
        if letter.is_uppercase() && !word.is_empty() {
            word.push('_');
        }
        word.extend(letter.to_lowercase());
    }
    match known.into_iter().any(|known| known == word) {
        true => Err(argument.error(format!("expected a word without a path; write `{word}`"))),
        false => Ok(()),
    }
}

/// A word as one, and anything else as what it is.
fn word_of(argument: &KeyValue) -> Result<Written<'static>> {
    match bare_word(&argument.value) {
        Some(word) => Ok(Written::Word(word.into())),
        None => Ok(written(argument)?.unwrap_or(Written::Other)),
    }
}

/// What a literal says; nothing of any other expression.
fn written(argument: &KeyValue) -> Result<Option<Written<'static>>> {
    Ok(Some(match literal(&argument.value) {
        // One that is too large for its type is as large as can be, so that the rule about its key refuses it.
        Some((is_negative, Lit::Int(number))) => {
            let whole = i128::try_from(number.base10_parse::<u128>()?).unwrap_or(i128::MAX);
            Written::Whole(if is_negative { -whole } else { whole })
        }
        Some((is_negative, Lit::Float(number))) => {
            let number: f64 =
                number.base10_digits().parse().map_err(|_| argument.error("this number cannot be parsed"))?;
            Written::Number(if is_negative { -number } else { number })
        }
        Some((false, Lit::Str(text))) => Written::Text(text.value().into()),
        Some((false, Lit::Bool(switch))) => Written::Switch(switch.value),
        Some(_) => Written::Other,
        None => return Ok(None),
    }))
}

fn read<T: Value>(argument: &KeyValue, written: &Written<'_>) -> Result<T> {
    T::read(&argument.key.to_string(), written).map_err(|error| argument.error(error))
}

/// Any expression that the compiler can evaluate. What cannot be one is refused here, in words.
fn expression(argument: &KeyValue, what: &str) -> Result<Given> {
    match unwrapped(&argument.value) {
        _ if argument.is_missing() => Err(argument.error("there is no value")),
        value @ (Expr::Closure(_) | Expr::Range(_) | Expr::Assign(_) | Expr::Return(_) | Expr::Infer(_)) => {
            Err(syn::Error::new_spanned(value, format!("`{}` must be {what} or a constant", argument.key)))
        }
        value => Ok(Given::Expression(value.clone())),
    }
}
