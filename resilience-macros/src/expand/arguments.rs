//! How the arguments get to the body, to each of its attempts, and to a fallback as well.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::{FnArg, Pat, PatIdent, Signature, ext::IdentExt};

use super::{Surroundings, located_at};
use crate::model::{Argument, Form, Guarded, Passing};
use crate::syntax::{has_word, inside};

/// The receiver as the body sees it, where the original is needed again.
pub(super) fn own_self(span: Span) -> Ident {
    Ident::new("__self", located_at(span))
}

/// Whether there is a receiver that gets to the body in this way.
pub(super) fn receiver_is(guarded: &Guarded, passing: Passing) -> bool {
    guarded.target.arguments.first().is_some_and(|first| first.is_receiver() && first.passing == passing)
}

/// The function's signature. Where arguments are needed again, every one has a name in it, and the body takes apart what
/// has a pattern. That changes nothing for a caller.
pub(super) fn signature(guarded: &Guarded) -> Signature {
    let mut signature = guarded.function.signature.clone();
    if !guarded.keeps_arguments() {
        return signature;
    }
    for (input, argument) in signature.inputs.iter_mut().zip(&guarded.target.arguments) {
        // The body assigns to its own reborrow, and an attempt to its own clone.
        let is_own = match argument.passing {
            Passing::Reborrowed => true,
            Passing::Cloned => guarded.has_retry(),
            Passing::Copied | Passing::Unseen => false,
        };
        let is_mutable_here = argument.mutability.is_some() && !is_own;
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
        let (cfg, kept) = (&argument.cfg, kept_name(argument, "fallback"));
        // An argument that is not `Clone` is an error about its type.
        let mut name = argument.name.clone();
        name.set_span(name.span().located_at(argument.span));
        let clone = quote_spanned!(located_at(argument.span)=> __resilience::clone_argument(&#name));
        quote_spanned!(Span::mixed_site()=> #(#[cfg(#cfg)])* let #kept = #clone;)
    });
    kept.collect()
}

/// Reborrows for the body what is needed again.
pub(super) fn reborrowed_for_body(guarded: &Guarded, surroundings: Surroundings) -> TokenStream {
    reborrowed(guarded, surroundings, true)
}

/// Reborrows for an `async` block around layers what is needed again outside of it.
pub(super) fn reborrowed_for_block(guarded: &Guarded, surroundings: Surroundings) -> TokenStream {
    reborrowed(guarded, surroundings, false)
}

fn reborrowed(guarded: &Guarded, surroundings: Surroundings, may_be_assigned: bool) -> TokenStream {
    let unique = guarded.target.arguments.iter().filter(|argument| argument.passing == Passing::Reborrowed);
    let reborrows = unique.filter(|_| guarded.keeps_arguments()).map(|argument| {
        let (cfg, name) = (&argument.cfg, &argument.name);
        let reborrow = if argument.is_receiver() { own_self(name.span()) } else { name.clone() };
        let original = if argument.is_receiver() && !surroundings.has_own_self { name } else { &reborrow };
        let mutability = argument.mutability.filter(|_| may_be_assigned);
        quote_spanned!(Span::mixed_site()=> #(#[cfg(#cfg)])* let #mutability #reborrow = &mut *#original;)
    });
    reborrows.collect()
}

/// What keeps the arguments that are taken by value for all attempts, and what gives them to one.
pub(super) fn lent_to_attempts(guarded: &Guarded) -> (TokenStream, TokenStream) {
    let taken = guarded.target.arguments.iter().filter(|argument| argument.passing == Passing::Cloned);
    let statements = taken.map(|argument| {
        let (cfg, name, kept) = (&argument.cfg, &argument.name, kept_name(argument, "attempts"));
        let keep = quote_spanned! {Span::mixed_site()=>
            #(#[cfg(#cfg)])* let mut #kept = __resilience::Some(#name);
        };
        let lent = if argument.is_receiver() { own_self(name.span()) } else { name.clone() };
        let mutability = argument.mutability;
        // An argument that is not `Clone` is an error about its type.
        let here = located_at(argument.span);
        let kept_here = Ident::new(&kept.to_string(), here);
        let lend = quote_spanned!(here=> __resilience::lend(&mut #kept_here, __run.is_last_attempt()));
        let lend = quote_spanned!(Span::mixed_site()=> #(#[cfg(#cfg)])* let #mutability #lent = #lend;);
        (keep, lend)
    });
    statements.unzip()
}

/// Takes apart, for an expression beside the body, those of the arguments with a pattern that it names something of. The names are
/// references there.
pub(super) fn looked_into(guarded: &Guarded, expression: &TokenStream) -> TokenStream {
    let is_apart = matches!(&guarded.target.form, Form::Future(form) if !form.before.is_empty());
    let is_taken_apart_later = guarded.keeps_arguments() && !is_apart;
    let patterns = guarded.target.arguments.iter().filter_map(|argument| {
        let pattern = argument.pattern.as_ref().filter(|_| is_taken_apart_later).map(ToTokens::to_token_stream);
        let pattern = pattern.or_else(|| argument.moved_pattern.clone())?;
        if !names_one_of(expression.clone(), &pattern) {
            return None;
        }
        let (cfg, pattern, name) = (&argument.cfg, without_modes(pattern), &argument.name);
        Some(quote_spanned!(Span::mixed_site()=> #(#[cfg(#cfg)])* #[allow(unused_variables)] let #pattern = &#name;))
    });
    patterns.collect()
}

/// Whether a word of the expression is one of the pattern's.
fn names_one_of(expression: TokenStream, pattern: &TokenStream) -> bool {
    expression.into_iter().any(|token| match token {
        TokenTree::Ident(word) => has_word(pattern.clone(), &|other| *other == word),
        TokenTree::Group(group) => names_one_of(group.stream(), pattern),
        // Of a format string.
        TokenTree::Literal(text) => {
            let text = text.to_string();
            has_word(pattern.clone(), &|word| text.contains(&format!("{{{word}")))
        }
        TokenTree::Punct(_) => false,
    })
}

/// A pattern without `mut` and `ref`, which cannot be written where what it is matched with is a reference.
fn without_modes(pattern: TokenStream) -> TokenStream {
    let tokens =
        pattern.into_iter().filter(|token| !matches!(token, TokenTree::Ident(word) if word == "mut" || word == "ref"));
    let tokens = tokens.map(|token| match token {
        TokenTree::Group(group) => inside(&group, without_modes),
        token => token,
    });
    tokens.collect()
}

/// Takes apart, inside of the body, what has a pattern.
pub(super) fn taken_apart(guarded: &Guarded) -> TokenStream {
    let arguments = guarded.target.arguments.iter().filter(|argument| argument.passing != Passing::Unseen);
    let patterns = arguments.filter(|_| guarded.keeps_arguments()).filter_map(|argument| {
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
/// the signature's conditions may leave is a tuple of its own. Only the last level takes what there is.
pub(super) fn for_fallback(guarded: &Guarded, is_last: bool) -> Vec<ForFallback> {
    let mut selections = vec![(Vec::new(), Vec::new())];
    for argument in &guarded.target.arguments {
        let mut next = Vec::new();
        for (conditions, values) in selections {
            if !argument.cfg.is_empty() {
                let cfg = all(&argument.cfg);
                let without = quote_spanned!(Span::mixed_site()=> not(#cfg));
                next.push((with(&conditions, [without]), values.clone()));
            }
            next.push((with(&conditions, argument.cfg.iter().cloned()), with(&values, [value(argument, is_last)])));
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

/// The argument, for a level of the fallback.
fn value(argument: &Argument, is_last: bool) -> TokenStream {
    let name = &argument.name;
    match argument.passing {
        Passing::Cloned if is_last => kept_name(argument, "fallback").into_token_stream(),
        Passing::Cloned => {
            let kept = kept_name(argument, "fallback");
            quote_spanned!(Span::mixed_site()=> __resilience::clone_argument(&#kept))
        }
        Passing::Reborrowed if !is_last => quote_spanned!(Span::mixed_site()=> &mut *#name),
        Passing::Copied | Passing::Reborrowed | Passing::Unseen => name.to_token_stream(),
    }
}

fn kept_name(argument: &Argument, for_what: &str) -> Ident {
    let name = argument.name.unraw();
    let prefix = if argument.pattern.is_some() { "" } else { "__" };
    Ident::new(&format!("{prefix}{name}_for_{for_what}"), Span::mixed_site())
}
