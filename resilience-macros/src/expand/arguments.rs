//! How the arguments get to the body, and where there is a fallback to that as well.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::{FnArg, Pat, PatIdent, Signature, ext::IdentExt};

use super::located_at;
use crate::model::{Argument, Guarded, Passing};

/// The receiver as the body sees it, where the fallback needs the original.
pub(super) fn reborrowed_self(span: Span) -> Ident {
    Ident::new("__self", located_at(span))
}

/// The function's signature. Beside a fallback every argument has a name in it, and the body takes apart what has a
/// pattern. That changes nothing for a caller.
pub(super) fn signature(guarded: &Guarded) -> Signature {
    let mut signature = guarded.function.signature.clone();
    if guarded.fallback.is_none() {
        return signature;
    }
    for (input, argument) in signature.inputs.iter_mut().zip(&guarded.target.arguments) {
        // The body assigns to its own reborrow.
        let is_mutable_here = argument.is_mutable && argument.passing != Passing::Reborrowed;
        match input {
            FnArg::Receiver(receiver) if !is_mutable_here => receiver.mutability = None,
            FnArg::Receiver(_) => {}
            FnArg::Typed(typed) if argument.pattern.is_some() => {
                *typed.pat = Pat::Ident(PatIdent {
                    attrs: Vec::new(),
                    by_ref: None,
                    mutability: None,
                    ident: argument.name.clone(),
                    subpat: None,
                });
            }
            FnArg::Typed(typed) => {
                if let Pat::Ident(plain) = &mut *typed.pat
                    && !is_mutable_here
                {
                    plain.mutability = None;
                }
            }
        }
    }
    signature
}

/// Clones for the fallback what the body is about to take.
pub(super) fn kept_for_fallback(guarded: &Guarded) -> TokenStream {
    let cloned = guarded.target.arguments.iter().filter(|argument| argument.passing == Passing::Cloned);
    let kept = cloned.filter(|_| guarded.fallback.is_some()).map(|argument| {
        let (cfg, kept) = (&argument.cfg, kept_name(argument));
        // An argument that is not `Clone` is an error about its type.
        let mut name = argument.name.clone();
        name.set_span(name.span().located_at(argument.span));
        let clone = quote_spanned!(located_at(argument.span)=> __resilience::clone_argument(&#name));
        quote_spanned!(Span::mixed_site()=> #(#[cfg(#cfg)])* let #kept = #clone;)
    });
    kept.collect()
}

/// Reborrows for the body what the fallback needs again.
pub(super) fn reborrowed_for_body(guarded: &Guarded) -> TokenStream {
    let unique = guarded.target.arguments.iter().filter(|argument| argument.passing == Passing::Reborrowed);
    let reborrows = unique.filter(|_| guarded.fallback.is_some()).map(|argument| {
        let (cfg, name) = (&argument.cfg, &argument.name);
        let reborrow = if argument.is_receiver() { reborrowed_self(name.span()) } else { name.clone() };
        let mutability = argument.is_mutable.then(|| quote_spanned!(Span::mixed_site()=> mut));
        quote_spanned!(Span::mixed_site()=> #(#[cfg(#cfg)])* let #mutability #reborrow = &mut *#name;)
    });
    reborrows.collect()
}

/// Takes apart, inside of the body, what has a pattern.
pub(super) fn taken_apart(guarded: &Guarded) -> TokenStream {
    let arguments = guarded.target.arguments.iter().filter(|argument| argument.passing != Passing::Unseen);
    let patterns = arguments.filter(|_| guarded.fallback.is_some()).filter_map(|argument| {
        let (cfg, pattern, name) = (&argument.cfg, argument.pattern.as_ref()?, &argument.name);
        Some(quote_spanned!(Span::mixed_site()=> #(#[cfg(#cfg)])* let #pattern = #name;))
    });
    patterns.collect()
}

/// The arguments for one call of the fallback.
pub(super) struct ForFallback {
    /// `#[cfg(…)]`, or nothing where the signature has no conditions.
    pub(super) cfg: TokenStream,
    pub(super) values: Vec<TokenStream>,
}

/// What the fallback is called with. An element of a tuple cannot have a `#[cfg]`, so each selection of arguments that
/// the signature's conditions may leave is a tuple of its own.
pub(super) fn for_fallback(guarded: &Guarded) -> Vec<ForFallback> {
    let mut selections = vec![(Vec::new(), Vec::new())];
    for argument in &guarded.target.arguments {
        let mut next = Vec::new();
        for (conditions, values) in selections {
            if !argument.cfg.is_empty() {
                let cfg = all(&argument.cfg);
                let without = quote_spanned!(Span::mixed_site()=> not(#cfg));
                next.push((with(&conditions, [without]), values.clone()));
            }
            next.push((with(&conditions, argument.cfg.iter().cloned()), with(&values, [value(argument)])));
        }
        selections = next;
    }
    let selections = selections.into_iter().map(|(conditions, values)| {
        let cfg = if conditions.is_empty() {
            TokenStream::new()
        } else {
            let cfg = all(&conditions);
            quote_spanned!(Span::mixed_site()=> #[cfg(#cfg)])
        };
        ForFallback { cfg, values }
    });
    selections.collect()
}

/// The condition of a `#[cfg]` in which all of these hold.
fn all(conditions: &[TokenStream]) -> TokenStream {
    match conditions {
        [only] => only.clone(),
        conditions => quote_spanned!(Span::mixed_site()=> all(#(#conditions),*)),
    }
}

fn with(tokens: &[TokenStream], more: impl IntoIterator<Item = TokenStream>) -> Vec<TokenStream> {
    tokens.iter().cloned().chain(more).collect()
}

/// The argument, for the fallback.
fn value(argument: &Argument) -> TokenStream {
    match argument.passing {
        Passing::Cloned => kept_name(argument).into_token_stream(),
        Passing::Copied | Passing::Reborrowed | Passing::Unseen => argument.name.to_token_stream(),
    }
}

fn kept_name(argument: &Argument) -> Ident {
    let name = argument.name.unraw();
    let kept =
        if argument.pattern.is_some() { format!("{name}_for_fallback") } else { format!("__{name}_for_fallback") };
    Ident::new(&kept, Span::mixed_site())
}
