//! Whether a result borrows from an argument that a fallback or another attempt needs again.
//!
//! This looks at lifetimes as they are written. One that hides in the name of a type is found by the compiler, in its
//! words.

use proc_macro2::{Spacing, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{FnArg, Lifetime, ReceiverKind, Token, Type, punctuated::Punctuated};

/// A borrow in the `result` from one of the `&mut` arguments, and that argument as it is written.
pub(super) fn borrowed_from(result: &Type, arguments: &Punctuated<FnArg, Token![,]>) -> Option<(Span, String)> {
    let in_result = Lifetimes::of(result.to_token_stream());
    let sources: Vec<Source> = arguments.iter().map(Source::of).collect();
    // What an elided lifetime in the result stands for: the receiver's, or else the only one among the arguments.
    let of_elided = match sources.first() {
        Some(receiver) if receiver.is_receiver && receiver.lifetimes > 0 => Some(0),
        _ if sources.iter().map(|source| source.lifetimes).sum::<usize>() == 1 => {
            sources.iter().position(|source| source.lifetimes == 1)
        }
        _ => None,
    };
    sources.into_iter().enumerate().filter(|(_, source)| source.is_unique).find_map(|(position, source)| {
        let borrow = match &source.lifetime {
            Some(name) => in_result.named.iter().find(|(named, _)| named == name).map(|(_, span)| *span),
            None if of_elided == Some(position) => in_result.elided.first().copied(),
            None => None,
        };
        borrow.map(|span| (span, source.shown))
    })
}

/// An argument that a result may borrow from.
struct Source {
    shown: String,
    is_receiver: bool,
    /// `&mut`
    is_unique: bool,
    /// The name of the reference's own lifetime, where it has one.
    lifetime: Option<String>,
    /// How many lifetimes its type has.
    lifetimes: usize,
}

impl Source {
    fn of(argument: &FnArg) -> Self {
        let named = |lifetime: Option<&Lifetime>| {
            lifetime.map(|lifetime| lifetime.ident.to_string()).filter(|name| name != "_")
        };
        let (shown, ty) = match argument {
            FnArg::Typed(typed) => (typed.pat.to_token_stream().to_string(), &*typed.ty),
            FnArg::Receiver(receiver) => match &receiver.kind {
                ReceiverKind::Typed(_, ty) => ("self".to_owned(), &**ty),
                ReceiverKind::Reference(_, lifetime, unique) => {
                    return Self {
                        shown: "self".to_owned(),
                        is_receiver: true,
                        is_unique: unique.is_some(),
                        lifetime: named(lifetime.as_ref()),
                        lifetimes: 1,
                    };
                }
                _ => {
                    let shown = "self".to_owned();
                    return Self { shown, is_receiver: true, is_unique: false, lifetime: None, lifetimes: 0 };
                }
            },
        };
        let written = Lifetimes::of(ty.to_token_stream());
        let reference = match ty {
            Type::Reference(reference) => Some(reference),
            _ => None,
        };
        Self {
            shown,
            is_receiver: matches!(argument, FnArg::Receiver(_)),
            is_unique: reference.is_some_and(|reference| reference.mutability.is_some()),
            lifetime: reference.and_then(|reference| named(reference.lifetime.as_ref())),
            lifetimes: written.named.len() + written.elided.len(),
        }
    }
}

/// The lifetimes that are written in a type.
#[derive(Default)]
struct Lifetimes {
    named: Vec<(String, Span)>,
    /// `&T` and `'_`.
    elided: Vec<Span>,
}

impl Lifetimes {
    fn of(ty: TokenStream) -> Self {
        let mut found = Self::default();
        found.collect(ty);
        found
    }

    fn collect(&mut self, tokens: TokenStream) {
        const SIGNATURES: [&str; 4] = ["fn", "Fn", "FnMut", "FnOnce"];
        let mut tokens = tokens.into_iter().peekable();
        // The parameters of `fn(&T)` and `Fn(&T)` have lifetimes of their own.
        let mut is_signature = false;
        while let Some(token) = tokens.next() {
            match &token {
                TokenTree::Punct(quote) if quote.as_char() == '\'' && quote.spacing() == Spacing::Joint => {
                    if let Some(TokenTree::Ident(name)) = tokens.next() {
                        if name == "_" {
                            self.elided.push(name.span());
                        } else {
                            self.named.push((name.to_string(), name.span()));
                        }
                    }
                }
                TokenTree::Punct(and) if and.as_char() == '&' => {
                    let has_name = matches!(tokens.peek(), Some(TokenTree::Punct(quote)) if quote.as_char() == '\'');
                    if !has_name {
                        self.elided.push(token.span());
                    }
                }
                TokenTree::Group(group) if !is_signature => self.collect(group.stream()),
                _ => {}
            }
            is_signature = matches!(&token, TokenTree::Ident(word) if SIGNATURES.iter().any(|name| word == name));
        }
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    /// The lifetimes of a type: the names of those that have one, and how many have none.
    #[test]
    fn lifetimes_are_named_or_elided_and_those_of_signatures_are_their_own() {
        for (ty, named, elided) in [
            (quote!(u8), &[][..], 0),
            (quote!(&T), &[], 1),
            (quote!(&mut T), &[], 1),
            (quote!(&'a T), &["a"], 0),
            (quote!(&'_ T), &[], 1),
            (quote!(Guard<'_, T>), &[], 1),
            (quote!(Guard<'a, &'b mut [&T]>), &["a", "b"], 1),
            (quote!((&T, &U)), &[], 2),
            (quote!(fn(&T) -> &U), &[], 1),
            (quote!(Box<dyn Fn(&T) + 'a>), &["a"], 0),
            (quote!(Box<dyn FnMut(&'x T)>), &[], 0),
            (quote!(Box<dyn FnOnce(&T)>), &[], 0),
            // Neither `::` nor `->` nor `=>` is a lifetime.
            (quote!(std::io::Result<T>), &[], 0),
            (quote!(::std::vec::Vec<Vec<T>>), &[], 0),
            (quote!(impl for<'x> Into<T>), &["x"], 0),
        ] {
            let found = Lifetimes::of(ty.clone());
            let names: Vec<_> = found.named.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!((names, found.elided.len()), (named.to_vec(), elided), "{ty}");
        }
    }

    #[test]
    fn an_argument_that_lends_is_a_unique_reference_of_that_lifetime_or_the_only_one_that_it_may_be() {
        let from = |function: TokenStream| {
            let signature: syn::Signature = syn::parse2(function).unwrap();
            let syn::ReturnType::Type(_, result) = &signature.output else { unreachable!() };
            borrowed_from(result, &signature.inputs).map(|(_, from)| from)
        };
        for (function, expected) in [
            (quote!(fn f(&mut self) -> &T), Some("self")),
            (quote!(fn f(&self) -> &T), None),
            (quote!(fn f(self) -> &T), None),
            (quote!(fn f(self, a: &mut A) -> &T), Some("a")),
            (quote!(fn f(&self, a: &mut A) -> &T), None),
            (quote!(fn f(a: &mut A, b: &B) -> &T), None),
            (quote!(fn f(a: u8, b: &mut B) -> G<'_>), Some("b")),
            (quote!(fn f(a: &mut A<'_>) -> &T), None),
            (quote!(fn f<'a>(a: &'a A, b: &'a mut B) -> &'a T), Some("b")),
            (quote!(fn f<'a, 'b>(a: &'a mut A, b: &'b mut B) -> &'b T), Some("b")),
            (quote!(fn f<'a>(&'a mut self, b: &mut B) -> &'a T), Some("self")),
            (quote!(fn f(&'_ mut self) -> &T), Some("self")),
            (quote!(fn f(self: &mut Self) -> &T), Some("self")),
            (quote!(fn f(self: Pin<&mut Self>) -> &T), None),
            (quote!(fn f(&mut self) -> T), None),
            (quote!(fn f((a, b): &mut (A, B)) -> &T), Some("(a , b)")),
        ] {
            assert_eq!(from(function.clone()).as_deref(), expected, "{function}");
        }
    }
}
