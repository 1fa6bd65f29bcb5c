//! The forms that a function with a body can have, and what each of them makes impossible.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::{Error, FnArg, GenericArgument, GenericParam, PathArguments, ReturnType, Signature, Type, TypeParamBound};

use super::{Layer, Stack};
use crate::{
    error::Errors,
    syntax::{self, Function, Kind, Ours, Tail},
};

/// How a function runs its body.
pub(crate) enum Form {
    /// `async fn`
    Async,
    /// On the caller's thread.
    Sync,
    /// In a future that it returns.
    Future(FutureForm),
}

/// What a function that returns a future is made of, beside the block at its end.
pub(crate) struct FutureForm {
    /// Statements that run when it is called, before there is a future.
    pub(crate) before: TokenStream,
    /// The path that the future is handed to, `Box::pin`, or nothing.
    pub(crate) boxing: TokenStream,
    /// Whether `#[async_trait]` made it of an `async fn`.
    pub(crate) is_async_trait: bool,
}

impl Form {
    /// The form of `function`, of which only the body's own block is left in it, and the type of what the body returns.
    pub(super) fn take(function: &mut Function, errors: &mut Errors) -> Option<(Self, ReturnType)> {
        let signature = &function.signature;
        let output = signature.output.clone();
        if let Some(word) = &signature.constness {
            errors.push(Error::new(word.span, "a `const fn` cannot be guarded; guard its caller"));
        }
        if signature.asyncness.is_some() {
            return Some((Self::Async, output));
        }
        let ReturnType::Type(_, returned) = &output else { return Some((Self::Sync, output)) };
        let name = &signature.ident;
        let Some(result) = output_of(returned) else {
            if !syntax::has_word(returned.to_token_stream(), &|word| word == "Future") {
                return Some((Self::Sync, output));
            }
            let message = format!(
                "the output of this future is not known here; write `impl Future<Output = Result<…>>`, \
                `Pin<Box<dyn Future<Output = Result<…>>>>`, or `async fn {name}`"
            );
            errors.push(Error::new_spanned(returned, message));
            return None;
        };
        let is_async_trait = is_made_by_async_trait(signature);
        let Some(Tail { before, boxing, block }) = syntax::tail(function.body.statements.clone()) else {
            let wanted = match &**returned {
                Type::ImplTrait(_) => "async move { ... }",
                _ => "Box::pin(async move { ... })",
            };
            let message = format!(
                "the body of `{name}` must end in `{wanted}`, which is what is guarded; or write `async fn {name}`"
            );
            errors.push(Error::new(end_of(&function.body.statements).unwrap_or(function.body.span), message));
            return None;
        };
        function.body.statements = block.stream();
        function.body.span = block.span();
        let returns = ReturnType::Type(syn::Token![->](name.span()), Box::new(result.clone()));
        Some((Self::Future(FutureForm { before, boxing, is_async_trait }), returns))
    }

    /// Reports the policies among `stack` that a function of this form cannot have.
    pub(super) fn check(&self, function: &Function, ours: &[Ours], stack: &Stack, errors: &mut Errors) {
        let signature = &function.signature;
        match self {
            Self::Async => {}
            Self::Sync => {
                check_nothing_waits(function, ours, stack, errors);
                check_not_track_caller(function, errors);
            }
            Self::Future(FutureForm { before, .. }) if before.is_empty() => {}
            Self::Future(_) => {
                let name = &signature.ident;
                for retry in ours.iter().filter(|other| other.kind == Kind::Retry) {
                    let message = format!(
                        "`retry` runs the body again, but what stands before the future of `{name}` runs only once; move it into the \
                        `async move {{ ... }}`, or write `async fn {name}`"
                    );
                    errors.push(Error::new(retry.span, message));
                }
                if stack.fallback.is_some()
                    && let Some(argument) = signature.inputs.iter().find(|argument| is_unique_reference(argument))
                {
                    let message = format!(
                        "the fallback needs this `&mut` again, but the code before the future of `{name}` borrows it; write `async fn {name}`"
                    );
                    errors.push(Error::new_spanned(argument, message));
                }
            }
        }
    }

    /// Whether what is awaited elsewhere has to be there at once.
    pub(crate) fn is_sync(&self) -> bool {
        matches!(self, Self::Sync)
    }
}

/// A thread that waits can be stopped by nobody, and serves nobody else.
fn check_nothing_waits(function: &Function, ours: &[Ours], stack: &Stack, errors: &mut Errors) {
    // What `#[tokio::main]` and `#[tokio::test]` make of an `async fn`.
    let was_async = syntax::has_word(function.body.statements.clone(), &|word| word == "block_on");
    for timeout in ours.iter().filter(|other| other.kind == Kind::Timeout) {
        let message = match was_async {
            false => {
                "a synchronous function cannot have a `timeout`: nothing can stop its body from outside; make it an `async fn`, or set a timeout \
                on the client that it calls"
            }
            true => {
                "a synchronous function cannot have a `timeout`: nothing can stop its body from outside; where an attribute above, such as \
                `#[tokio::test]`, has made it synchronous, write that one below this"
            }
        };
        errors.push(Error::new(timeout.span, message));
    }
    for layer in &stack.layers {
        let waits = match layer {
            Layer::Bulkhead(bulkhead) => bulkhead.settings.key(&["max_queue", "max_wait"]),
            Layer::RateLimit(limit) => limit.settings.key(&["max_wait"]),
            _ => None,
        };
        if let Some(key) = waits {
            let message = format!(
                "`{key}` would block the thread of a synchronous function while a call waits; remove it, or write `async fn`"
            );
            errors.push(Error::new(key.span(), message));
        }
    }
}

/// The body runs in a closure, and a closure has no caller but ours.
fn check_not_track_caller(function: &Function, errors: &mut Errors) {
    let track_caller = function.attributes.iter().find(|attribute| attribute.path().is_ident("track_caller"));
    if let Some(attribute) = track_caller {
        let message = format!(
            "a guarded function cannot be `#[track_caller]`, because its body runs in a closure, whose caller is the policy; remove the attribute, or \
            write it on a function that hands `Location::caller()` to `{}`",
            function.signature.ident
        );
        errors.push(Error::new_spanned(attribute, message));
    }
}

/// What comes of a future that a type is written for: `impl Future`, `Pin<Box<dyn Future>>`, `BoxFuture`.
fn output_of(ty: &Type) -> Option<&Type> {
    match ty {
        Type::Group(group) => output_of(&group.elem),
        Type::Paren(paren) => output_of(&paren.elem),
        Type::ImplTrait(future) => future.bounds.iter().find_map(output_in_bound),
        Type::TraitObject(future) => future.bounds.iter().find_map(output_in_bound),
        Type::Path(path) => {
            let last = path.path.segments.last()?;
            let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
            let mut types = arguments.args.iter().filter_map(|argument| match argument {
                GenericArgument::Type(ty) => Some(ty),
                _ => None,
            });
            match &*last.ident.to_string() {
                "Pin" | "Box" => output_of(types.next()?),
                "BoxFuture" | "LocalBoxFuture" => types.next(),
                _ => None,
            }
        }
        _ => None,
    }
}

fn output_in_bound(bound: &TypeParamBound) -> Option<&Type> {
    let TypeParamBound::Trait(bound) = bound else { return None };
    let last = bound.path.segments.last().filter(|last| last.ident == "Future")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::AssocType(output) if output.ident == "Output" => Some(&output.ty),
        _ => None,
    })
}

/// `async fn f(&self)` has become `fn f<'life0, 'async_trait>(&'life0 self) -> Pin<Box<dyn Future<…> + 'async_trait>>`.
fn is_made_by_async_trait(signature: &Signature) -> bool {
    signature.generics.params.iter().any(
        |parameter| matches!(parameter, GenericParam::Lifetime(lifetime) if lifetime.lifetime.ident == "async_trait"),
    )
}

fn is_unique_reference(argument: &FnArg) -> bool {
    match super::target::passing_of(argument) {
        super::Passing::Reborrowed => true,
        super::Passing::Copied | super::Passing::Cloned | super::Passing::Unseen => false,
    }
}

/// Where the last statement stands.
fn end_of(statements: &TokenStream) -> Option<Span> {
    statements.clone().into_iter().last().map(|token| token.span())
}
