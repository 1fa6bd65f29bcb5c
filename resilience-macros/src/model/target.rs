//! The function that is guarded, as far as its signature says how to guard it.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{
    Attribute, Error, FnArg, Meta, Pat, PatType, Receiver, ReceiverKind, ReturnType, Signature, Token, Type,
    ext::IdentExt, spanned::Spanned,
};

use super::{Form, FutureForm, borrows::borrowed_from};
use crate::{error::Errors, syntax::punct};

pub(crate) struct Target {
    /// The receiver first. In the order and number of the signature.
    pub(crate) arguments: Vec<Argument>,
    pub(crate) form: Form,
    /// What the body returns.
    pub(crate) result: Type,
}

/// An argument of the function, the receiver too.
pub(crate) struct Argument {
    /// `self`, the argument's own name, or a generated one where it has a pattern.
    pub(crate) name: Ident,
    /// What the body takes it apart with.
    pub(crate) pattern: Option<Pat>,
    /// The same where `#[async_trait]` has moved the pattern into the body.
    pub(crate) moved_pattern: Option<TokenStream>,
    /// Where the body may assign to it.
    pub(crate) mutability: Option<Token![mut]>,
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
        let arguments: Vec<Argument> = signature.inputs.iter().enumerate().map(Argument::read).collect();
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
        Some(Self { arguments, form, result: (**result).clone() })
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
            let Some(TokenTree::Ident(name)) = value.stream().into_iter().last() else { continue };
            let mut generated =
                self.arguments.iter_mut().filter(|argument| argument.name.to_string().starts_with("__arg"));
            let argument = generated.find(|argument| argument.name == name);
            if let Some(argument) = argument.filter(|_| punct(equals) == '=') {
                argument.moved_pattern = Some(pattern.iter().cloned().collect());
            }
        }
    }

    /// Whether the body has a receiver of its own, because the original is needed again.
    pub(super) fn has_own_self(&self, has_fallback: bool, has_retry: bool) -> bool {
        let receiver = self.arguments.first().filter(|first| first.is_receiver());
        receiver.is_some_and(|receiver| match receiver.passing {
            Passing::Reborrowed => has_fallback || has_retry,
            Passing::Cloned => has_retry,
            Passing::Copied | Passing::Unseen => false,
        })
    }
}

impl Argument {
    fn read((position, argument): (usize, &FnArg)) -> Self {
        match argument {
            FnArg::Receiver(receiver) => Self {
                name: Ident::new("self", receiver.self_token.span),
                pattern: None,
                moved_pattern: None,
                mutability: receiver.mutability,
                cfg: conditions(&receiver.attrs),
                passing: passing_of(argument),
                span: receiver.self_token.span,
            },
            FnArg::Typed(PatType { attrs, pat, ty, .. }) => {
                let (name, pattern, mutability) = match &**pat {
                    Pat::Ident(plain) if plain.by_ref.is_none() && plain.subpat.is_none() => {
                        (plain.ident.clone(), None, plain.mutability)
                    }
                    pattern => {
                        let name = format!("__argument_{position}");
                        (Ident::new(&name, Span::mixed_site()), Some(pattern.clone()), None)
                    }
                };
                let passing = passing_of(argument);
                let moved_pattern = None;
                Self { name, pattern, moved_pattern, mutability, cfg: conditions(attrs), passing, span: ty.span() }
            }
        }
    }

    pub(crate) fn is_receiver(&self) -> bool {
        self.name == "self"
    }

    /// A name for a closure's parameter in its place.
    pub(super) fn shown(&self) -> String {
        match &self.pattern {
            None if self.is_receiver() => "this".to_owned(),
            None => self.name.unraw().to_string(),
            Some(_) => "_".to_owned(),
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

/// The conditions of the `#[cfg]`s among an argument's attributes.
fn conditions(attributes: &[Attribute]) -> Vec<TokenStream> {
    let cfgs = attributes.iter().filter(|attribute| attribute.path().is_ident("cfg"));
    cfgs.filter_map(|cfg| match &cfg.meta {
        Meta::List(list) => Some(list.tokens.clone()),
        Meta::Path(_) | Meta::NameValue(_) => None,
    })
    .collect()
}
