//! The function that is guarded, as far as its signature says how to guard it.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{
    Attribute, Error, FnArg, Meta, Pat, PatType, Receiver, ReceiverKind, ReturnType, Signature, Type, ext::IdentExt,
    spanned::Spanned,
};

use super::{Form, FutureForm, borrows::borrowed_from};
use crate::{
    error::Errors,
    syntax::{self, punct},
};

pub(crate) struct Target {
    /// The receiver first. In the order and number of the signature.
    pub(crate) arguments: Vec<Argument>,
    pub(crate) form: Form,
    /// The type of what the body returns.
    pub(crate) result: TokenStream,
    /// Where that is written.
    pub(crate) result_span: Span,
    /// Whether there is an `impl` in it, which cannot be written inside of a function.
    pub(crate) has_impl_in_result: bool,
}

/// An argument of the function, the receiver too.
pub(crate) struct Argument {
    /// `self`, or what the generated code calls it: by its own name where it can, which the hygiene of the macro keeps apart from the user's.
    pub(crate) name: Ident,
    /// What the user calls it: `self`, or a name without anything around it. None where it has a pattern.
    pub(crate) written_name: Option<Ident>,
    /// As it is written: a pattern, or a name with or without `mut`. None of a receiver.
    pub(crate) pattern: Option<Pat>,
    /// The same where `#[async_trait]` has moved the pattern into the body.
    pub(crate) moved_pattern: Option<TokenStream>,
    /// As they are written; they speak about the pattern.
    pub(crate) attributes: Vec<Attribute>,
    /// The conditions of its `#[cfg]`s.
    pub(crate) cfg: Vec<TokenStream>,
    pub(crate) passing: Passing,
    /// Where a demand on its type is reported.
    pub(crate) span: Span,
}

/// How an argument gets to the body when a fallback or another attempt needs it afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passing {
    /// `&T`: there is always another one.
    Copied,
    /// `&mut T`: the body gets a reborrow.
    Reborrowed,
    /// By value: the fallback, and every attempt but the last, gets a clone.
    Cloned,
    /// `_`: the body cannot see it.
    Unseen,
}

/// More arguments than the runtime's tuples have.
const MOST_ARGUMENTS: usize = 12;

impl Target {
    /// Reads the signature, and reports why the function cannot be guarded. The signature of one that can is never
    /// changed.
    pub(super) fn check(
        signature: &Signature,
        output: &ReturnType,
        form: Form,
        has_fallback: bool,
        has_retry: bool,
        errors: &mut Errors,
    ) -> Option<Self> {
        let no_result = |returned: &str| {
            format!(
                "a guarded function must return a `Result`, so that a policy can answer in its place; write `Result<{returned}, E>` where \
                `E: From<Rejection>`"
            )
        };
        let result = match output {
            ReturnType::Type(_, result) => result,
            ReturnType::Default => {
                errors.push(Error::new(signature.ident.span(), no_result("()")));
                return None;
            }
        };
        if is_no_result(result) {
            let returned = result.to_token_stream().to_string().replace(" < ", "<").replace(" >", ">");
            errors.push(Error::new_spanned(result, no_result(&returned)));
            return None;
        }
        let mut arguments: Vec<Argument> = signature.inputs.iter().enumerate().map(Argument::read).collect();
        name_twins_apart(&mut arguments);
        if has_fallback && let Some(argument) = arguments.get(MOST_ARGUMENTS) {
            let message = "a function with a fallback can have at most 12 arguments, including the receiver";
            errors.push(Error::new(argument.span, message));
        }
        if (has_fallback || has_retry)
            && let Some((borrow, from)) = borrowed_from(result, &signature.inputs)
        {
            let needs = if has_fallback { "the fallback needs" } else { "the next attempt of `retry` needs" };
            let message =
                format!("the result borrows from `{from}`, which {needs} after the call; return an owned value");
            errors.push(Error::new(borrow, message));
        }
        let (result, result_span) = (result.to_token_stream(), result.span());
        let has_impl_in_result = syntax::has_word(result.clone(), &|word| word == "impl");
        Some(Self { arguments, form, result, result_span, has_impl_in_result })
    }

    /// Finds the patterns that `#[async_trait]` has moved into the body: `let (a, b) = { let __arg1 = __arg1; __arg1 };`.
    pub(super) fn find_moved_patterns(&mut self, statements: TokenStream) {
        let Form::Future(FutureForm { is_async_trait: true, .. }) = &self.form else { return };
        let tokens: Vec<TokenTree> = statements.into_iter().collect();
        for statement in tokens.split(|token| punct(token) == ';') {
            // An attribute or a block may stand before it.
            let begin = statement.iter().rposition(|token| matches!(token, TokenTree::Ident(word) if word == "let"));
            let declared = begin.map_or(&[][..], |begin| &statement[begin + 1..]);
            let [pattern @ .., equals, TokenTree::Group(value)] = declared else { continue };
            let Some(TokenTree::Ident(name)) = &value.stream().into_iter().last() else { continue };
            let is_it = |argument: &&mut Argument| argument.written_name.as_ref() == Some(name);
            let argument = self.arguments.iter_mut().find(is_it).filter(|_| name.to_string().starts_with("__arg"));
            if let Some(argument) = argument.filter(|_| punct(equals) == '=') {
                argument.moved_pattern = Some(pattern.iter().cloned().collect());
            }
        }
    }
}

impl Target {
    pub(super) fn has_own_self(&self, keeps_arguments: bool, body: &TokenStream) -> bool {
        let receiver = self.arguments.first().filter(|first| first.is_receiver());
        keeps_arguments
            && receiver.is_some_and(|receiver| receiver.passing == Passing::Reborrowed)
            && syntax::may_move_self(body.clone())
    }
}

impl Argument {
    fn read((position, argument): (usize, &FnArg)) -> Self {
        match argument {
            FnArg::Receiver(receiver) => Self {
                name: Ident::new("self", receiver.self_token.span),
                written_name: Some(Ident::new("self", receiver.self_token.span)),
                pattern: None,
                moved_pattern: None,
                attributes: receiver.attrs.clone(),
                cfg: conditions(&receiver.attrs),
                passing: passing_of(argument),
                span: receiver.self_token.span,
            },
            FnArg::Typed(PatType { attrs, pat, ty, .. }) => {
                let written_name = match &**pat {
                    Pat::Ident(plain) if plain.by_ref.is_none() && plain.subpat.is_none() => Some(plain.ident.clone()),
                    _ => None,
                };
                Self {
                    name: own_name(position, pat.span(), written_name.as_ref()),
                    written_name,
                    pattern: Some((**pat).clone()),
                    moved_pattern: None,
                    attributes: attrs.clone(),
                    cfg: conditions(attrs),
                    passing: passing_of(argument),
                    span: ty.span(),
                }
            }
        }
    }

    pub(crate) fn is_receiver(&self) -> bool {
        self.pattern.is_none()
    }

    /// Whether it is only a name.
    pub(crate) fn is_plain(&self) -> bool {
        self.written_name.is_some() && !self.is_receiver()
    }

    /// A name for a closure's parameter in its place.
    pub(super) fn shown(&self) -> String {
        match &self.written_name {
            Some(_) if self.is_receiver() => "this".to_owned(),
            Some(name) => name.unraw().to_string(),
            None => "_".to_owned(),
        }
    }
}

pub(super) fn passing_of(argument: &FnArg) -> Passing {
    match argument {
        FnArg::Receiver(receiver) => Passing::of_receiver(receiver),
        FnArg::Typed(typed) if matches!(&*typed.pat, Pat::Wild(_)) => Passing::Unseen,
        FnArg::Typed(typed) => Passing::of_type(&typed.ty),
    }
}

impl Passing {
    fn of_type(ty: &Type) -> Self {
        match ty {
            Type::Group(group) => Self::of_type(&group.elem),
            Type::Paren(paren) => Self::of_type(&paren.elem),
            Type::Reference(reference) if reference.mutability.is_some() => Self::Reborrowed,
            Type::Reference(_) => Self::Copied,
            _ => Self::Cloned,
        }
    }

    fn of_receiver(receiver: &Receiver) -> Self {
        match &receiver.kind {
            ReceiverKind::Reference(_, _, Some(_)) => Self::Reborrowed,
            ReceiverKind::Reference(_, _, None) => Self::Copied,
            ReceiverKind::Typed(_, ty) => Self::of_type(ty),
            _ => Self::Cloned,
        }
    }
}

/// Whether the type is one that can be no alias of a `Result`. About all others the compiler knows better.
fn is_no_result(ty: &Type) -> bool {
    const NAMES: [&str; 18] = [
        "Option", "Vec", "String", "bool", "char", "str", "f32", "f64", "i8", "i16", "i32", "i64", "isize", "u8",
        "u16", "u32", "u64", "usize",
    ];
    match ty {
        Type::Path(path) => {
            path.qself.is_none()
                && path.path.segments.len() == 1
                && NAMES.iter().any(|name| path.path.segments[0].ident == name)
        }
        Type::Macro(_) | Type::Infer(_) | Type::Verbatim(_) => false,
        Type::Group(group) => is_no_result(&group.elem),
        Type::Paren(paren) => is_no_result(&paren.elem),
        _ => true,
    }
}

/// What the generated code calls the argument that is written there. Names of its own begin with `__`.
fn own_name(position: usize, written: Span, name: Option<&Ident>) -> Ident {
    let text = name.map(Ident::to_string).filter(|text| !text.starts_with("__") && !text.starts_with("r#"));
    let text = text.unwrap_or_else(|| format!("__argument_{position}"));
    Ident::new(&text, Span::mixed_site().located_at(written))
}

/// Arguments that only their hygiene tells apart are no longer apart with that of the macro.
fn name_twins_apart(arguments: &mut [Argument]) {
    for position in 1..arguments.len() {
        let (before, rest) = arguments.split_at_mut(position);
        if before.iter().any(|other| other.name == rest[0].name) {
            rest[0].name = own_name(position, rest[0].name.span(), None);
        }
    }
}

/// The conditions of the `#[cfg]`s among an argument's attributes, of which some may stand in a `#[cfg_attr]`.
fn conditions(attributes: &[Attribute]) -> Vec<TokenStream> {
    attributes.iter().flat_map(|attribute| conditions_in(&attribute.meta)).collect()
}

fn conditions_in(meta: &Meta) -> Vec<TokenStream> {
    let Meta::List(list) = meta else { return Vec::new() };
    if list.path.is_ident("cfg") {
        return vec![list.tokens.clone()];
    }
    let Some((condition, attributes)) = syntax::cfg_attr(meta) else { return Vec::new() };
    let conditions = attributes.iter().flat_map(conditions_in);
    conditions.map(|inner| quote!(any(not(#condition), #inner))).collect()
}
